"""`glimmer plan` over real configurations."""

import json
import shutil
import unittest

from glimmer import CONFIGS, CORRUPT, INVALID, NOT_FOUND, REFERENCE, UNSUPPORTED, Case, run, run_json


class Plan(Case):
    def test_glm_5_1_has_the_cards_figures(self):
        plan = run_json("plan", CONFIGS / "glm-5.1.json")
        expected = {
            "linears_total": 58_459,
            "linears_quantized": 58_458,
            "parameters_total": 753_864_139_008,
            "tensors_main": 234_453,
            "tensors_mtp": 791,
            "tensors_total": 235_244,
            "shards": 85,
            "mtp_file": "mtp.safetensors",
        }
        for key, value in expected.items():
            self.assertEqual(plan[key], value, key)
        for key, gigabytes in {
            "bytes_source": 1507.73,
            "bytes_main": 421.36,
            "bytes_mtp": 19.91,
            "bytes_total": 441.26,
        }.items():
            self.assertEqual(round(plan[key] / 1e9, 2), gigabytes, key)
        self.assertLess(plan["peak_memory_bytes"], 1e9)

    def test_glm_5_equals_5_1_and_5_2_shares_indexers(self):
        five = run_json("plan", CONFIGS / "glm-5.json")
        shared = run_json("plan", CONFIGS / "glm-5.2.json", "--recipe", "nvfp4-experts")
        self.assertEqual(five["tensors_total"], 235_244)
        self.assertEqual(shared["tensors_total"], 232_385)

    def test_weights_only_has_three_tensors_a_linear(self):
        plan = run_json("plan", CONFIGS / "glm-5.1.json", "--weights-only")
        self.assertEqual(plan["tensors_main"], 234_453 - 58_458)

    def test_text_names_everything_that_stays(self):
        text = run("plan", CONFIGS / "glm-5.1.json", "--recipe", "nvfp4-serve").stdout
        for said in ["443.96 GB", "58,146 of 58,459", "85 shards", "lm_head", "MTP layer", "router",
                     "peak memory", "from config.json alone"]:
            self.assertIn(said, text)

    def test_calibration_files_are_looked_for_without_a_tokenizer_too(self):
        for model in [CONFIGS / "glm-5.1.json", REFERENCE]:
            done = run("plan", model, "--calibration", "nosuch.jsonl")
            self.assert_fails(done, NOT_FOUND, "nosuch.jsonl")
        texts = self.folder / "texts.jsonl"
        texts.write_text('{"text": "Ben reads."}\n')
        self.assertEqual(run("plan", CONFIGS / "glm-5.1.json", "--calibration", texts).returncode, 0)

    def test_the_disk_of_the_output_is_measured(self):
        plan = run_json("plan", REFERENCE, "--samples", 4, "--out", self.folder / "not/there")
        estimate = plan["calibration"]
        self.assertEqual(estimate["disk_folder"], str(self.folder))
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertGreater(estimate["disk_write_bytes_per_second"], 0)
        self.assertGreater(estimate["seconds"],
                           plan["bytes_total"] / estimate["disk_write_bytes_per_second"])
        self.assertGreater(estimate["spill_bytes_written"], estimate["spill_bytes_synced"])
        text = run("plan", REFERENCE, "--samples", 4, "--out", "/proc").stdout
        self.assertIn("its speed could not be measured, so the time leaves it out", text)
        for line in ["packing", "hidden states", "output"]:
            self.assertIn(f"\n  {line}  ", text)

    def test_weights_confirm_the_plan(self):
        self.assertEqual(run_json("plan", REFERENCE)["confirmed_by"], "headers")
        self.assertEqual(run_json("plan", REFERENCE / "config.json")["confirmed_by"], "config.json")

    def test_an_index_without_shards_is_checked_by_names(self):
        shutil.copy(REFERENCE / "config.json", self.folder)
        listing = json.loads(run("inspect", REFERENCE, "--json").stdout)
        names = [tensor["name"] for tensor in listing["tensors"]]
        index = self.folder / "model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": {n: "model-00001.safetensors" for n in names}}))
        self.assertEqual(run_json("plan", self.folder)["confirmed_by"], "index")
        del names[7]
        index.write_text(json.dumps({"weight_map": {n: "model-00001.safetensors" for n in names}}))
        self.assert_fails(run("plan", self.folder), CORRUPT, "1 tensors", "missing")

    def test_refusals_say_what_the_model_is(self):
        cases = [
            ("glm-5.1-fp8.json", UNSUPPORTED, "FP8 in blocks of [128,128]"),
            ("glm-5.1-nvfp4.json", UNSUPPORTED, "already quantized to NVFP4"),
            ("nothing.json", NOT_FOUND, "no such folder or config file"),
        ]
        for name, code, said in cases:
            self.assert_fails(run("plan", CONFIGS / name), code, said)

    def test_inconsistent_configs_are_named_by_field(self):
        good = json.loads((CONFIGS / "glm-5.1.json").read_text())
        for change, code, said in [
            ({"model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"]},
             UNSUPPORTED, "DeepseekV3ForCausalLM"),
            ({"dtype": "float16"}, UNSUPPORTED, "float16"),
            ({"num_experts_per_tok": 300}, INVALID, "num_experts_per_tok: 300"),
            ({"hidden_size": None}, INVALID, "hidden_size: is missing"),
            ({"intermediate_size": 12290}, UNSUPPORTED, "multiple of 16"),
        ]:
            path = self.folder / "config.json"
            path.write_text(json.dumps({**good, **change}))
            self.assert_fails(run("plan", path), code, said)
        path.write_text("{")
        self.assert_fails(run("plan", path), CORRUPT, "line 1")


if __name__ == "__main__":
    unittest.main()
