#!/usr/bin/env python3
"""Writes tests/golden/nfc.json: texts and their normal form C by Unicode 16.0.

usage: nfc_goldens.py          (needs: pip install unicodedata2==16.0.0)
"""
import json
import os
import random

import unicodedata2 as ud

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main():
    assert ud.unidata_version == "16.0.0"
    rng = random.Random(16)
    points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    canonical = [c for c in points if (d := ud.decomposition(chr(c))) and not d.startswith("<")]
    marks = [c for c in points if ud.combining(chr(c))]
    parts = sorted({int(x, 16) for c in canonical for x in ud.decomposition(chr(c)).split()})
    hangul = list(range(0x1100, 0x1113)) + list(range(0x1161, 0x1176)) + list(range(0x11A7, 0x11C3))
    pools = [canonical, marks, parts, hangul, list(range(0x20, 0x180)), [0xAC00, 0xAC01, 0xAC1C]]
    texts = ["".join(chr(c) for c in canonical[i::40]) for i in range(40)]
    texts += ["".join(ud.normalize("NFD", chr(c)) for c in canonical[i::40]) for i in range(40)]
    for _ in range(1500):
        texts.append("".join(chr(rng.choice(rng.choice(pools))) for _ in range(rng.randint(1, 10))))
    cases = [[text, ud.normalize("NFC", text)] for text in texts]
    with open(os.path.join(ROOT, "tests/golden/nfc.json"), "w") as out:
        out.write('{"cases": [\n' + ",\n".join(map(json.dumps, cases)) + "\n]}\n")


if __name__ == "__main__":
    main()
