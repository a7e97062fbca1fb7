#!/usr/bin/env python3
"""Holds every #include and every folder's CMakeLists.txt against the file DEPS."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"


def read_deps():
    """Folder -> the folders it may include; a folder may only name those above it."""
    deps = {}
    for line in (ROOT / "DEPS").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        folder, _, below = line.partition(":")
        deps[folder] = below.split()
        for name in deps[folder]:
            if name not in deps or name == folder:
                sys.exit(f"DEPS: {folder} names {name}, which does not stand above it")
    return deps


def problems(deps):
    """One sentence for each include or CMake line that DEPS does not allow."""
    for path in sorted(SOURCE.rglob("*.h")) + sorted(SOURCE.rglob("*.cc")):
        folder = path.relative_to(SOURCE).parts[0]
        if folder not in deps:
            yield f"{path.relative_to(ROOT)}: the folder {folder} is not in DEPS"
            continue
        for included in re.findall(r'^#include "([^"/]+)/', path.read_text(), re.MULTILINE):
            if included != folder and included not in deps[folder]:
                yield f"{path.relative_to(ROOT)}: includes {included}/, DEPS does not allow it"
    for folder, below in deps.items():
        cmake = SOURCE / folder / "CMakeLists.txt"
        if not cmake.exists():
            continue
        stated = re.search(r"\bDEPS\b([a-z \t]*)", cmake.read_text())
        if stated is None or stated.group(1).split() != below:
            yield f"{cmake.relative_to(ROOT)}: DEPS must be: {' '.join(below)}"


def main():
    found = list(problems(read_deps()))
    print("\n".join(found) if found else "check_deps: every include follows DEPS")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
