"""What the end-to-end tests share: running the program, and reading and writing safetensors.

Only the standard library, so that the tests run on a bare machine. GLIMMER names the program.
"""

import json
import math
import os
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("GLIMMER", str(PROJECT / "build/release/glimmer"))
REFERENCE = PROJECT / "models/reference"
CONFIGS = PROJECT / "tests/testdata/configs"

# Exit codes (docs/exit-codes.md).
INVALID, NOT_FOUND, CORRUPT, IO, UNSUPPORTED, EXHAUSTED, CANCELLED, DEFECTS = range(2, 10)

BYTES_OF = {"BF16": 2, "F16": 2, "F32": 4, "U8": 1, "F8_E4M3": 1}


def run(*arguments, **options):
    """The finished process, with text output."""
    command = [PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


def run_json(*arguments):
    """The parsed JSON that a successful command prints."""
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read_header(path):
    """Tensor name -> {dtype, shape, data_offsets}, and where the data begins."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return header, 8 + length


def read_tensors(path):
    """Tensor name -> (dtype, shape, bytes)."""
    header, start = read_header(path)
    data = Path(path).read_bytes()[start:]
    return {
        name: (info["dtype"], info["shape"], data[slice(*info["data_offsets"])])
        for name, info in header.items()
    }


def write_tensors(path, tensors):
    """Writes {name: (dtype, shape, bytes)} in the given order."""
    header, offset = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [offset, offset + len(data)],
        }
        offset += len(data)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, data in tensors.values():
            file.write(data)


def write_zeros(path, tensors):
    """Writes {name: (dtype, shape)}, all zero, as a file that takes no disk space but its header's."""
    header, offset = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = BYTES_OF[dtype] * math.prod(shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + offset)


def read_folder(path):
    """File name -> bytes, folders left out."""
    return {entry.name: entry.read_bytes() for entry in Path(path).iterdir() if entry.is_file()}


def read_output(path):
    """The same without the reports, which tell when and how fast a run was."""
    return {n: data for n, data in read_folder(path).items() if not n.startswith("report.")}


class Case(unittest.TestCase):
    """A test with a temporary folder of its own."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="glimmer_e2e_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def copy_reference(self, name="model"):
        """A copy of the reference model that a test may damage."""
        return Path(shutil.copytree(REFERENCE, self.folder / name))

    def assert_fails(self, done, code, *said):
        """One sentence on standard error that holds every text of `said`."""
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("glimmer: "), done.stderr)
        for text in said:
            self.assertIn(text, done.stderr)
