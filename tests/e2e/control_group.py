"""A control group (cgroup, version 2 or 1) that limits the memory of programs that a test runs.

It is made below the test's own group, whose limits hold on. Version 2 passes no limits of memory
below a group that holds processes; there it is made beside the test's own group. Where neither can
be written the test is skipped.
"""

import os
import tempfile
import unittest
from pathlib import Path

LIMIT = {1: "memory.limit_in_bytes", 2: "memory.max"}


def own_groups():
    """(version, folder) of each mounted group of this process that may limit memory."""
    paths = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            paths[2] = path
        elif "memory" in controllers.split(","):
            paths[1] = path
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, system = line.partition(" - ")
        top, point = mount.split()[3:5]
        kind, _, options = system.split()
        version = {"cgroup2": 2, "cgroup": 1 if "memory" in options.split(",") else 0}.get(kind)
        if version in paths:
            yield version, Path(point) / os.path.relpath(paths[version], top)


def enable_memory(group, own):
    """So that groups below one of version 2 can limit memory; OSError where they cannot."""
    control = group / "cgroup.subtree_control"
    if own:
        control.write_text("+memory")
    if "memory" not in control.read_text().split():
        raise OSError(f"{control}: memory is not enabled")


class LimitedMemory:
    """While it lasts, processes with preexec_fn=group.join share at most `limit` bytes."""

    def __init__(self, limit):
        problems = []
        for version, folder in own_groups():
            for parent in [folder] if version == 1 else [folder, folder.parent]:
                try:
                    if version == 2:
                        enable_memory(parent, own=parent == folder)
                    self._make(version, parent, limit)
                    return
                except OSError as error:
                    problems.append(str(error))
        raise unittest.SkipTest("no control group can limit memory here: " +
                                ("; ".join(problems) or "none is mounted"))

    def _make(self, version, parent, limit):
        self.version = version
        self.folder = Path(tempfile.mkdtemp(prefix="glimmer_test_", dir=parent))
        try:
            (self.folder / LIMIT[version]).write_text(str(limit))
            if version == 2 and (self.folder / "memory.swap.max").exists():
                (self.folder / "memory.swap.max").write_text("0")
        except OSError:
            self.folder.rmdir()
            raise

    def join(self):
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def _count(self, file, name):
        lines = (self.folder / file).read_text().splitlines()
        return int(dict(line.split() for line in lines)[name])

    def times_reached(self):
        """How often the limit made room, by taking pages from the page cache."""
        if self.version == 2:
            return self._count("memory.events", "max")
        return int((self.folder / "memory.failcnt").read_text())

    def kills(self):
        """How many processes ended for want of memory."""
        file = "memory.events" if self.version == 2 else "memory.oom_control"
        return self._count(file, "oom_kill")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.rmdir()
