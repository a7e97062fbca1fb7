#!/usr/bin/env python3
"""Writes the Unicode tables of src/unicode: properties_data.inc, nfc_data.inc, case_data.inc.

usage: make_unicode_tables.py
needs: pip install unicodedata2==16.0.0 regex==2024.11.6 pyicu-wheels==2.14, under a Python whose
       own unicodedata knows Unicode 14.0 (3.11, as in Debian 12)

Unicode 16.0 is what the Oniguruma inside PyPI `tokenizers` 0.22 and 0.23 knows: its answers to
\\p{L} \\p{N} \\p{M} \\p{P} \\p{S} \\p{Lu} \\p{Ll} \\p{Lt} \\p{Lm} \\p{Lo} \\p{Han} \\s \\d were compared with
these tables for every code point and are equal. PCRE2 10.42 knows Unicode 14.0, therefore one
table lists what changed since. What str's methods say is checked here against this Python, for
every code point but the few in CHANGED_FOR_STR that Unicode changed between 14.0 and 16.0.
"""
import sys
import unicodedata as unicode14
from pathlib import Path

import icu
import regex
import unicodedata2 as unicode16

FOLDER = Path(__file__).resolve().parents[1] / "src/unicode"
CATEGORIES = ("Cn Cc Cf Cs Co Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No "
              "Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp").split()
WHITE_SPACE, HAN, WORD = 0x20, 0x40, 0x80
CODE_POINTS = range(0x110000)
CHARACTERS = [chr(c) for c in CODE_POINTS if not 0xD800 <= c <= 0xDFFF]
# What the word character of Rust's regex crate is: decides the single_word of added tokens.
IS_WORD = regex.compile(r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]")
IS_HAN = regex.compile(r"\p{Script=Han}")
IS_SPACE = regex.compile(r"\p{White_Space}")
ROOT = icu.Locale.getRoot()
# New upper case letters for two old ones, five letters that became Lowercase, ten numerals.
CHANGED_FOR_STR = set("\u019b\u0264\u10fc\ua7f2\ua7f3\ua7f4\uab69"
                      "\u4e24\u4eac\u4fe9\u5006\u62d0\u6d1e\u7695\u79ed\u920e\u94a9")


def properties(code_point):
    """The byte of src/unicode/properties.h: category, and three flags above it."""
    char = chr(code_point)
    value = CATEGORIES.index(unicode16.category(char))
    for flag, pattern in ((WHITE_SPACE, IS_SPACE), (HAN, IS_HAN), (WORD, IS_WORD)):
        if pattern.match(char):
            value |= flag
    return value


def is_lower(char):
    return icu.Char.hasBinaryProperty(ord(char), icu.UProperty.LOWERCASE)


def is_upper(char):
    return icu.Char.hasBinaryProperty(ord(char), icu.UProperty.UPPERCASE)


def is_digit(char):
    return unicode16.digit(char, None) is not None


def is_numeric(char):
    return unicode16.numeric(char, None) is not None


def lower(char):
    return str(icu.UnicodeString(char).toLower(ROOT))


def upper(char):
    return str(icu.UnicodeString(char).toUpper(ROOT))


def title(char):
    # ICU's toTitle leaves a mark without a letter before it alone; str.title does not.
    whole = str(icu.UnicodeString(char).toTitle(ROOT))
    return whole if whole != char else chr(icu.Char.totitle(ord(char)))


def check_against_python():
    for ours, pythons in ((is_lower, str.islower), (is_upper, str.isupper), (lower, str.lower),
                          (is_digit, str.isdigit), (is_numeric, str.isnumeric),
                          (upper, str.upper), (title, str.title)):
        for char in CHARACTERS:
            changed = (char in CHANGED_FOR_STR
                       or unicode16.category(char) != unicode14.category(char))
            assert changed or ours(char) == pythons(char), (pythons, hex(ord(char)))


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


def strided(points):
    """Sorted numbers as (first, last, stride) runs with stride 1 or 2."""
    runs = []
    for point in points:
        if runs:
            first, last, stride = runs[-1]
            if first == last and point - last in (1, 2):
                runs[-1] = (first, point, point - last)
                continue
            if first != last and point - last == stride:
                runs[-1] = (first, point, stride)
                continue
        runs.append((point, point, 1))
    return runs


def ranges(test):
    return strided([ord(char) for char in CHARACTERS if test(char)])


def mappings(convert, is_default):
    """[(first, last, stride, delta)] of the characters that become one other character."""
    deltas = {}
    for char in CHARACTERS:
        to = convert(char)
        if len(to) == 1 and not is_default(char, to):
            deltas.setdefault(ord(to) - ord(char), []).append(ord(char))
    runs = sorted((*run, delta) for delta, points in deltas.items() for run in strided(points))
    flat = []
    for first, last, stride, delta in runs:
        # A run with the start of another inside is split, so that the last start decides.
        if any(first <= other <= last for other, *_ in runs if other != first):
            flat += [(point, point, 1, delta) for point in range(first, last + 1, stride)]
        else:
            flat.append((first, last, stride, delta))
    return sorted(flat)


def texts(convert):
    """[(code point, "UTF-8")] of the characters that become several."""
    return [(ord(char), '"' + "".join(f"\\x{byte:02x}" for byte in convert(char).encode()) + '"')
            for char in CHARACTERS if len(convert(char)) > 1]


class Listing:
    """One .inc file."""

    def __init__(self, name):
        self.path = FOLDER / name
        self.lines = ["// Made by tools/make_unicode_tables.py from Unicode 16.0.0; do not edit.", ""]

    def add(self, comment, declaration, rows):
        self.lines += [f"// {comment}", f"constexpr {declaration}[] = {{"]
        line = "   "
        for row in rows:
            cells = [x if isinstance(x, str) else f"{x:#x}" if x > 9 else str(x) for x in row]
            cell = " {" + ", ".join(cells) + "},"
            if len(line) + len(cell) > 100:
                self.lines.append(line)
                line = "   "
            line += cell
        self.lines += [line, "};", ""]

    def write(self):
        self.path.write_text("\n".join(self.lines))


def main():
    assert unicode16.unidata_version == "16.0.0" and unicode14.unidata_version == "14.0.0"
    assert icu.UNICODE_VERSION == "16.0"
    check_against_python()

    listing = Listing("properties_data.inc")
    listing.add("Properties (see properties.h) of all code points from `first` to the next row.",
                "ByteRun kPropertyRuns", starts(properties))
    listing.add("1 where the general category is another than in Unicode 14.0, as runs.",
                "ByteRun kChangedSince14",
                starts(lambda c: int(unicode16.category(chr(c)) != unicode14.category(chr(c)))))
    listing.write()

    listing = Listing("nfc_data.inc")
    listing.add("Canonical combining classes, as runs.", "ByteRun kCombiningRuns",
                starts(lambda c: unicode16.combining(chr(c))))
    listing.add("Canonical decompositions: code point, first, second or 0, whether it composes "
                "back.", "Decomposition kDecompositions", decompositions())
    listing.write()

    listing = Listing("case_data.inc")
    for name, test in (("Digits", is_digit), ("Numeric", is_numeric), ("Lowercase", is_lower),
                       ("Uppercase", is_upper)):
        listing.add(f"str.is{name.removesuffix('case').removesuffix('s').lower()}.",
                    f"PointRange k{name}", ranges(test))
    listing.add("str.lower of one character to one.", "CaseRange kToLower",
                mappings(lower, lambda char, to: to == char))
    listing.add("str.upper of one character to one.", "CaseRange kToUpper",
                mappings(upper, lambda char, to: to == char))
    listing.add("str.title of one character to one where it is not str.upper.",
                "CaseRange kToTitle", mappings(title, lambda char, to: to == upper(char)))
    for name, convert in (("Lower", lower), ("Upper", upper), ("Title", title)):
        listing.add(f"str.{name.lower()} of one character to several, as UTF-8.",
                    f"CaseText k{name}Texts", texts(convert))
    listing.write()


if __name__ == "__main__":
    sys.exit(main())
