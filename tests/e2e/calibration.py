"""What the tests of calibration share: token files, models made for them, what a run leaves behind
and what it takes from the machine.
"""

import hashlib
import json
import os
import random
import re
import resource
import struct
import subprocess
import time
from pathlib import Path

from glimmer import CONFIGS, PROGRAM, PROJECT, read_header, read_output, read_tensors, run

GOLDEN = PROJECT / "tests/golden"
TEXTS = PROJECT / "share/calibration/default.jsonl"
STATS = "calibration_stats.jsonl"
JOURNAL = ".glimmer-journal.jsonl"
SCRATCH = ".glimmer-calibration"


def write_tokens(path, sequences):
    """A calibration file of token ids; the path."""
    path.write_text("".join(json.dumps({"tokens": list(row)}) + "\n" for row in sequences))
    return path


def write_random_tokens(path, samples, length, vocabulary, seed=1):
    randomness = random.Random(seed)
    return write_tokens(path, ([randomness.randrange(vocabulary) for _ in range(length)]
                               for _ in range(samples)))


def golden_tokens(name, path):
    """The sequences that modelopt calibrated a golden model on."""
    return write_tokens(path, json.loads((GOLDEN / f"models/{name}/calibration_ids.json").read_text()))


def make_model(folder, config=CONFIGS / "glm-5b.json", **changes):
    """A random model with some of the config's fields changed; its folder."""
    values = json.loads(Path(config).read_text())
    values.update(changes)
    path = Path(f"{folder}.config.json")
    path.write_text(json.dumps(values))
    done = run("synth", path, folder)
    assert done.returncode == 0, done.stderr
    return Path(folder)


def source_bytes(model):
    """What the tensors of a checkpoint take."""
    return sum(info["data_offsets"][1] - info["data_offsets"][0]
               for path in Path(model).glob("*.safetensors")
               for info in read_header(path)[0].values())


def activation_bytes(tokens, width, layers, experts):
    """What a calibration in bf16 reads of the activations on the disk, at most.

    A layer reads its input, its attention's result and the sum of its experts; each expert of a
    token the normed activations, two bytes an element, and the sum so far.
    """
    return tokens * width * (4 + layers * (3 * 4 + experts * (2 + 4)))


def read_weights(folder):
    """The same without the model card, which names the texts and how they were given, and the sums,
    of which one is the card's."""
    return {name: data for name, data in read_output(folder).items()
            if name not in ("README.md", "SHA256SUMS")}


def read_all_tensors(folder):
    tensors = {}
    for path in Path(folder).glob("*.safetensors"):
        tensors.update(read_tensors(path))
    return tensors


def read_scales(folder):
    """Module -> input_scale."""
    scales = {}
    for name, (dtype, shape, data) in read_all_tensors(folder).items():
        if name.endswith(".input_scale"):
            assert (dtype, shape) == ("F32", []), (name, dtype, shape)
            scales[name.removesuffix(".input_scale")] = struct.unpack("<f", data)[0]
    return scales


def read_stats(path):
    """The head, and the input groups in the order of the file."""
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    assert lines[0]["glimmer_calibration"] == 2
    assert lines[-1]["complete"] is True
    return lines[0]["settings"], [line for line in lines if "modules" in line]


def seal_lines(lines):
    """The text of a file of sealed lines, from lines with seals or without."""
    text, seal = "", ""
    for line in lines:
        line = re.sub(r', "sha256": "[0-9a-f]{64}"}$', "}", line.rstrip("\n"))
        seal = hashlib.sha256((seal + line).encode()).hexdigest()
        text += f'{line[:-1]}, "sha256": "{seal}"}}\n'
    return text


def flip_bit(path, offset, mask=4):
    """Damages one byte of a file."""
    with open(path, "r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ mask]))


def layers_done(out):
    """Behind which layer an unfinished calibration would go on."""
    path = Path(out) / SCRATCH / STATS
    done = 0
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            record = json.loads(line)
        except ValueError:
            break
        done = record.get("layers_done", done)
    return done


def forget_pages(folder):
    """Takes a folder's files out of the page cache, as if they had never been read."""
    for path in Path(folder).iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def limited(kind, size):
    """For preexec_fn: a process that may not have more of `kind`."""
    return lambda: resource.setrlimit(kind, (size, size))


class Measured:
    """A finished process, and what it took from the machine at most."""

    def __init__(self, *arguments, data_bytes=None, period=0.002):
        command = [PROGRAM, *map(str, arguments)]
        limit = None if data_bytes is None else limited(resource.RLIMIT_DATA, data_bytes)
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, preexec_fn=limit)
        self.peak_anonymous = self.peak_file = 0  # bytes
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            self._look(process.pid)
            time.sleep(period)
        self.seconds = time.monotonic() - begin
        io = Path(f"/proc/{process.pid}/io").read_text()  # still there until it is waited for
        self.bytes_read = int(dict(line.split(": ") for line in io.splitlines())["rchar"])
        self.stdout, self.stderr = process.communicate()
        self.returncode = process.returncode

    def _look(self, pid):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        fields = dict(line.split(":", 1) for line in status.splitlines())
        if "RssAnon" not in fields:
            return
        size = {name: 1024 * int(fields[name].split()[0])
                for name in ("RssAnon", "RssShmem", "RssFile")}
        self.peak_anonymous = max(self.peak_anonymous, size["RssAnon"] + size["RssShmem"])
        self.peak_file = max(self.peak_file, size["RssFile"])
