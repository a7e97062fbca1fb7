"""`glimmer tokenize`: text to ids and back, with GLM's own tokenizer and the reference model's."""

import gzip
import json
import shutil
import signal
import subprocess
import time
import unittest
from random import Random

from glimmer import (CANCELLED, CORRUPT, INVALID, IO, NOT_FOUND, PROGRAM, PROJECT, REFERENCE,
                     UNSUPPORTED, Case, run, run_json)

FRANCE = "The capital of France is"
FRANCE_IDS = [785, 6722, 315, 9621, 374]
TOKENIZERS = PROJECT / "tests/testdata/tokenizers"


class Tokenize(Case):
    def tokenizer(self, name):
        """The path of a tokenizer.json of tests/testdata."""
        path = self.folder / f"{name}.tokenizer.json"
        with gzip.open(TOKENIZERS / f"{name}.tokenizer.json.gz") as packed, open(path, "wb") as out:
            shutil.copyfileobj(packed, out)
        return path

    def ids(self, *arguments, **options):
        done = run("tokenize", "--ids", *arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("\n"), 1)
        return json.loads(done.stdout)

    def decoded(self, *arguments, **options):
        """The bytes that --decode prints."""
        done = subprocess.run([PROGRAM, "tokenize", *map(str, arguments), "--decode"],
                              capture_output=True, check=True, **options)
        return done.stdout

    def test_glm_ids_are_hugging_faces(self):
        glm = self.tokenizer("glm46")
        self.assertEqual(self.ids(glm, FRANCE), FRANCE_IDS)
        self.assertEqual(run("tokenize", glm, FRANCE, "--count").stdout, "5\n")
        self.assertEqual(self.decoded(glm, *FRANCE_IDS), FRANCE.encode())

    def test_folder_file_and_standard_input_are_the_same(self):
        path = self.folder / "text"
        path.write_text(FRANCE)
        of_argument = self.ids(REFERENCE, FRANCE)
        self.assertEqual(self.ids(REFERENCE / "tokenizer.json", FRANCE), of_argument)
        self.assertEqual(self.ids(REFERENCE, "--file", path), of_argument)
        self.assertEqual(self.ids(REFERENCE, input=FRANCE), of_argument)
        self.assertEqual(self.ids(REFERENCE, ""), [])
        self.assertEqual(self.ids(REFERENCE, "--", "--ids"), self.ids(REFERENCE, input="--ids"))
        self.assertEqual(self.ids(REFERENCE, input=""), [])

    def test_decoding_gives_back_every_byte(self):
        text = (PROJECT / "README.md").read_text() + "\t\r\n\n  é 中文 🙂\u200b<|user|>\n"
        ids = run("tokenize", REFERENCE, "--ids", input=text).stdout
        self.assertEqual(self.decoded(REFERENCE, input=ids.encode()), text.encode())
        spaced = " ".join(map(str, json.loads(ids))).encode()
        self.assertEqual(self.decoded(REFERENCE, input=spaced), text.encode())
        path = self.folder / "ids.json"
        path.write_text(ids)
        self.assertEqual(self.decoded(REFERENCE, "--file", path), text.encode())
        self.assertEqual(self.decoded(REFERENCE, "[]"), b"")

    def test_table_shows_what_cannot_be_seen(self):
        glm = self.tokenizer("glm46")
        done = run("tokenize", glm, 'a "b"\u200b\n𰻝<|user|>')
        self.assertEqual(done.returncode, 0, done.stderr)
        for said in [r'"a"', r' \"', r"\u{200b}", r"\n", r"\xf0", '"<|user|>"  special']:
            self.assertIn(said, done.stdout)
        self.assertNotIn("\u200b", done.stdout)
        self.assertIn(" tokens from ", done.stdout.splitlines()[-1])
        self.assertEqual(run("tokenize", glm, "").stdout, "0 tokens from 0 bytes\n")

    def test_json_has_the_bytes_of_each_token(self):
        text = "中 𰻝<|user|>"
        report = run_json("tokenize", self.tokenizer("glm46"), text)
        self.assertEqual(report["count"], len(report["tokens"]))
        joined = b"".join(bytes.fromhex(token["hex"]) for token in report["tokens"])
        self.assertEqual(joined, text.encode())
        for token in report["tokens"]:
            if token["text"] is not None:
                self.assertEqual(token["text"].encode().hex(), token["hex"])
        self.assertIn(None, [token["text"] for token in report["tokens"]])
        last = report["tokens"][-1]
        self.assertEqual((last["added"], last["special"], last["text"]), (True, True, "<|user|>"))
        self.assertEqual(run_json("tokenize", REFERENCE, "--decode", "[]"), {"text": ""})

    def test_control_tokens_are_recognised_or_not(self):
        glm = self.tokenizer("glm46")
        self.assertEqual(len(self.ids(glm, "<|user|>")), 1)
        plain = self.ids(glm, "<|user|>", "--no-added-tokens")
        self.assertGreater(len(plain), 1)
        self.assertEqual(self.decoded(glm, *plain), b"<|user|>")
        user = self.ids(glm, "<|user|>Hi")
        self.assertEqual(self.decoded(glm, *user), b"<|user|>Hi")
        self.assertEqual(self.decoded(glm, *user, "--skip-special-tokens"), b"Hi")

    def test_special_tokens_are_put_around_when_asked(self):
        bert = self.tokenizer("modernbert")
        around = self.ids(bert, "Hi", "--add-special-tokens")
        self.assertEqual(self.decoded(bert, *around), b"[CLS]Hi[SEP]")
        self.assertEqual(self.ids(bert, "Hi"), around[1:-1])

    def test_half_a_character_is_shown_and_replaced(self):
        text = "𰻝"
        ids = self.ids(REFERENCE, text)
        self.assertGreater(len(ids), 1)
        self.assertEqual(self.decoded(REFERENCE, *ids), text.encode())
        self.assertEqual(self.decoded(REFERENCE, *ids[:-1]).decode(), "\ufffd")

    def test_wrong_requests(self):
        for arguments, code, said in [
            ([self.folder / "nothing", "x"], NOT_FOUND, "nothing"),
            ([self.folder, "x"], NOT_FOUND, "tokenizer.json"),
            ([REFERENCE, "--file", self.folder / "nothing"], NOT_FOUND, "nothing"),
            ([REFERENCE, "--file", self.folder], INVALID, "is a folder"),
            ([REFERENCE, "two", "words"], INVALID, "2 arguments"),
            ([REFERENCE, "x", "--file", REFERENCE / "config.json"], INVALID, "--file"),
            ([REFERENCE, "--decode", "1", "12x"], INVALID, '"12x" is not a token id'),
            ([REFERENCE, "--decode", "-1"], INVALID, '"-1" is not a token id'),
            ([REFERENCE, "--decode", "1.5"], INVALID, '"1.5" is not a token id'),
            ([REFERENCE, "--decode", "999999"], INVALID, "expected whole numbers from 0 to "),
            ([REFERENCE, "--decode", "99999999999999999999"], INVALID, "is not a token id"),
            ([REFERENCE, "--decode", '[1, "2"]'], INVALID, '2\\"" is not a token id'),
            ([REFERENCE, "--decode", "[1, 999999]"], INVALID, '"999999" is not a token id'),
            ([REFERENCE, "--decode", "[1, 2"], CORRUPT, "the array of token ids: line 1"),
        ]:
            with self.subTest(arguments=arguments[1:]):
                self.assert_fails(run("tokenize", *arguments), code, said)

    def test_truncated_files_are_corrupt(self):
        whole = (REFERENCE / "tokenizer.json").read_bytes()
        cut = self.folder / "tokenizer.json"
        steps = [*range(64), *range(64, len(whole), len(whole) // 150), len(whole) - 1]
        for size in steps:
            cut.write_bytes(whole[:size])
            with self.subTest(bytes=size):
                self.assert_fails(run("tokenize", self.folder, "x"), CORRUPT, "tokenizer.json",
                                  "not JSON")

    def test_damaged_files_are_one_sentence_or_work(self):
        whole = (REFERENCE / "tokenizer.json").read_bytes()
        damaged = self.folder / "tokenizer.json"
        random = Random(1)
        for _ in range(200):
            text = bytearray(whole)
            for _ in range(random.randrange(1, 4)):
                begin = random.randrange(len(text))
                text[begin:begin + random.choice([0, 1, 9])] = random.choice(
                    [b"", b'"', b"}", b"[", b"0", b"\\", b"\xff", b"null", random.randbytes(3)])
            damaged.write_bytes(text)
            done = run("tokenize", self.folder, "x")
            if done.returncode != 0:
                self.assertIn(done.returncode, (INVALID, CORRUPT, UNSUPPORTED))
                self.assert_fails(done, done.returncode, "tokenizer.json")

    def test_other_kinds_say_what_they_are(self):
        path = self.folder / "tokenizer.json"
        bpe = {"type": "BPE", "vocab": {"a": 0}, "merges": []}
        for content, code, said in [
            ({"model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "a": 1},
                        "continuing_subword_prefix": "##"},
              "pre_tokenizer": {"type": "BertPreTokenizer"}}, UNSUPPORTED, '"WordPiece"'),
            ({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.5]]},
              "pre_tokenizer": {"type": "Metaspace"}}, UNSUPPORTED, '"Unigram"'),
            ({"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}},
             UNSUPPORTED, '"WordLevel"'),
            ({"model": {**bpe, "byte_fallback": True}}, UNSUPPORTED, "byte_fallback"),
            ({"model": bpe, "pre_tokenizer": {"type": "Metaspace"}}, UNSUPPORTED, '"Metaspace"'),
            ({"model": {"type": "BPE", "merges": []}}, INVALID, "vocab"),
            ({"model": bpe, "colour": 1}, UNSUPPORTED, '"colour"'),
            ({"model": 1}, INVALID, "model"),
            (json.loads((REFERENCE / "config.json").read_text()), CORRUPT, "no field \"model\""),
            ([], CORRUPT, "expected a JSON object"),
        ]:
            path.write_text(json.dumps(content))
            with self.subTest(content=content):
                self.assert_fails(run("tokenize", self.folder, "x"), code, said)
        path.write_text("YQ== 0\nYg== 1\n")
        self.assert_fails(run("tokenize", path, "x"), CORRUPT, "not JSON")

    def test_options_that_contradict_each_other(self):
        for options in [["--ids", "--count"], ["--json", "--count"], ["--decode", "--ids"],
                        ["--skip-special-tokens"], ["--decode", "--no-added-tokens"]]:
            with self.subTest(options=options):
                self.assert_fails(run("tokenize", REFERENCE, "1", *options), INVALID, options[0])

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PROGRAM, "tokenize", REFERENCE, "x"], stdout=full, text=True,
                                  stderr=subprocess.PIPE)
        self.assert_fails(done, IO, "standard output")

    def test_ctrl_c_ends_the_wait_for_a_text(self):
        waiting = subprocess.Popen([PROGRAM, "tokenize", REFERENCE], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(waiting.kill)
        time.sleep(0.5)
        waiting.send_signal(signal.SIGINT)
        self.assertEqual(waiting.wait(timeout=30), CANCELLED)
        self.assertEqual(waiting.stderr.read(), "glimmer: stopped\n")
        for stream in (waiting.stdin, waiting.stdout, waiting.stderr):
            stream.close()


if __name__ == "__main__":
    unittest.main()
