#!/usr/bin/env python3
"""Sizes, names and formatting that reviews should not have to look for.

Limits: see CONTRIBUTING.md. Functions are measured by Universal Ctags, formatting by clang-format.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAX_FILE_LINES = 600
MAX_TEST_LINES = 900
MAX_HEADER_LINES = 300
MAX_FUNCTION_LINES = 80
MAX_KERNEL_LINES = 150
BANNED_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|legacy|v2)(_|\.|$)")
# A listing of tables: generated, or one row a line.
GENERATED = re.compile(r"(_tables|_data)\.(h|cc)$")


def tracked(*endings):
    """Files in git or about to be, with one of the endings."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = (ROOT / name for name in names.splitlines() if name.endswith(endings))
    return sorted(path for path in paths if path.exists())


def line_limit(path):
    if GENERATED.search(path.name):
        return None
    if path.name.endswith("_test.cc") or path.suffix == ".py" and "test" in path.name:
        return MAX_TEST_LINES
    return MAX_HEADER_LINES if path.suffix == ".h" else MAX_FILE_LINES


def check_files():
    for path in tracked(".h", ".cc", ".py"):
        name = path.relative_to(ROOT)
        text = path.read_text()
        lines = text.count("\n")
        limit = line_limit(path)
        if limit is not None and lines > limit:
            yield f"{name}: {lines} lines, at most {limit}"
        if BANNED_NAMES.search(path.name):
            yield f"{name}: the name does not say what is in it"
        if path.suffix == ".h" and "-inl" not in path.name and "#pragma once" not in text:
            yield f"{name}: needs #pragma once"
        if path.suffix in (".h", ".cc") and not text.isascii():
            marks = sorted({c for c in text if ord(c) > 127} - set("…·×≤≥±→–’"))
            about_text = name.parts[0] == "src" and name.parts[1] in ("unicode", "text", "chat")
            texts = about_text or "test" in name.name or name.parts[0] in ("fuzz", "bench")
            if marks and not texts and not GENERATED.search(path.name):
                yield f"{name}: unexpected characters {marks}"
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX)\b", line) and name != Path("tools/check_style.py"):
                yield f"{name}:{number}: unfinished work"


def check_functions():
    sources = tracked(".cc", ".h")
    command = ["ctags", "--output-format=json", "--fields=+neK", "--kinds-C++=f", "-f", "-", "-L", "-"]
    listing = subprocess.run(command, input="\n".join(map(str, sources)), capture_output=True,
                             text=True, check=True).stdout
    for line in listing.splitlines():
        tag = json.loads(line)
        path = Path(tag["path"])
        if "end" not in tag or path.name.endswith("_test.cc"):
            continue
        length = tag["end"] - tag["line"] + 1
        kernel = "kernels" in path.parts
        if length > (MAX_KERNEL_LINES if kernel else MAX_FUNCTION_LINES):
            yield f"{path.relative_to(ROOT)}:{tag['line']}: {tag['name']} has {length} lines"


def check_format():
    sources = [path for path in tracked(".cc", ".h") if not GENERATED.search(path.name)]
    command = ["clang-format-14", "--dry-run", "--Werror", *map(str, sources)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        places = re.findall(r"^(\S+?:\d+):\d+: error", done.stderr, re.MULTILINE)
        for place in dict.fromkeys(place.rsplit(":", 1)[0] for place in places):
            yield f"{Path(place).relative_to(ROOT)}: run clang-format-14 -i on it"


def main():
    found = [*check_files(), *check_functions(), *check_format()]
    print("\n".join(found) if found else "check_style: sizes, names and formatting are in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
