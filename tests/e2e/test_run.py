"""`glimmer run`: one answer, and a conversation on a pseudo-terminal and from a pipe.

The greedy texts are transformers' (tests/golden/forward/reference.json).
"""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest

from glimmer import (CANCELLED, CORRUPT, INVALID, NOT_FOUND, PROGRAM, PROJECT, REFERENCE,
                     UNSUPPORTED, Case, run, run_json)

GREEDY = json.loads((PROJECT / "tests/golden/forward/reference.json").read_text())["greedy"]
EXACT = ["--activations", "f32", "--latent-norm-eps", "1e-6"]
CALM = ["--temperature", 0, "--thinking", "off"]
QUESTION = "What is 3 + 4?"
END_TOKENS = [4060, 4067, 4069]  # generation_config.json
USER = 4067  # <|user|>
STATISTICS = re.compile(r"prompt [\d,]+ tokens.*; answer [\d,]+ tokens?.*; seed \d+\n$")


def decoded(ids):
    done = run("tokenize", REFERENCE, "--decode", json.dumps(ids))
    assert done.returncode == 0, done.stderr
    return done.stdout


class RunCase(Case):
    def answer(self, *options, model=REFERENCE, **more):
        """The finished process of a successful run."""
        done = run("run", model, *options, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def changed_generation_config(self, **fields):
        model = self.folder / "model"
        if not model.exists():
            self.copy_reference()
        (model / "generation_config.json").write_text(json.dumps(fields))
        return model


class Answers(RunCase):
    """One answer to a prompt."""

    def test_greedy_text_is_transformers(self):
        # The golden goes on behind end tokens, which an end token that never comes allows.
        model = self.changed_generation_config(eos_token_id=[4069])
        for example in GREEDY.values():
            prompt = decoded(example["prompt"])
            report = run_json("run", model, *EXACT, "--raw", "--temperature", 0,
                              "--max-new-tokens", 64, "-p", prompt)
            self.assertEqual(report["prompt_tokens"], len(example["prompt"]))
            self.assertEqual(report["ids"], example["continuation"])
            self.assertEqual(report["end"], "token limit")

    def test_the_chat_format_asks_as_the_golden_did(self):
        for example in GREEDY.values():
            prompt, continuation = example["prompt"], example["continuation"]
            question = decoded(prompt[3:-2])  # between <|user|> and <|assistant|></think>
            report = run_json("run", REFERENCE, *EXACT, *CALM, "-p", question)
            self.assertEqual(report["prompt_tokens"], len(prompt))
            self.assertEqual(report["ids"], continuation[:continuation.index(USER)])
            self.assertEqual(report["end"], "end token")
            self.assertEqual(report["text"], decoded(report["ids"]))
            self.assertEqual(report["content"], report["text"])
            done = self.answer(*EXACT, *CALM, "-p", question)
            self.assertEqual(done.stdout, report["text"] + "\n")

    def test_seeds(self):
        def text(*options):
            return self.answer("-p", QUESTION, "--thinking", "off", *options).stdout
        self.assertEqual(text("--seed", 7), text("--seed", 7))
        self.assertGreater(len({text("--seed", seed) for seed in range(4)}), 1)
        self.assertEqual(len({text("--temperature", 0, "--seed", s) for s in range(3)}), 1)
        self.assertGreater(len({text() for _ in range(4)}), 1)
        # The seed of a random run gives it again.
        report = run_json("run", REFERENCE, "-p", QUESTION)
        again = run_json("run", REFERENCE, "-p", QUESTION, "--seed", report["seed"])
        self.assertEqual(again["ids"], report["ids"])

    def test_top_k_1_is_greedy(self):
        greedy = run_json("run", REFERENCE, *CALM, "-p", QUESTION)["ids"]
        for options in [["--top-k", 1], ["--top-p", 1e-6], ["--min-p", 1]]:
            report = run_json("run", REFERENCE, "--thinking", "off", "--temperature", 2, *options,
                              "-p", QUESTION)
            self.assertEqual(report["ids"], greedy, options)

    def test_penalties_change_the_text(self):
        greedy = run_json("run", REFERENCE, *CALM, "-p", QUESTION)["text"]
        for option in ["--repetition-penalty", "--presence-penalty", "--frequency-penalty"]:
            report = run_json("run", REFERENCE, *CALM, option, 2, "-p", QUESTION)
            self.assertNotEqual(report["text"], greedy, option)

    def test_stop_strings(self):
        whole = run_json("run", REFERENCE, *CALM, "-p", QUESTION)["text"]
        for stops in [["area"], ["rea of a sq"], ["#"], ["no such text", "of"], ["of", "area"]]:
            options = [word for stop in stops for word in ("--stop", stop)]
            report = run_json("run", REFERENCE, *CALM, *options, "-p", QUESTION)
            cut = min(whole.index(stop) for stop in stops if stop in whole)
            self.assertEqual(report["text"], whole[:cut], stops)
            self.assertEqual(report["end"], "stop string")
            done = self.answer(*CALM, *options, "-p", QUESTION)
            self.assertEqual(done.stdout, whole[:cut] + "\n")
        report = run_json("run", REFERENCE, *CALM, "--stop", "no such text", "-p", QUESTION)
        self.assertEqual((report["text"], report["end"]), (whole, "end token"))
        self.assert_fails(run("run", REFERENCE, "--stop", "", "-p", "x"), INVALID, "stop string")

    def test_a_stop_string_does_not_swallow_the_checkpoint(self):
        done = run("run", *CALM, "--stop", "area", REFERENCE, "-p", QUESTION)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_longest_answer(self):
        for count in [1, 2, 9]:
            report = run_json("run", REFERENCE, *CALM, "--max-new-tokens", count, "-p", QUESTION)
            self.assertEqual((len(report["ids"]), report["answer_tokens"], report["end"]),
                             (count, count, "token limit"))
        self.assertEqual(run("run", REFERENCE, "--max-new-tokens", 0, "-p", "x").returncode,
                         INVALID)

    def test_an_answer_ends_where_the_context_does(self):
        report = run_json("run", REFERENCE, "-p", QUESTION, "--temperature", 3, "--seed", 1)
        self.assertEqual(report["end"], "context full")
        self.assertEqual(report["prompt_tokens"] + len(report["ids"]), 2048)

    def test_thinking(self):
        on = run_json("run", REFERENCE, "-p", QUESTION, "--seed", 5)
        self.assertEqual(run_json("run", REFERENCE, "-p", QUESTION, "--seed", 5,
                                  "--thinking", "on"), {**on, **self.rates(on)} and
                         run_json("run", REFERENCE, "-p", QUESTION, "--seed", 5)
                         if False else unittest.mock.ANY)

    def rates(self, report):
        return {name: report[name] for name in report if name.endswith("per_second")}


if __name__ == "__main__":
    unittest.main()
