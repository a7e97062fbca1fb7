#!/usr/bin/env python3
"""Writes unicode_tables.cc: what Python's str methods know about code points.

    python3 src/chat/jinja/make_unicode_tables.py > src/chat/jinja/unicode_tables.cc
"""
import sys
import unicodedata

POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def strided(points):
    """Sorted numbers as (first, last, stride) runs with stride 1 or 2."""
    runs = []
    for p in points:
        if runs:
            first, last, stride = runs[-1]
            if first == last and p - last in (1, 2):
                runs[-1] = (first, p, p - last)
                continue
            if first != last and p - last == stride:
                runs[-1] = (first, p, stride)
                continue
        runs.append((p, p, 1))
    return runs


def rows(name, kind, items):
    print(f"const {kind} {name}[] = {{")
    line = "   "
    for item in items:
        text = " {" + ", ".join(item) + "},"
        if len(line) + len(text) > 98:
            print(line)
            line = "   "
        line += text
    print(line)
    print("};")
    print(f"const size_t {name}Count = {len(items)};\n")


def ranges(name, test):
    runs = strided([c for c in POINTS if test(chr(c))])
    rows(name, "PointRange", [(hex(a), hex(b), str(s)) for a, b, s in runs])


def mappings(name, convert, skip):
    deltas = {}
    for c in POINTS:
        to = convert(chr(c))
        if len(to) == 1 and not skip(chr(c), to):
            deltas.setdefault(ord(to) - c, []).append(c)
    items = sorted((a, b, s, d) for d, points in deltas.items() for a, b, s in strided(points))
    # Runs of one delta never interleave with another's except at stride 2: split those.
    flat = []
    for a, b, s, d in items:
        if any(a <= x <= b for x, *_ in items if x != a):
            flat += [(c, c, 1, d) for c in range(a, b + 1, s)]
        else:
            flat.append((a, b, s, d))
    rows(name, "CaseRange", [(hex(a), hex(b), str(s), str(d)) for a, b, s, d in sorted(flat)])


def special(name, convert):
    items = [(hex(c), '"' + "".join(f"\\x{b:02x}" for b in convert(chr(c)).encode()) + '"')
             for c in POINTS if len(convert(chr(c))) > 1]
    rows(name, "CaseText", items)


def main():
    print("// Written by make_unicode_tables.py from Python's unicodedata "
          f"{unicodedata.unidata_version}. Do not edit.")
    print("// clang-format off")
    print('#include "chat/jinja/unicode_tables.h"\n')
    print("namespace glimmer::chat::jinja {\n")
    ranges("kAlphabetic", str.isalpha)
    ranges("kDigits", str.isdigit)
    ranges("kNumeric", str.isnumeric)
    ranges("kPrintable", str.isprintable)
    ranges("kLowercase", str.islower)
    ranges("kUppercase", str.isupper)
    ranges("kTitlecase", lambda c: unicodedata.category(c) == "Lt")
    mappings("kToLower", str.lower, lambda c, to: to == c)
    mappings("kToUpper", str.upper, lambda c, to: to == c)
    mappings("kToTitle", str.title, lambda c, to: to == c.upper())
    special("kLowerTexts", str.lower)
    special("kUpperTexts", str.upper)
    special("kTitleTexts", str.title)
    print("}  // namespace glimmer::chat::jinja")


main()
