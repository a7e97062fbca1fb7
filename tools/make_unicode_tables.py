#!/usr/bin/env python3
"""Writes src/text/unicode_data.inc: the Unicode tables of the tokenizer.

usage: make_unicode_tables.py > src/text/unicode_data.inc
needs: pip install unicodedata2==16.0.0 regex==2024.11.6, under a Python whose own unicodedata
       knows Unicode 14.0 (3.11, as in Debian 12)

Unicode 16.0 is what the Oniguruma inside PyPI `tokenizers` 0.22 and 0.23 knows: its answers to
\\p{L} \\p{N} \\p{M} \\p{P} \\p{S} \\p{Lu} \\p{Ll} \\p{Lt} \\p{Lm} \\p{Lo} \\p{Han} \\s \\d were compared with
these tables for every code point and are equal. PCRE2 10.42 knows Unicode 14.0, therefore the
last table lists what changed since.
"""
import sys
import unicodedata as unicode14

import regex
import unicodedata2 as unicode16

CATEGORIES = ("Cn Cc Cf Cs Co Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No "
              "Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp").split()
WHITE_SPACE, HAN, WORD = 0x20, 0x40, 0x80
CODE_POINTS = range(0x110000)
# What the word character of Rust's regex crate is: decides the single_word of added tokens.
IS_WORD = regex.compile(r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]")
IS_HAN = regex.compile(r"\p{Script=Han}")
IS_SPACE = regex.compile(r"\p{White_Space}")


def properties(code_point):
    """The byte of src/text/unicode.h: category, and three flags above it."""
    char = chr(code_point)
    value = CATEGORIES.index(unicode16.category(char))
    for flag, pattern in ((WHITE_SPACE, IS_SPACE), (HAN, IS_HAN), (WORD, IS_WORD)):
        if pattern.match(char):
            value |= flag
    return value


def starts(function):
    """[(first code point, value)] of the runs of equal values."""
    runs = []
    for code_point in CODE_POINTS:
        value = function(code_point)
        if not runs or runs[-1][1] != value:
            runs.append((code_point, value))
    return runs


def decompositions():
    """[(code point, first, second or 0, 1 if the pair composes back)], canonical, one step."""
    rows = []
    for code_point in CODE_POINTS:
        parts = unicode16.decomposition(chr(code_point))
        if not parts or parts.startswith("<"):
            continue
        first, second = ([int(x, 16) for x in parts.split()] + [0])[:2]
        back = unicode16.normalize("NFC", chr(code_point)) == chr(code_point)
        rows.append((code_point, first, second, int(back and second != 0)))
    return rows


def write(comment, declaration, rows):
    print(f"// {comment}\n{declaration} = {{")
    line = "   "
    for row in rows:
        cell = " {" + ", ".join(f"{x:#x}" if x > 9 else str(x) for x in row) + "},"
        if len(line) + len(cell) > 100:
            print(line)
            line = "   "
        line += cell
    print(line + "\n};\n")


def main():
    assert unicode16.unidata_version == "16.0.0" and unicode14.unidata_version == "14.0.0"
    print("// Made by tools/make_unicode_tables.py from Unicode 16.0.0; do not edit.\n")
    write("Properties (see unicode.h) of all code points from `first` to the next row.",
          "constexpr PropertyRun kPropertyRuns[]", starts(properties))
    write("Canonical combining classes, as runs.", "constexpr PropertyRun kCombiningRuns[]",
          starts(lambda c: unicode16.combining(chr(c))))
    write("Canonical decompositions: code point, first, second or 0, whether it composes back.",
          "constexpr Decomposition kDecompositions[]", decompositions())
    write("1 where the general category is another than in Unicode 14.0, as runs.",
          "constexpr PropertyRun kChangedSince14[]",
          starts(lambda c: int(unicode16.category(chr(c)) != unicode14.category(chr(c)))))


if __name__ == "__main__":
    sys.exit(main())
