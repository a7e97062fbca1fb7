#!/usr/bin/env python3
"""Writes tests/golden/tokenizer/*.json: what PyPI `tokenizers` makes of hard texts.

usage: tokenizer_goldens.py         (needs: pip install 'tokenizers>=0.22'; made with 0.23.3)

Each file: {"tokenizer": name in tests/testdata/tokenizers, "change": fields of tokenizer.json put in
place of its own, "cases": [...]}. A case is either an encoding {"text", "ids", "added"} (added:
"all", or "not_special" for encode_special_tokens = True; "template": add_special_tokens) or a
decoding {"ids", "text", "skip"}.
"""
import gzip
import json
import os
import random

import tokenizers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEED = 20260101
ALPHABETS = [
    "abc ABC xyz '", "'s 't 're 've 'm 'll 'd 'S 'LL 'ſ ", "0123456789 ١٢٣ ½²Ⅷ", " \t\n\r\u000b\u00a0\u2003\u3000\u200b",
    "éèÅßſİıǅ", "e\u0301o\u0302\u0323a\u030a\u1100\u1161\u11a8", "中文字符漢字々〇", "ひらがなカタカナー゙",
    "हिन्दी ไทย العربية", "🙂👩‍👩‍👧🏽🇩🇪", ".,;:!?()[]{}<>/\\|#@$%^&*-_=+~`\"", "\x00\x01\x7f\x85\u00ad\ufeff\u180e\u2028",
    "\U00016f00\U00031350\U00010d40\u1c89\ua7cb\U0001cd00", "ﬁﬅﬆ\u0345\u0378",
]
FLAGS = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)


def texts(rng, contents, count):
    """Random mixtures of the alphabets and of added tokens."""
    out = ["", " ", "\n", "  a", "a  ", "a \n b", "a\n\n\n b\r\n\r\n", "   \n   x", "\t\tx  \n"]
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(1, 12)):
            alphabet = rng.choice(ALPHABETS)
            parts.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 8))))
            if contents and rng.random() < 0.4:
                parts.append(rng.choice(contents))
            if contents and rng.random() < 0.1:
                content = rng.choice(contents)
                parts.append(content[:rng.randint(1, len(content))])
        out.append("".join(parts))
    return out


def document_of(name):
    path = os.path.join(ROOT, "tests/testdata/tokenizers", name + ".tokenizer.json.gz")
    return json.load(gzip.open(path))


def load(name, change):
    document = document_of(name)
    document.update(change)
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(document))
    for token in document["added_tokens"]:  # `tokenizers` renumbers rather than refuses
        assert tokenizer.token_to_id(token["content"]) == token["id"], token
    return tokenizer, document


def cases(tokenizer, document, rng, count):
    contents = [token["content"] for token in document["added_tokens"]]
    out = []
    for text in texts(rng, contents, count):
        for added in ("all", "not_special"):
            tokenizer.encode_special_tokens = added == "not_special"
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            out.append({"text": text, "added": added, "ids": ids})
        tokenizer.encode_special_tokens = False
        ids = tokenizer.encode(text, add_special_tokens=True).ids
        out.append({"text": text, "added": "all", "template": True, "ids": ids})
    known = sorted(tokenizer.get_vocab(with_added_tokens=True).values())
    single = [i for i in known if len(tokenizer.id_to_token(i)) == 1]
    specials = [token["id"] for token in document["added_tokens"]]
    for _ in range(count):
        # Single bytes make invalid UTF-8 of every kind.
        ids = [rng.choice(rng.choice((known, single, specials))) for _ in range(rng.randint(0, 12))]
        for skip in (False, True):
            out.append({"ids": ids, "skip": skip,
                        "text": tokenizer.decode(ids, skip_special_tokens=skip)})
    return out


def added(*tokens):
    """Entries of added_tokens for the reference model: a content that its model has keeps its id."""
    vocabulary = document_of("reference")["model"]["vocab"]
    rows, free = [], len(vocabulary)
    for token in tokens:
        row = dict(FLAGS, id=vocabulary.get(token["content"], free), **token)
        free += row["id"] == free
        rows.append(row)
    return rows


def split(pattern, behavior, invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def sequence(*steps, **byte_level):
    last = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=False)
    return {"type": "Sequence", "pretokenizers": [*steps, dict(last, **byte_level)]}


def variants():
    """name: (tokenizer, change)."""
    odd = added(dict(content="<a>", lstrip=True, rstrip=True, special=True),
                dict(content=" b"), dict(content="wörd", single_word=True),
                dict(content="ab"), dict(content="abc"), dict(content="bcd"),
                dict(content="<l>", lstrip=True), dict(content="<r>", rstrip=True),
                dict(content="<s>", single_word=True, special=True),
                dict(content="e\u0301", normalized=True), dict(content="o\u0302"),
                dict(content="é中"), dict(content="\n\n"), dict(content="<n>", normalized=True,
                                                                 special=True))
    plain = dict(add_prefix_space=True, use_regex=True)
    out = {
        "reference": ("reference", {}),
        "glm46": ("glm46", {}),
        "odd_added_tokens": ("reference", {"added_tokens": odd}),
        "odd_added_tokens_nfc": ("reference", {"added_tokens": odd, "normalizer": {"type": "NFC"}}),
        "modernbert": ("modernbert", {}),
        "deepseek_v3": ("deepseek_v3", {}),
        "qwen3": ("qwen3", {}),
        "prefix_space": ("reference", {"pre_tokenizer": sequence(**plain)}),
        "digits": ("reference", {"pre_tokenizer": sequence(
            {"type": "Digits", "individual_digits": True}, **plain)}),
        "digit_runs": ("reference", {"pre_tokenizer": sequence(
            {"type": "Digits", "individual_digits": False})}),
        "words": ("reference", {"pre_tokenizer": sequence(split(r"\w+|[^\w\s]+", "Isolated"))}),
        "literal": ("reference", {"pre_tokenizer": sequence(
            split(" ", "MergedWithNext", kind="String"))}),
        "lookaround": ("reference", {"pre_tokenizer": sequence(
            split(r"(?<=\p{Ll})(?=\p{Lu})|(?=\p{Han})", "Isolated"))}),
    }
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            name = f"split_{behavior.lower()}{'_inverted' if invert else ''}"
            step = split(r"\s|[.,]|\p{Lu}", behavior, invert)
            out[name] = ("reference", {"pre_tokenizer": sequence(step)})
    return out


def main():
    for name, (tokenizer_name, change) in variants().items():
        rng = random.Random(f"{SEED} {name}")
        tokenizer, document = load(tokenizer_name, change)
        count = 60 if name in ("reference", "glm46", "odd_added_tokens") else 25
        golden = {"tokenizer": tokenizer_name, "change": change,
                  "made_with": "tokenizers " + tokenizers.__version__,
                  "cases": cases(tokenizer, document, rng, count)}
        path = os.path.join(ROOT, "tests/golden/tokenizer", name + ".json")
        with open(path, "w", encoding="utf-8") as out:
            rows = ",\n".join(json.dumps(case) for case in golden.pop("cases"))
            head = json.dumps(golden)[:-1]
            out.write(f'{head}, "cases": [\n{rows}\n]}}\n')


if __name__ == "__main__":
    main()
