"""`--lm-head`: the output matrix packed at load, in every command that has the option.

What NVFP4 must give is known: the same as a checkpoint that `quantize` gave an NVFP4 lm_head.
"""

import json
import os
import re
import shutil
import unittest

from glimmer import (CORRUPT, INVALID, PROJECT, REFERENCE, Case, read_tensors, run, run_json,
                     write_tensors)

IDS = json.loads((PROJECT / "tests/golden/forward/reference_tokens.json").read_text())["flat"]
CONFIG = json.loads((REFERENCE / "config.json").read_text())
LOSS = r"lm_head packed to {}: (\d+\.\d) dB SNR \((\d+\.\d) % error\)"
ASK = ["-p", "What is 3 + 4?", "--temperature", 0, "--thinking", "off", "--max-new-tokens", 4]


class LmHead(Case):
    def tokens(self, count):
        path = self.folder / "tokens.json"
        path.write_text(json.dumps(IDS[:count]))
        return path

    def eval(self, model, *options):
        return run_json("eval", model, "--tokens", self.tokens(300), *options)

    def saved(self, model, *options, **environment):
        path = self.folder / "saved.safetensors"
        done = run("eval", model, "--tokens", self.tokens(40), "--mtp", "--save-logits", path,
                   *options, env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, done.stderr)
        tensors = read_tensors(path)
        return tensors["logits"], tensors["mtp_logits"]

    def packed_on_disk(self):
        """The reference model with an NVFP4 lm_head, and the SNR that its report has."""
        recipe, model = self.folder / "recipe.yaml", self.folder / "packed"
        recipe.write_text("kv_cache: none\nlinears:\n  - {modules: '*', format: bf16, "
                          "why: 'as it is'}\n  - {modules: lm_head, format: nvfp4}\n")
        done = run("quantize", REFERENCE, model, "--weights-only", "--recipe", recipe)
        self.assertEqual(done.returncode, 0, done.stderr)
        return model, json.loads((model / "report.json").read_text())

    def test_eval_shows_what_packing_loses(self):
        base = self.folder / "base.safetensors"
        plain = self.eval(REFERENCE, "--save-logits", base)["settings"]
        self.assertEqual((plain["lm_head"], plain["lm_head_snr_db"]), ("as-stored", None))
        seen = {}
        for form in ("nvfp4", "fp8"):
            report = self.eval(REFERENCE, "--lm-head", form, "--compare", base)
            self.assertEqual(report["settings"]["lm_head"], form)
            seen[form] = report["settings"]["lm_head_snr_db"], report["compare"]["kl"]
            text = run("eval", REFERENCE, "--tokens", self.tokens(40), "--lm-head", form).stdout
            snr, error = map(float, re.search(LOSS.format(form.upper()), text).groups())
            self.assertAlmostEqual(snr, seen[form][0], delta=0.051)
            self.assertAlmostEqual(error, 100 * 10 ** (-seen[form][0] / 20), delta=0.051)
        # Three mantissa bits and a sign against one: each bit is worth 6 dB.
        self.assertGreater(seen["fp8"][0], seen["nvfp4"][0] + 6)
        self.assertTrue(0 < seen["fp8"][1] < seen["nvfp4"][1], seen)

    def test_nvfp4_is_what_quantize_writes(self):
        model, report = self.packed_on_disk()
        packed = self.eval(REFERENCE, "--lm-head", "nvfp4")
        # Sums of the same squares in another order.
        self.assertAlmostEqual(packed["settings"]["lm_head_snr_db"],
                               report["weights"]["all"]["snr_db"], delta=1e-9)
        for isa in ("scalar", "avx2"):
            self.assertEqual(self.saved(REFERENCE, "--lm-head", "nvfp4", GLIMMER_ISA=isa),
                             self.saved(model, GLIMMER_ISA=isa))

    def test_a_head_that_is_nvfp4_already(self):
        model, _ = self.packed_on_disk()
        settings = self.eval(model, "--lm-head", "nvfp4")["settings"]
        self.assertEqual((settings["lm_head"], settings["lm_head_snr_db"]), ("nvfp4", None))
        self.assertIn("lm_head NVFP4 as stored", run("run", model, *ASK, "--lm-head",
                                                     "nvfp4").stderr)
        self.assert_fails(run("run", model, *ASK, "--lm-head", "fp8"), INVALID, f'"{model}"',
                          "lm_head is NVFP4 already")

    def test_run_tells_the_loss_beside_the_answer(self):
        for form in ("nvfp4", "fp8"):
            done = run("run", REFERENCE, *ASK, "--lm-head", form)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stderr.splitlines()[0], LOSS.format(form.upper()) + "$")
            self.assertNotIn("lm_head", done.stdout)
            quiet = run("run", REFERENCE, *ASK, "--lm-head", form, "--no-stats")
            self.assertEqual((quiet.stdout, quiet.stderr), (done.stdout, ""))
        self.assertNotIn("lm_head", run("run", REFERENCE, *ASK).stderr)

    def test_bench_counts_the_packed_bytes(self):
        elements = CONFIG["vocab_size"] * CONFIG["hidden_size"]
        for form, size in [("nvfp4", elements / 2 + elements / 16),
                           ("fp8", elements + 4 * CONFIG["vocab_size"])]:
            report = run_json("bench", REFERENCE, "--prompt", 0, "--decode", 2, "--runs", 1,
                              "--threads", 1, "--lm-head", form)
            self.assertGreater(report["settings"]["lm_head_snr_db"], 15)
            operators = report["jobs"][0]["runs"][0]["operators"]
            self.assertEqual(operators["lm_head"]["weight_bytes"], 2 * size)

    def test_refusals(self):
        done = run("run", REFERENCE, *ASK, "--lm-head", "int4")
        self.assertEqual(done.returncode, INVALID)
        self.assertIn("--lm-head", done.stderr)
        model = self.folder / "changed"
        shutil.copytree(REFERENCE, model)
        tensors = read_tensors(model / "model.safetensors")
        dtype, shape, data = tensors["lm_head.weight"]
        tensors["lm_head.weight"] = (dtype, shape, data[:-2] + b"\x80\x7f")
        write_tensors(model / "model.safetensors", tensors)
        for form in ("nvfp4", "fp8"):
            self.assert_fails(run("run", model, *ASK, "--lm-head", form), CORRUPT, f'"{model}"',
                              '"lm_head.weight"', "not finite")


if __name__ == "__main__":
    unittest.main()
