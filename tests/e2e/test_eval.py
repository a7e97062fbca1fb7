"""`glimmer eval`: figures against transformers' and modelopt's, and what it says to bad input.

The goldens are described in tests/golden/README.md. Logits are read back from --save-logits and
compared here, not by the program.
"""

import json
import math
import os
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
from array import array
from pathlib import Path

from glimmer import (CANCELLED, CORRUPT, EXHAUSTED, INVALID, IO, NOT_FOUND, PROGRAM, PROJECT,
                     REFERENCE, UNSUPPORTED, Case, read_header, read_tensors, run, run_json,
                     write_tensors)

FORWARD = PROJECT / "tests/golden/forward"
MODELS = PROJECT / "tests/golden/models"
FLAT = json.loads((FORWARD / "reference_tokens.json").read_text())["flat"]
FIGURES = json.loads((FORWARD / "reference.json").read_text())["latent_eps_1e-6"]
VOCAB = 4096  # of the reference model
# As transformers computes: nothing is rounded, and its eps of the latent norms.
EXACT = ["--activations", "f32", "--kv-cache", "f32", "--latent-norm-eps", "1e-6"]


def floats(tensors, name):
    values = array("f")
    values.frombytes(tensors[name][2])
    return values


def integers(tensors, name):
    values = array("i")
    values.frombytes(tensors[name][2])
    return list(values)


def largest_difference(a, b):
    assert len(a) == len(b) and len(a) > 0
    return max(abs(x - y) for x, y in zip(a, b))


class EvalCase(Case):
    def tokens(self, ids, name="tokens.json"):
        path = self.folder / name
        path.write_text(ids if isinstance(ids, str) else json.dumps(ids))
        return path

    def report(self, model, ids, *options):
        return run_json("eval", model, "--tokens", self.tokens(ids), *options)

    def saved(self, model, ids, *options, **environment):
        """The tensors that --save-logits writes."""
        path = self.folder / "saved.safetensors"
        done = run("eval", model, "--tokens", self.tokens(ids), "--save-logits", path, *options,
                   env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, done.stderr)
        return read_tensors(path)

    def logits(self, model, ids, *options, **environment):
        return floats(self.saved(model, ids, *options, **environment), "logits")


class Figures(EvalCase):
    """Perplexity and divergence over the 9,216 tokens of the goldens."""

    def check_figures(self, report, expected):
        self.assertEqual(report["predicted_tokens"], expected["predicted_tokens"])
        self.assertEqual((report["tokens"], report["windows"], report["context"]), (9216, 9, 1024))
        self.assertAlmostEqual(report["mean_nll"], expected["mean_nll"], delta=1e-3)
        self.assertAlmostEqual(report["perplexity"] / expected["perplexity"], 1, delta=1e-3)
        self.assertAlmostEqual(report["perplexity"], math.exp(report["mean_nll"]), delta=1e-9)

    def test_bf16_and_nvfp4_weights_are_transformers(self):
        base, model = self.folder / "base.safetensors", self.folder / "nvfp4"
        windows = ["--context", 1024, *EXACT]
        self.check_figures(self.report(REFERENCE, FLAT, *windows, "--save-logits", base),
                           FIGURES["bf16"])
        self.assertEqual(run("quantize", REFERENCE, model, "--weights-only").returncode, 0)
        report = self.report(model, FLAT, *windows, "--compare", base)
        expected = FIGURES["nvfp4_weights"]
        self.check_figures(report, expected)
        self.assertEqual(report["weights"].split()[0], "NVFP4")
        compare = report["compare"]
        self.assertAlmostEqual(compare["kl"] / expected["kl"], 1, delta=0.01)
        self.assertAlmostEqual(compare["top1_agreement"], expected["top1_agreement"], delta=0.002)
        self.assertAlmostEqual(compare["base_perplexity"] / FIGURES["bf16"]["perplexity"], 1,
                               delta=1e-3)
        self.assertAlmostEqual(compare["ln_perplexity_ratio"],
                               math.log(report["perplexity"] / compare["base_perplexity"]),
                               delta=1e-9)
        self.assertAlmostEqual(compare["top1_differs"],
                               9207 * (1 - compare["top1_agreement"]), delta=1e-6)
        self.assertAlmostEqual(compare["flips"] * 9207,
                               compare["right_to_wrong"] + compare["wrong_to_right"], delta=1e-6)
        self.assertTrue(0 < compare["kl_median"] < compare["kl_p99"] < compare["kl_max"])

    def test_a_run_equals_itself(self):
        base = self.folder / "base.safetensors"
        ids = FLAT[:200]
        self.report(REFERENCE, ids, "--save-logits", base)
        compare = self.report(REFERENCE, ids, "--compare", base)["compare"]
        self.assertEqual((compare["kl"], compare["kl_max"], compare["ln_perplexity_ratio"],
                          compare["top1_agreement"], compare["flips"]), (0, 0, 0, 1, 0))

    def test_perplexity_is_that_of_the_saved_logits(self):
        ids = FLAT[:120]
        tensors = self.saved(REFERENCE, ids)
        logits, total = floats(tensors, "logits"), 0.0
        for position, following in enumerate(ids[1:]):
            row = logits[position * VOCAB:(position + 1) * VOCAB]
            top = max(row)
            total += top + math.log(sum(math.exp(x - top) for x in row)) - row[following]
        report = self.report(REFERENCE, ids)
        self.assertAlmostEqual(report["mean_nll"], total / 119, delta=1e-9)

    def test_rounding_moves_the_perplexity_a_little(self):
        ids, seen = FLAT[:500], {}
        for options in [("f32", "f32"), ("f32", "bf16"), ("f32", "fp8"), ("bf16", "bf16")]:
            report = self.report(REFERENCE, ids, "--activations", options[0], "--kv-cache",
                                 options[1])
            self.assertEqual(report["settings"]["activations"], options[0])
            self.assertEqual(report["settings"]["kv_cache"], options[1])
            seen[options] = report["perplexity"]
        self.assertEqual(len(set(seen.values())), len(seen), seen)
        exact = seen["f32", "f32"]
        for options, perplexity in seen.items():
            self.assertAlmostEqual(perplexity / exact, 1, delta=0.03, msg=options)

    def test_the_cache_is_what_the_checkpoint_announces(self):
        model = self.folder / "nvfp4"
        run("quantize", REFERENCE, model, "--weights-only")
        ids = FLAT[:100]
        for folder, options, cache in [(model, [], "fp8"), (REFERENCE, [], "bf16"),
                                       (REFERENCE, ["--activations", "f32"], "f32"),
                                       (model, ["--kv-cache", "f32"], "f32")]:
            report = self.report(folder, ids, *options)
            self.assertEqual(report["settings"]["kv_cache"], cache)

    def test_drafts_are_accepted_as_the_golden_says(self):
        acceptance = json.loads((FORWARD / "reference_mtp.json").read_text())["acceptance"]
        expected = acceptance["held_out_text"]["acceptance"]
        mtp = self.report(REFERENCE, FLAT[:500], "--mtp", *EXACT)["mtp"]
        self.assertGreater(mtp["chains"], 490)
        for ours, share in zip(mtp["acceptance"], expected, strict=True):
            # Four standard errors of a share of that many chains.
            error = 4 * math.sqrt(share * (1 - share) / mtp["chains"])
            self.assertAlmostEqual(ours, share, delta=error)
        self.assertAlmostEqual(mtp["tokens_per_step"], 1 + sum(mtp["acceptance"]), delta=1e-9)


class Logits(EvalCase):
    """Saved logits against the goldens, and what must not change them."""

    def golden_text(self, folder):
        expected = read_tensors(FORWARD / folder / "expected.safetensors")
        tolerance = json.loads((FORWARD / folder / "tolerance.json").read_text())["tensors"]
        return integers(expected, "input_ids"), expected, tolerance

    def test_small_models_are_transformers(self):
        for folder in ["dense", "sparse", "groups", "shared", "odd", "mtp"]:
            ids, expected, tolerance = self.golden_text(folder)
            names = ["logits"] + ["mtp_logits"] * (folder == "mtp")
            for chunk in [1, 7, 512]:
                found = self.saved(FORWARD / folder, ids, *EXACT, "--chunk", chunk,
                                   *["--mtp"] * (folder == "mtp"))
                for name in names:
                    with self.subTest(folder=folder, tensor=name, chunk=chunk):
                        difference = largest_difference(floats(found, name),
                                                        floats(expected, name))
                        self.assertLess(difference, tolerance[name]["tolerance_max"])

    def test_w4a4_is_the_oracles(self):
        tolerances = json.loads((FORWARD / "w4a4/tolerance.json").read_text())
        for folder in ["basic", "groups", "shared"]:
            expected = read_tensors(FORWARD / f"w4a4/{folder}.safetensors")
            found = self.saved(MODELS / folder / "modelopt", integers(expected, "input_ids"),
                               "--activations", "nvfp4", "--kv-cache", "f32",
                               "--latent-norm-eps", "1e-6")
            with self.subTest(folder=folder):
                difference = largest_difference(floats(found, "logits"),
                                                floats(expected, "logits"))
                tolerance = tolerances[folder]["tensors"]["logits"]["tolerance_max"]
                self.assertLess(difference, tolerance)

    def test_reference_model_is_transformers(self):
        expected = read_tensors(FORWARD / "reference_logits.safetensors")
        tolerance = json.loads((FORWARD / "reference.json").read_text())["logits"]
        found = self.logits(REFERENCE, FLAT[:280], *EXACT)
        # From position 280 on some scores of the indexer are exactly 0, and transformers takes
        # other keys of them than glimmer.
        positions = [p for p in integers(expected, "positions") if p < 280]
        self.assertGreaterEqual(len(positions), 5)
        for i, position in enumerate(positions):
            difference = largest_difference(
                found[position * VOCAB:(position + 1) * VOCAB],
                floats(expected, "logits")[i * VOCAB:(i + 1) * VOCAB])
            self.assertLess(difference, tolerance["float64_products"]["tolerance_max"], position)

    def test_reference_drafts_are_transformers(self):
        expected = read_tensors(FORWARD / "reference_mtp.safetensors")
        tolerance = json.loads((FORWARD / "reference_mtp.json").read_text())["tensors"]
        found = floats(self.saved(REFERENCE, integers(expected, "input_ids"), "--mtp", *EXACT),
                       "mtp_logits")
        for i, row in enumerate(integers(expected, "mtp_logit_rows")):
            difference = largest_difference(
                found[row * VOCAB:(row + 1) * VOCAB],
                floats(expected, "mtp_logits")[i * VOCAB:(i + 1) * VOCAB])
            self.assertLess(difference, tolerance["mtp_logits"]["tolerance_max"], row)

    def test_chunks_attention_and_instruction_sets_give_the_same(self):
        ids = FLAT[:150]
        whole = self.logits(REFERENCE, ids, *EXACT, "--chunk", 1 << 20)
        for options, isa in [(["--chunk", 1], ""), (["--chunk", 7], ""), (["--chunk", 512], ""),
                             (["--attention", "absorbed"], ""), (["--attention", "expanded"], ""),
                             (["--attention", "expanded", "--chunk", 1], ""),
                             ([], "scalar"), ([], "avx2")]:
            environment = {"GLIMMER_ISA": isa} if isa else {}
            with self.subTest(options=options, isa=isa):
                ours = self.logits(REFERENCE, ids, *EXACT, *options, **environment)
                self.assertLess(largest_difference(ours, whole), 1e-4)

    def test_threads_change_no_bit(self):
        for options in [EXACT, []]:
            one = self.saved(REFERENCE, FLAT[:120], *options, "--mtp", "--threads", 1)
            two = self.saved(REFERENCE, FLAT[:120], *options, "--mtp", "--threads", 2)
            self.assertEqual(one, two)

    def test_the_file_is_as_documented(self):
        ids = FLAT[:50]
        for options, names in [([], ["logits", "input_ids"]),
                               (["--mtp"], ["logits", "input_ids", "mtp_logits"])]:
            path = self.folder / "logits.safetensors"
            done = run("eval", REFERENCE, "--tokens", self.tokens(ids), "--save-logits", path,
                       *options)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertFalse((self.folder / "logits.safetensors.partial").exists())
            header, start = read_header(path)
            self.assertEqual(sorted(header), sorted(names))
            self.assertEqual((header["logits"]["dtype"], header["logits"]["shape"]),
                             ("F32", [50, VOCAB]))
            self.assertEqual((header["input_ids"]["dtype"], header["input_ids"]["shape"]),
                             ("I32", [50]))
            if options:
                self.assertEqual((header["mtp_logits"]["dtype"], header["mtp_logits"]["shape"]),
                                 ("F32", [49, VOCAB]))
            ends = [info["data_offsets"][1] for info in header.values()]
            self.assertEqual(path.stat().st_size, start + max(ends))
            self.assertEqual(integers(read_tensors(path), "input_ids"), ids)

    def test_rows_of_windows_come_from_the_window_that_scores(self):
        ids, context, stride = FLAT[:10], 5, 3
        found = self.logits(REFERENCE, ids, *EXACT, "--context", context, "--stride", stride)
        # The picture in docs/evaluation.md: windows 0..4, 3..7, 6..9 score tokens 1-4, 5-7, 8-9.
        for begin, end, rows in [(0, 5, range(0, 4)), (3, 8, range(4, 7)), (6, 10, range(7, 10))]:
            alone = self.logits(REFERENCE, ids[begin:end], *EXACT)
            for row in rows:
                at = (row - begin) * VOCAB
                self.assertLess(largest_difference(found[row * VOCAB:(row + 1) * VOCAB],
                                                   alone[at:at + VOCAB]), 1e-4, row)

    def test_w4a4_and_the_scales_of_experts(self):
        source = MODELS / "basic/modelopt"
        ids = [i for row in json.loads((MODELS / "basic/calibration_ids.json").read_text())
               for i in row]
        w4a4 = self.report(source, ids, "--activations", "nvfp4")
        self.assertEqual(w4a4["settings"]["activations"], "nvfp4")
        weights = self.report(source, ids)
        self.assertNotEqual(w4a4["mean_nll"], weights["mean_nll"])
        self.assertAlmostEqual(w4a4["mean_nll"], weights["mean_nll"], delta=0.3)
        # modelopt gives all experts of a layer one scale: make one expert's four times as large.
        model = shutil.copytree(source, self.folder / "model")
        tensors = read_tensors(model / "model.safetensors")
        for name, (dtype, shape, data) in tensors.items():
            if ".mlp.experts.3." in name and name.endswith("input_scale"):
                (scale,) = struct.unpack("<f", data)
                tensors[name] = (dtype, shape, struct.pack("<f", 4 * scale))
        write_tensors(model / "model.safetensors", tensors)
        own = self.logits(model, ids, "--activations", "nvfp4")
        layer = self.logits(model, ids, "--activations", "nvfp4", "--expert-input-scale", "layer")
        self.assertGreater(largest_difference(own, layer), 1e-3)
        # The largest of a layer is what all experts would have if each had four times as much.
        for name, (dtype, shape, data) in tensors.items():
            if ".mlp.experts." in name and ".experts.3." not in name \
                    and name.endswith("input_scale"):
                (scale,) = struct.unpack("<f", data)
                tensors[name] = (dtype, shape, struct.pack("<f", 4 * scale))
        write_tensors(model / "model.safetensors", tensors)
        self.assertEqual(self.logits(model, ids, "--activations", "nvfp4"), layer)


class Texts(EvalCase):
    """Where tokens come from, how they are cut, and what is printed."""

    def test_text_is_what_the_tokenizer_makes_of_it(self):
        path = self.folder / "text.txt"
        path.write_text("Tom has 5 apples.\nHe eats 2 of them: 5-2=3 é 中\n" * 4)
        ids = json.loads(run("tokenize", REFERENCE, "--ids", "--file", path).stdout)
        of_text = run_json("eval", REFERENCE, "--text", path)
        of_ids = self.report(REFERENCE, ids)
        for figure in ["tokens", "predicted_tokens", "mean_nll", "perplexity"]:
            self.assertEqual(of_text[figure], of_ids[figure])

    def test_counts_of_windows_and_predicted_tokens(self):
        for count, options, windows, predicted in [
            (60, [], 1, 59),
            (60, ["--context", 60], 1, 59),
            (60, ["--context", 20], 3, 57),
            (61, ["--context", 20], 4, 57),
            (50, ["--context", 20], 3, 47),
            (60, ["--context", 20, "--stride", 10], 5, 59),
            (30, ["--context", 20, "--stride", 1], 11, 29),
            (10, ["--context", 5, "--stride", 3], 3, 9),
            (2, ["--context", 2], 1, 1),
            (6, ["--context", 2, "--stride", 1], 5, 5),
        ]:
            with self.subTest(count=count, options=options):
                report = self.report(REFERENCE, FLAT[:count], *options)
                self.assertEqual((report["tokens"], report["windows"],
                                  report["predicted_tokens"]), (count, windows, predicted))

    def test_the_whole_context_fits(self):
        report = self.report(REFERENCE, FLAT[:2049])
        self.assertEqual((report["context"], report["windows"], report["predicted_tokens"]),
                         (2048, 2, 2047))

    def test_json_has_every_figure_and_the_table_the_same(self):
        base = self.folder / "base.safetensors"
        ids = FLAT[:80]
        self.report(REFERENCE, ids, "--save-logits", base)
        options = ["--compare", base, "--mtp", "--kv-cache", "fp8", "--threads", 2]
        report = self.report(REFERENCE, ids, *options)
        for field in ["checkpoint", "weights", "settings", "tokens", "predicted_tokens",
                      "windows", "context", "stride", "chunk", "perplexity", "perplexity_error",
                      "mean_nll", "mean_nll_error", "seconds", "compare", "mtp"]:
            self.assertIn(field, report)
        for field in ["base_perplexity", "ln_perplexity_ratio", "ln_perplexity_ratio_error", "kl",
                      "kl_error", "kl_median", "kl_p99", "kl_max", "top1_agreement", "flips",
                      "right_to_wrong", "wrong_to_right"]:
            self.assertIn(field, report["compare"])
        self.assertEqual(report["settings"]["threads"], 2)
        self.assertEqual(len(report["mtp"]["acceptance"]), 3)
        done = run("eval", REFERENCE, "--tokens", self.tokens(ids), *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        for said in [f"{report['perplexity']:.4f}", f"{report['mean_nll']:.5f}",
                     f"{report['compare']['kl']:.5f}", "FP8 KV cache", "79 predicted",
                     f"{100 * report['mtp']['acceptance'][0]:.2f}"]:
            self.assertIn(said, done.stdout)
        self.assertNotIn("\x1b", done.stdout)

    def test_the_output_does_not_change_an_earlier_file_unless_it_is_complete(self):
        path = self.folder / "logits.safetensors"
        path.write_text("earlier")
        done = run("eval", REFERENCE, "--tokens", self.tokens([1, 2, 5000]), "--save-logits", path)
        self.assertEqual(done.returncode, INVALID)
        self.assertEqual(path.read_text(), "earlier")

    def test_word_problems(self):
        path, answers = self.folder / "problems.jsonl", self.folder / "answers.jsonl"
        problems = [("What is 3 + 4?", "3+4=7\n#### 7"),
                    ("A box holds 6 eggs. How many are in 200 boxes?", "#### 1,200"),
                    ("Tom has 5 apples and eats 2. How many are left?", "5-2=3\n#### 3")]
        path.write_text("".join(json.dumps({"question": q, "answer": a}) + "\n"
                                for q, a in problems))
        task = ["--task", "gsm8k", "--file", path, "--answers", answers]
        report = run_json("eval", REFERENCE, *task)
        self.assertEqual((report["task"], report["problems"], report["thinking"]),
                         ("gsm8k", 3, False))
        lines = [json.loads(line) for line in answers.read_text().splitlines()]
        self.assertEqual([line["question"] for line in lines], [q for q, _ in problems])
        self.assertEqual([line["expected"] for line in lines], ["7", "1200", "3"])
        self.assertEqual(report["right"], sum(line["right"] for line in lines))
        self.assertAlmostEqual(report["accuracy"], report["right"] / 3)
        # The model is asked what `run` asks it, and nothing of the problem before.
        for line in lines:
            alone = run_json("run", REFERENCE, "-p", line["question"], "--thinking", "off",
                             "--temperature", 0)
            self.assertEqual(line["answer"], alone["text"])
        # Each problem now expects what the model said, so that all are right.
        path.write_text("".join(json.dumps({"question": line["question"],
                                            "answer": f"#### {line['found']}"}) + "\n"
                                for line in lines))
        report = run_json("eval", REFERENCE, *task)
        self.assertEqual((report["right"], report["accuracy"]), (3, 1))
        report = run_json("eval", REFERENCE, *task, "--limit", 2, "--max-new-tokens", 3)
        self.assertEqual((report["problems"], report["cut_off"]), (2, 2))
        self.assertIn("problems", run("eval", REFERENCE, *task).stdout)


class Refusals(EvalCase):
    """One sentence, the documented code, and no file left behind."""

    def refuse(self, arguments, code, *said, environment=None):
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        done = run("eval", *arguments, "--save-logits", out / "logits.safetensors",
                   env={**os.environ, **(environment or {})})
        self.assert_fails(done, code, *said)
        self.assertEqual(done.stdout, "")
        self.assertEqual(list(out.iterdir()), [])

    def refuse_model(self, model, code, *said, options=(), ids=None):
        self.refuse([model, "--tokens", self.tokens(ids or FLAT[:40]), *options], code, *said)

    def test_token_files(self):
        for content, code, said in [
            ([1, 2, 4096], INVALID, "from 0 to 4095, found 4096 at index 2"),
            ([1, -1], INVALID, "found -1 at index 1"),
            ([1, 2.5], INVALID, "found 2.5"),
            ([1, 99999999999999999999], INVALID, "at index 1"),
            ([1, "2"], INVALID, 'found "2" at index 1'),
            ([1, None], INVALID, "found null at index 1"),
            ([[1, 2], [3, 4]], INVALID, "found [1,2] at index 0"),
            ([1], INVALID, "at least 2 token ids, found 1"),
            ([], INVALID, "at least 2 token ids, found 0"),
            ({"ids": [1, 2]}, CORRUPT, "expected a JSON array"),
            ('"text"', CORRUPT, "expected a JSON array"),
            ("", CORRUPT, "not JSON"),
            ("[1, 2", CORRUPT, "not JSON"),
            ("1 2 3", CORRUPT, "line 1, column 3"),
        ]:
            with self.subTest(content=content):
                path = self.tokens(content)
                self.refuse([REFERENCE, "--tokens", path], code, f'"{path}"', said)
        self.refuse([REFERENCE, "--tokens", self.folder / "no.json"], NOT_FOUND, "no.json")
        self.refuse([REFERENCE, "--tokens", self.folder], INVALID, "is a folder")

    def test_texts(self):
        path = self.folder / "text.txt"
        for content, count in [("", "0"), ("a", "1")]:
            path.write_text(content)
            self.refuse([REFERENCE, "--text", path], INVALID, f'"{path}"', "at least 2", count)
        path.write_text("two words")
        self.refuse([REFERENCE, "--text", path, "--tokens", self.tokens([1, 2])], INVALID,
                    "--text", "--tokens")
        self.refuse([REFERENCE], INVALID, "--text", "--tokens")
        self.refuse([REFERENCE, "--text", self.folder / "no.txt"], NOT_FOUND, "no.txt")
        self.refuse([FORWARD / "dense", "--text", path], NOT_FOUND, "tokenizer.json")

    def test_windows(self):
        for options, *said in [
            (["--context", 2049], "--context", "2049", "2048"),
            (["--context", 1], "--context", "expected 2 to", "found 1"),
            (["--context", 10, "--stride", 11], "stride", "1 to 10", "found 11"),
            (["--stride", 2049], "stride", "1 to 2048", "found 2049"),
        ]:
            with self.subTest(options=options):
                self.refuse_model(REFERENCE, INVALID, *said, options=options)

    def test_a_stride_of_zero_is_refused_as_documented(self):
        self.refuse_model(REFERENCE, INVALID, "stride", "found 0", options=["--stride", 0])

    def test_a_context_of_zero_is_refused(self):
        self.refuse_model(REFERENCE, INVALID, "context", "found 0", options=["--context", 0])

    def test_numbers_are_named_as_they_were_typed(self):
        done = run("eval", REFERENCE, "--tokens", self.tokens([1, 2]), "--context", "-5")
        self.assertEqual(done.returncode, INVALID)
        self.assertIn("-5", done.stderr)

    def test_options_of_the_task_need_the_task(self):
        for options in [["--limit", 3], ["--file", "x"], ["--answers", self.folder / "a"],
                        ["--thinking", "on"], ["--max-new-tokens", 9],
                        ["--generation-config", "none"]]:
            with self.subTest(options=options):
                self.refuse_model(REFERENCE, INVALID, options[0], options=options)

    def test_options_of_the_text_do_not_go_with_the_task(self):
        path = self.folder / "problems.jsonl"
        path.write_text('{"question": "What is 1 + 1?", "answer": "#### 2"}\n')
        for options in [["--context", 7], ["--stride", 7], ["--chunk", 7], ["--mtp"],
                        ["--compare", "x"], ["--save-logits", self.folder / "x"]]:
            with self.subTest(options=options):
                done = run("eval", REFERENCE, "--task", "gsm8k", "--file", path, *options)
                self.assert_fails(done, INVALID, options[0])

    def test_word_problems(self):
        path = self.folder / "problems.jsonl"
        good = '{"question": "What is 1 + 1?", "answer": "#### 2"}\n'
        for content, code, said in [
            ("", INVALID, "no problem"),
            ("\n\n", INVALID, "no problem"),
            (good + "x\n", CORRUPT, "line 2"),
            (good + "[]\n", CORRUPT, "line 2"),
            (good + '{"question": "x", "answer": "2"}\n', INVALID, "####"),
            (good + '{"answer": "#### 2"}\n', INVALID, "question"),
            (good + '{"question": 1, "answer": "#### 2"}\n', INVALID, "question"),
        ]:
            path.write_text(content)
            with self.subTest(content=content):
                self.assert_fails(run("eval", REFERENCE, "--task", "gsm8k", "--file", path), code,
                                  f'"{path}"', said)
        self.assert_fails(run("eval", REFERENCE, "--task", "gsm8k"), INVALID, "--file")
        path.write_text(good)
        answers = self.folder / "no/such/answers"
        done = run("eval", REFERENCE, "--task", "gsm8k", "--file", path, "--answers", answers)
        self.assert_fails(done, NOT_FOUND, f'"{answers.parent}"')

    def test_bases_to_compare_with(self):
        path, ids = self.folder / "base.safetensors", FLAT[:20]
        saved = self.saved(REFERENCE, ids)
        other_text = {**saved, "input_ids": ("I32", [20], array("i", ids[:-1] + [7]).tobytes())}
        shorter = self.saved(REFERENCE, ids[:-1])
        half = {**saved, "logits": ("F32", [20, 2048], saved["logits"][2][:20 * 2048 * 4])}
        bf16 = {**saved, "logits": ("BF16", [20, 4096], saved["logits"][2][:20 * 4096 * 2])}
        more = {**saved, "notes": ("U8", [3], b"abc")}
        for tensors, *said in [
            (other_text, "input_ids", "another text", "position 19 has token 7"),
            (shorter, "input_ids", "another text", "20", "19"),
            (half, "logits", "[20, 4096]", "[20, 2048]"),
            (bf16, "logits", "F32", "BF16"),
            (more, '"notes"'),
            ({"logits": saved["logits"]}, '"input_ids"'),
            ({"input_ids": saved["input_ids"]}, '"logits"'),
        ]:
            with self.subTest(said=said):
                write_tensors(path, tensors)
                self.refuse_model(REFERENCE, INVALID, f'"{path}"', *said, ids=ids,
                                  options=["--compare", path])
        write_tensors(path, saved)
        path.write_bytes(path.read_bytes()[:-4])
        self.refuse_model(REFERENCE, CORRUPT, f'"{path}"', "truncated", ids=ids,
                          options=["--compare", path])
        path.write_text("this is no safetensors file at all")
        self.refuse_model(REFERENCE, CORRUPT, f'"{path}"', "not a safetensors file", ids=ids,
                          options=["--compare", path])
        self.refuse_model(REFERENCE, NOT_FOUND, "no.safetensors", ids=ids,
                          options=["--compare", self.folder / "no.safetensors"])

    def test_a_base_that_is_not_finite(self):
        path, ids = self.folder / "base.safetensors", FLAT[:20]
        saved = self.saved(REFERENCE, ids)
        data = bytearray(saved["logits"][2])
        data[4 * 4096 * 4:4 * 4096 * 4 + 4] = struct.pack("<f", math.nan)
        write_tensors(path, {**saved, "logits": ("F32", [20, 4096], bytes(data))})
        self.refuse_model(REFERENCE, CORRUPT, "base", "not finite", "4", ids=ids,
                          options=["--compare", path])

    def test_ctrl_c_leaves_no_file(self):
        path = self.folder / "logits.safetensors"
        running = subprocess.Popen([PROGRAM, "eval", REFERENCE, "--tokens", self.tokens(FLAT * 9),
                                    "--save-logits", path], stderr=subprocess.PIPE, text=True)
        self.addCleanup(running.kill)
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
        self.assertEqual(running.returncode, CANCELLED)
        self.assertTrue(errors.splitlines()[-1].startswith("glimmer: "), errors)
        self.assertEqual([file.name for file in self.folder.iterdir()], ["tokens.json"])

    def test_a_full_disk(self):
        # A limit on the size of files acts like a full disk.
        path = self.folder / "logits.safetensors"
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
        done = run("eval", REFERENCE, "--tokens", self.tokens(FLAT[:100]), "--save-logits", path,
                   preexec_fn=limit)
        self.assertIn(done.returncode, (IO, EXHAUSTED))
        self.assert_fails(done, done.returncode, "logits.safetensors")
        self.assertEqual([file.name for file in self.folder.iterdir()], ["tokens.json"])

    def test_places_to_save_to(self):
        tokens = self.tokens(FLAT[:40])
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for path, code in [(folder / "no/such/logits.safetensors", NOT_FOUND), (folder, INVALID)]:
            with self.subTest(path=path):
                done = run("eval", REFERENCE, "--tokens", tokens, "--save-logits", path)
                self.assertFalse(Path(f"{path}.partial").exists())
                named = path.parent if code == NOT_FOUND else path
                self.assert_fails(done, code, f'"{named}"')

    def test_folders(self):
        model = self.copy_reference()
        (model / "config.json").unlink()
        self.refuse_model(model, NOT_FOUND, "config.json")
        self.refuse_model(self.folder / "nothing", NOT_FOUND, "nothing")
        self.refuse_model(REFERENCE / "model.safetensors", INVALID, "model.safetensors",
                          "expected a checkpoint folder")
        (model / "config.json").write_text('{"vocab_size": ')
        self.refuse_model(model, CORRUPT, "config.json", "not JSON")

    def test_shards(self):
        model = self.copy_reference()
        shard = model / "model.safetensors"
        whole = shard.read_bytes()
        for size, said in [(len(whole) // 2, "truncated"), (len(whole) - 1, "truncated"),
                           (100, "truncated"), (0, "0 bytes")]:
            shard.write_bytes(whole[:size])
            with self.subTest(bytes=size):
                self.refuse_model(model, CORRUPT, f'"{shard}"', said)
        shard.unlink()
        self.refuse_model(model, NOT_FOUND, "holds no weights")

    def changed(self, changes, source=REFERENCE, shard="model.safetensors"):
        """A copy of a checkpoint: name -> bytes for all elements, (dtype, shape, bytes) or None."""
        model = self.folder / "changed"
        shutil.rmtree(model, ignore_errors=True)
        shutil.copytree(source, model)
        tensors = read_tensors(model / shard)
        for name, change in changes.items():
            if change is None:
                del tensors[name]
            elif isinstance(change, bytes):
                dtype, shape, data = tensors[name]
                tensors[name] = (dtype, shape, change * (len(data) // len(change)))
            else:
                tensors[name] = change
        write_tensors(model / shard, tensors)
        return model

    def test_tensors_that_do_not_fit(self):
        name = "model.layers.2.self_attn.q_a_proj.weight"
        self.refuse_model(self.changed({name: None}), CORRUPT, f'"{name}"', "missing")
        self.refuse_model(self.changed({name: ("BF16", [256, 128], bytes(65536))}), CORRUPT,
                          "model.safetensors", f'"{name}"', "[128, 256]", "[256, 128]")
        self.refuse_model(self.changed({name: ("U8", [128, 256], bytes(32768))}), CORRUPT,
                          "model.safetensors", f'"{name}"', "BF16", "U8")

    def test_weights_that_are_not_numbers(self):
        nan = b"\xc0\x7f"
        for name in ["model.layers.2.self_attn.q_a_proj.weight", "model.embed_tokens.weight",
                     "model.layers.3.mlp.experts.5.gate_proj.weight", "model.norm.weight",
                     "model.layers.3.mlp.gate.weight", "lm_head.weight"]:
            with self.subTest(name=name):
                self.refuse_model(self.changed({name: nan}), CORRUPT, "finite")

    def test_a_router_bias_that_is_not_a_number(self):
        name = "model.layers.3.mlp.gate.e_score_correction_bias"
        self.refuse_model(self.changed({name: struct.pack("<f", math.nan)}), CORRUPT)

    def test_an_indexer_that_gives_no_numbers(self):
        # More tokens than index_topk, so that its scores choose.
        self.refuse_model(self.changed({"model.layers.3.self_attn.indexer.wk.weight": b"\xc0\x7f"}),
                          CORRUPT, ids=FLAT[:200])

    def test_an_mtp_layer_that_is_not_finite(self):
        model = self.changed({"model.layers.6.eh_proj.weight": b"\xc0\x7f"})
        self.refuse_model(model, CORRUPT, "not finite", options=["--mtp"])
        self.report(model, FLAT[:40])  # its logits are not asked for

    def test_the_message_about_logits_names_the_checkpoint(self):
        model = self.changed({"lm_head.weight": b"\xc0\x7f"})
        done = run("eval", model, "--tokens", self.tokens(FLAT[:40]))
        self.assert_fails(done, CORRUPT, "not finite", f'"{model}"')

    def test_configs_that_contradict_the_tensors(self):
        model = self.copy_reference()
        config = json.loads((model / "config.json").read_text())
        for change, code, *said in [
            ({"hidden_size": 128}, CORRUPT, "embed_tokens", "[4096, 128]"),
            ({"n_routed_experts": 16}, CORRUPT, "mlp.gate.weight", "[16, 256]"),
            ({"num_attention_heads": 8}, CORRUPT, "q_b_proj", "[512, 128]"),
            ({"num_hidden_layers": 5}, CORRUPT, "config.json"),
            ({"num_experts_per_tok": 64}, INVALID, "config.json", "num_experts_per_tok"),
            ({"rms_norm_eps": -1}, INVALID, "config.json", "rms_norm_eps"),
            ({"index_topk": 0}, INVALID, "config.json", "index_topk"),
            ({"vocab_size": 4000}, INVALID, "config.json", "vocab_size"),
            ({"hidden_act": "gelu"}, UNSUPPORTED, "config.json", "hidden_act"),
            ({"architectures": ["LlamaForCausalLM"]}, UNSUPPORTED, "config.json",
             "architectures"),
        ]:
            (model / "config.json").write_text(json.dumps({**config, **change}))
            with self.subTest(change=change):
                self.refuse_model(model, code, *said)

    def test_the_way_out_of_a_generation_config_exists(self):
        model, path = self.copy_reference(), self.folder / "problems.jsonl"
        path.write_text('{"question": "What is 1 + 1?", "answer": "#### 2"}\n')
        (model / "generation_config.json").write_text('{"colour": 1}')
        done = run("eval", model, "--task", "gsm8k", "--file", path)
        self.assert_fails(done, UNSUPPORTED, "generation_config.json", "colour")
        if "--generation-config" in done.stderr:
            self.assertIn("--generation-config", run("eval", "--help").stdout)

    def test_an_mtp_layer_is_not_taken_for_a_main_layer(self):
        model = self.copy_reference()
        config = json.loads((model / "config.json").read_text())
        for change in [{"num_hidden_layers": 7},
                       {"num_hidden_layers": 7, "num_nextn_predict_layers": 0}]:
            (model / "config.json").write_text(json.dumps({**config, **change}))
            with self.subTest(change=change):
                self.refuse_model(model, CORRUPT, "model.layers.6.")

    def test_no_mtp_layer(self):
        self.refuse_model(FORWARD / "dense", INVALID, "--mtp", "config.json",
                          "num_nextn_predict_layers 0", options=["--mtp"], ids=[1, 2, 3])

    def test_scales(self):
        source = self.folder / "nvfp4"
        run("quantize", REFERENCE, source, "--weights-only")
        shard, linear = "model-00001-of-00001.safetensors", "model.layers.2.self_attn.q_a_proj"
        for value in [0.0, math.nan, math.inf, -1.0]:
            with self.subTest(value=value):
                model = self.changed({f"{linear}.weight_scale_2": struct.pack("<f", value)},
                                     source, shard)
                self.refuse_model(model, CORRUPT, shard, f'"{linear}.weight_scale_2"',
                                  "expected a finite number above 0")
        model = self.changed({f"{linear}.weight_scale": b"\x7f"}, source, shard)
        self.refuse_model(model, CORRUPT, "not finite")
        model = self.changed({f"{linear}.weight_scale": ("F8_E4M3", [128, 8], bytes(1024))},
                             source, shard)
        self.refuse_model(model, CORRUPT, shard, f'"{linear}.weight_scale"', "[128, 16]")
        self.refuse_model(source, INVALID, "input_scale", options=["--activations", "nvfp4"])

    def test_input_scales(self):
        source, name = MODELS / "basic/modelopt", "model.layers.0.self_attn.q_a_proj.input_scale"
        w4a4 = ["--activations", "nvfp4"]
        for value in [0.0, math.nan]:
            model = self.changed({name: struct.pack("<f", value)}, source)
            self.refuse_model(model, CORRUPT, f'"{name}"', ids=[1, 2, 3], options=w4a4)
        # One is missing, not all.
        done = run("eval", self.changed({name: None}, source), "--tokens", self.tokens([1, 2, 3]),
                   *w4a4)
        self.assert_fails(done, INVALID, f'"{name}"')
        self.assertNotIn("quantized weights only", done.stderr)

    def test_nvfp4_activations_of_a_bf16_checkpoint_are_refused(self):
        # No linear has an input scale, so that nothing would be rounded.
        self.refuse_model(REFERENCE, INVALID, "input scales", options=["--activations", "nvfp4"])

    def test_instruction_sets(self):
        arguments = [REFERENCE, "--tokens", self.tokens([1, 2])]
        self.refuse(arguments, UNSUPPORTED, "GLIMMER_ISA",
                    environment={"GLIMMER_ISA": "mmx"})


if __name__ == "__main__":
    unittest.main()
