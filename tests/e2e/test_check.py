"""`glimmer check` and `glimmer convert`: healthy checkpoints load, damaged ones are named by rule."""

import hashlib
import json
import resource
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from glimmer import (CONFIGS, CORRUPT, DEFECTS, INVALID, NOT_FOUND, PROJECT, REFERENCE, UNSUPPORTED,
                     Case, read_folder, read_tensors, run, run_json, write_tensors)

SHARD = "model-00001-of-00001.safetensors"
MTP = "mtp.safetensors"
INDEX = "model.safetensors.index.json"
GOLDEN = PROJECT / "tests/golden/models/basic/modelopt"
ATTENTION = "model.layers.2.self_attn."
EXPERT = "model.layers.3.mlp.experts.5."


def write_index(folder):
    weight_map = {name: path.name for path in sorted(folder.glob("*.safetensors"))
                  for name in read_tensors(path)}
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


class Checkpoints(Case):
    """Three healthy checkpoints to copy: weights only for serving, W4A4 for serving, all linears."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = Path(tempfile.mkdtemp(prefix="glimmer_check_"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        for recipe in ["nvfp4", "nvfp4-serve", "nvfp4-experts"]:
            done = run("quantize", REFERENCE, cls.shared / recipe, "--weights-only", "--recipe",
                       recipe)
            assert done.returncode == 0, done.stderr
        done = run("convert", GOLDEN, cls.shared / "w4a4")
        assert done.returncode == 0, done.stderr

    def copy(self, name="nvfp4-serve"):
        folder = self.folder / "damaged"
        shutil.rmtree(folder, ignore_errors=True)
        return Path(shutil.copytree(self.shared / name, folder))

    def check(self, folder, *options):
        """The report, its exit status being what the report says."""
        done = run("check", folder, "--json", *options)
        self.assertIn(done.returncode, (0, DEFECTS), done.stderr)
        return json.loads(done.stdout), done.returncode

    def edit_tensors(self, folder, change, file=SHARD):
        tensors = read_tensors(folder / file)
        change(tensors)
        write_tensors(folder / file, tensors)
        write_index(folder)

    def edit_json(self, folder, name, change):
        value = json.loads((folder / name).read_text())
        change(value)
        (folder / name).write_text(json.dumps(value))

    def edit_lists(self, folder, change):
        """Changes the list of unquantized modules in both configuration files."""
        self.edit_json(folder, "config.json",
                       lambda c: change(c["quantization_config"]["ignore"]))
        self.edit_json(folder, "hf_quant_config.json",
                       lambda c: change(c["quantization"]["exclude_modules"]))

    def edit_algorithm(self, folder, algorithm):
        self.edit_json(folder, "config.json",
                       lambda c: c["quantization_config"].update(quant_algo=algorithm))
        self.edit_json(folder, "hf_quant_config.json",
                       lambda c: c["quantization"].update(quant_algo=algorithm))

    def assert_finds(self, folder, rule, *said, options=(), **engines):
        """Integrity names `rule` with a sentence holding every text of `said` (or is content when
        rule is None), and each engine names the rules given for it."""
        asked = [word for name in engines for word in ("--engine", name.replace("_", "-"))]
        report, code = self.check(folder, *asked, *options)
        found = [f for f in report["findings"] if f["rule"] == rule]
        if rule is not None:
            self.assertTrue(found, report["findings"])
            self.assertTrue(any(all(text in f["found"] for text in said) for f in found), found)
        by_name = {e["engine"]: e for e in report["engines"]} if asked else {}
        errors = [f for f in report["findings"] if f["severity"] == "defect"]
        for name, rules in engines.items():
            engine = by_name[name.replace("_", "-")]
            ids = {f["rule"] for f in engine["findings"]}
            for wanted in rules.split():
                self.assertIn(wanted, ids, (name, engine["findings"]))
            errors += [f for f in engine["findings"] if f["severity"] in ("refuses", "wrong values")]
            self.assertTrue(rules or engine["verdict"] == "loads", engine["findings"])
        self.assertEqual(code, DEFECTS if errors else 0)
        return report


class Healthy(Checkpoints):
    def test_serving_recipes_load_and_all_linears_do_not(self):
        for recipe in ["nvfp4-serve", "nvfp4-experts"]:
            report, code = self.check(self.shared / recipe, "--engine", "all", "--deep")
            self.assertEqual(code, 0)
            self.assertTrue(report["sound"])
            self.assertEqual([e["verdict"] for e in report["engines"]], ["loads"] * 4)
        self.assert_finds(self.shared / "nvfp4", None, vllm="V20", sglang="S20 S21",
                          tensorrt_llm="T06 T07", glimmer="")

    def test_verified_rules_are_marked(self):
        report, _ = self.check(self.shared / "nvfp4", "--engine", "all")
        for engine in report["engines"]:
            for finding in engine["findings"]:
                self.assertEqual(finding["verified"], engine["engine"] != "tensorrt-llm")
        text = run("check", self.shared / "nvfp4", "--engine", "tensorrt-llm").stdout
        self.assertIn("T07  refuses (not verified)", text)

    def test_w4a4_loads_and_a_packed_kv_b_proj_computes_wrong_values(self):
        self.assert_finds(self.shared / "w4a4", None, vllm="", sglang="")
        report = self.assert_finds(GOLDEN, None, vllm="V20 V24")
        severity = {f["rule"]: f["severity"] for f in report["engines"][0]["findings"]}
        self.assertEqual(severity["V24"], "wrong values")

    def test_absent_companions_and_mtp_are_notes(self):
        report, code = self.check(GOLDEN)
        self.assertEqual(code, 0)
        self.assertEqual({f["rule"] for f in report["findings"]},
                         {"no-mtp", "no-tokenizer", "no-generation-config"})

    def test_bf16_models_are_sound(self):
        report, code = self.check(REFERENCE, "--deep", "--engine", "all")
        self.assertEqual((code, report["sound"], report["linears_quantized"]), (0, True, 0))

    def test_a_base_that_is_not_compared_is_said(self):
        folder = self.copy()
        (folder / MTP).unlink()
        done = run("check", folder, "--base", REFERENCE)
        self.assertEqual(done.returncode, DEFECTS)
        self.assertIn("--base: not compared", done.stderr)

    def test_worst_linears_against_the_base(self):
        report, _ = self.check(self.shared / "nvfp4", "--base", REFERENCE)
        worst = [row["relative_rms"] for row in report["worst"]]
        self.assertEqual(len(worst), 10)
        self.assertEqual(worst, sorted(worst, reverse=True))
        self.assertAlmostEqual(worst[0], 0.0979, delta=0.0005)

    def test_wrong_requests(self):
        self.assert_fails(run("check", self.shared / "nvfp4", "--engine", "tgi"), INVALID, "tgi")
        self.assert_fails(run("check", self.folder / "nothing"), NOT_FOUND, "no such folder")
        self.assert_fails(run("check", REFERENCE / "model.safetensors"), INVALID, "is a file")


class Files(Checkpoints):
    def test_truncated_shard(self):
        folder = self.copy()
        data = (folder / SHARD).read_bytes()
        (folder / SHARD).write_bytes(data[:-100])
        self.assert_finds(folder, "files", SHARD, "truncated", vllm="V32", sglang="S31",
                          glimmer="G02")

    def test_missing_shard(self):
        folder = self.copy()
        (folder / MTP).unlink()
        self.assert_finds(folder, "files", MTP, vllm="V32")

    def test_index_names_a_tensor_that_no_shard_holds(self):
        folder = self.copy()
        self.edit_json(folder, INDEX, lambda i: i["weight_map"].update({"model.extra": SHARD}))
        self.assert_finds(folder, "files", "model.extra", "does not")

    def test_tensor_outside_the_index(self):
        folder = self.copy()
        self.edit_json(folder, INDEX, lambda i: i["weight_map"].pop("lm_head.weight"))
        self.assert_finds(folder, "files", "does not name", "lm_head.weight")

    def test_tensor_in_two_shards(self):
        folder = self.copy()
        tensors = read_tensors(folder / MTP)
        tensors["lm_head.weight"] = read_tensors(folder / SHARD)["lm_head.weight"]
        write_tensors(folder / MTP, tensors)
        self.assert_finds(folder, "files", "lm_head.weight")

    def test_stale_shard(self):
        folder = self.copy()
        write_tensors(folder / "model-00001-of-00009.safetensors",
                      {"lm_head.weight": ("BF16", [1], b"\0\0")})
        self.assert_finds(folder, "stale", "model-00001-of-00009.safetensors", vllm="V32",
                          sglang="S31")

    def test_mtp_file_outside_the_index(self):
        folder = self.copy()
        self.edit_json(folder, INDEX, lambda i: [i["weight_map"].pop(n) for n in
                                                 list(i["weight_map"]) if ".layers.6." in n])
        self.assert_finds(folder, "stale", MTP, vllm="V44 V32", sglang="S42 S31")

    def test_unfinished_conversion(self):
        folder = self.copy()
        (folder / "model-00002-of-00002.safetensors.partial").write_bytes(b"")
        self.assert_finds(folder, "unfinished", "model-00002-of-00002.safetensors.partial")

    def test_sha256_lists(self):
        folder = self.copy()
        lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}"
                 for p in sorted(folder.iterdir())]
        listing = self.folder / "SHA256SUMS"
        listing.write_text("\n".join(lines) + "\n")
        self.assertEqual(self.check(folder, "--sha256", listing)[1], 0)
        (folder / "extra.txt").write_text("x")
        (folder / "tokenizer.json").unlink()
        data = bytearray((folder / MTP).read_bytes())
        data[-1] ^= 1
        (folder / MTP).write_bytes(data)
        for said in [("extra.txt", "not on the list"), ("tokenizer.json", "missing"),
                     (MTP, "expected")]:
            self.assert_finds(folder, "sha256", *said, options=("--sha256", listing))
        listing.write_text("nonsense\n")
        self.assert_fails(run("check", folder, "--sha256", listing), CORRUPT, "line 1")
        listing.write_text("0" * 64 + "  ../escape\n")
        self.assert_fails(run("check", folder, "--sha256", listing), CORRUPT, "../escape")


class Tensors(Checkpoints):
    def damage(self, name, change, base="nvfp4-serve", file=SHARD):
        folder = self.copy(base)

        def apply(tensors):
            changed = change(*tensors[name])
            if changed is None:
                del tensors[name]
            else:
                tensors[name] = changed
        self.edit_tensors(folder, apply, file)
        return folder

    def test_missing_weight(self):
        name = ATTENTION + "o_proj.weight"
        folder = self.damage(name, lambda *_: None)
        self.assert_finds(folder, "missing", name, vllm="V31", sglang="S26", tensorrt_llm="T20",
                          glimmer="G04")

    def test_missing_weight_scale_2(self):
        name = ATTENTION + "o_proj.weight_scale_2"
        self.assert_finds(self.damage(name, lambda *_: None), "missing", name, vllm="V27",
                          sglang="S26", glimmer="G04")

    def test_absent_input_scale(self):
        name = "model.layers.1.mlp.experts.2.up_proj.input_scale"
        folder = self.damage(name, lambda *_: None, "w4a4", SHARD)
        self.assert_finds(folder, "missing", name, vllm="V27", sglang="S26")

    def test_scales_that_are_zero_negative_nan_or_infinite(self):
        name = "model.layers.1.mlp.experts.2.down_proj.input_scale"
        for value, shown in [(0.0, "0"), (-1.0, "-1"), (float("nan"), "nan"),
                             (float("inf"), "inf")]:
            folder = self.damage(name, lambda d, s, _: (d, s, struct.pack("<f", value)), "w4a4")
            self.assert_finds(folder, "scale", name, f"is {shown}", "expected a finite number",
                              vllm="V27", sglang="S26")

    def test_input_scales_of_almost_nothing(self):
        name = "model.layers.1.mlp.experts.2.down_proj.input_scale"
        for value in [2.0**-149, 2.0**-126, 2.0**-101]:
            folder = self.damage(name, lambda d, s, _: (d, s, struct.pack("<f", value)), "w4a4")
            self.assert_finds(folder, "tiny-scale", name)
            self.assertEqual(self.check(folder, "--strict")[1], DEFECTS)

    def test_wrong_type_of_block_scales(self):
        name = ATTENTION + "o_proj.weight_scale"
        folder = self.damage(name, lambda _, s, b: ("U8", s, b))
        self.assert_finds(folder, "dtype", SHARD, name, "expected F8_E4M3", "found U8", vllm="V22",
                          sglang="S27", glimmer="G04")

    def test_wrong_shape(self):
        name = ATTENTION + "o_proj.weight"
        folder = self.damage(name, lambda d, s, b: (d, [s[0] * 2, s[1] // 2], b))
        self.assert_finds(folder, "shape", name, "expected U8 [256, 128]", "found U8 [512, 64]",
                          vllm="V22", sglang="S27")

    def test_unknown_tensors(self):
        folder = self.copy()
        self.edit_tensors(folder, lambda t: t.update(
            {"model.layers.1.mlp.experts.99.gate_proj.weight": ("BF16", [1], b"\0\0")}))
        self.assert_finds(folder, "unknown", "experts.99", vllm="V30", sglang="S27", glimmer="G04")

    def test_packed_router(self):
        folder = self.copy()
        name = "model.layers.2.mlp.gate.weight_scale"
        self.edit_tensors(folder, lambda t: t.update({name: ("F8_E4M3", [32, 16], b"8" * 512)}))
        report = self.assert_finds(folder, "packed", "model.layers.2.mlp.gate.weight", vllm="V21",
                                   sglang="S28")
        self.assertEqual([f["count"] for f in report["findings"] if f["rule"] == "packed"], [1])

    def test_unequal_scales_of_latents(self):
        name = ATTENTION + "kv_a_proj_with_mqa.weight_scale_2"
        folder = self.damage(name, lambda d, s, _: (d, s, struct.pack("<f", 0.125)))
        self.assert_finds(folder, "group", name, "q_a_proj", vllm="V23", sglang="S23",
                          tensorrt_llm="T04")

    def test_unequal_scales_of_a_dense_mlp(self):
        name = "model.layers.0.mlp.up_proj.weight_scale_2"
        folder = self.damage(name, lambda d, s, _: (d, s, struct.pack("<f", 0.125)))
        self.assert_finds(folder, "group", name, vllm="V23", sglang="S24", tensorrt_llm="T05")

    def test_unequal_scales_of_an_expert(self):
        name = EXPERT + "up_proj.weight_scale_2"
        folder = self.damage(name, lambda d, s, _: (d, s, struct.pack("<f", 0.125)))
        self.assert_finds(folder, "group", name, vllm="V25", sglang="S25", tensorrt_llm="T05")

    def test_an_outlier_among_input_scales(self):
        folder = self.copy("w4a4")
        prefix = "model.layers.1.mlp.experts.2."
        self.edit_tensors(folder, lambda t: t.update(
            {f"{prefix}{p}_proj.input_scale": ("F32", [], struct.pack("<f", 1e6))
             for p in ["gate", "up"]}))
        self.assert_finds(folder, None, vllm="V26")

    def test_cache_scales(self):
        folder = self.copy()
        self.edit_tensors(folder, lambda t: t.update(
            {ATTENTION + "k_proj.k_scale": ("F32", [], struct.pack("<f", 1))}))
        self.assert_finds(folder, "cache-scales", "k_scale", vllm="V41")

    def test_nan_block_scales_are_seen_deep(self):
        name = ATTENTION + "o_proj.weight_scale"
        for byte, said in [(0x7F, "NaN"), (0xFF, "NaN"), (0xB8, "negative")]:
            folder = self.damage(name, lambda d, s, b: (d, s, b[:37] + bytes([byte]) + b[38:]))
            self.assertEqual(self.check(folder)[1], 0)
            self.assert_finds(folder, "block-scale", name, said, "element 37", options=("--deep",),
                              vllm="V28" if byte & 0x7F == 0x7F else "")
        name = EXPERT + "up_proj.weight_scale"
        folder = self.damage(name, lambda d, s, b: (d, s, b"\x7f" + b[1:]))
        report = self.assert_finds(folder, "block-scale", name, options=("--deep",), vllm="V28")
        self.assertEqual(report["engines"][0]["verdict"], "computes wrong values")

    def test_block_scales_that_are_all_zero_are_seen_deep(self):
        name = ATTENTION + "o_proj.weight_scale"
        folder = self.damage(name, lambda d, s, b: (d, s, bytes(len(b))))
        self.assert_finds(folder, "block-scale", name, "block scales are zero", options=("--deep",))
        some = self.damage(name, lambda d, s, b: (d, s, b"\0" + b[1:]))
        self.assertEqual(self.check(some, "--deep")[1], 0)

    def test_weights_that_are_not_finite_are_seen_deep(self):
        name = "model.layers.4.self_attn.kv_b_proj.weight"
        folder = self.damage(name, lambda d, s, b: (d, s, b[:6] + b"\x80\x7f" + b[8:]))
        self.assertEqual(self.check(folder)[1], 0)
        self.assert_finds(folder, "not-finite", name, "element 3", options=("--deep",))


class Configs(Checkpoints):
    def quantization(self, change):
        folder = self.copy()
        self.edit_json(folder, "config.json", lambda c: change(c["quantization_config"]))
        return folder

    def nested_only(self, change=lambda c: None, base="nvfp4-serve"):
        folder = self.copy(base)
        self.edit_json(folder, "config.json", lambda c: c.pop("quantization_config"))
        self.edit_json(folder, "hf_quant_config.json", change)
        return folder

    def test_files_that_differ(self):
        folder = self.quantization(lambda q: q.update(quant_algo="NVFP4"))
        self.assert_finds(folder, "configs", "quant_algo", "NVFP4", "W4A16_NVFP4", vllm="V01",
                          sglang="S01", tensorrt_llm="T01")
        folder = self.quantization(lambda q: q["ignore"].append("model.layers.9*"))
        self.assert_finds(folder, "configs", "model.layers.9*", vllm="V01")
        folder = self.quantization(lambda q: q.pop("kv_cache_scheme"))
        self.assert_finds(folder, "configs", "KV cache")

    def test_no_method(self):
        folder = self.quantization(lambda q: q.pop("quant_method"))
        self.assert_finds(folder, None, vllm="V02", sglang="", glimmer="G03")

    def test_no_announcement(self):
        folder = self.nested_only()
        (folder / "hf_quant_config.json").unlink()
        self.assert_finds(folder, "announcement", "no quantization_config", vllm="V02",
                          sglang="S02", glimmer="G04")

    def test_nested_form_alone(self):
        self.assert_finds(self.nested_only(), "one-config", "config.json", vllm="V04",
                          tensorrt_llm="")
        self.assert_finds(self.nested_only(base="w4a4"), "one-config", vllm="", sglang="")
        folder = self.nested_only(lambda c: c["quantization"].pop("group_size"), "w4a4")
        self.assert_finds(folder, None, vllm="V03", sglang="S03")
        folder = self.nested_only(lambda c: c["producer"].update(name="someone"), "w4a4")
        self.assert_finds(folder, None, vllm="V03")

    def test_unknown_algorithm(self):
        folder = self.copy()
        self.edit_algorithm(folder, "NVFP5")
        self.assert_finds(folder, "announcement", "NVFP5", vllm="V04", sglang="S02",
                          tensorrt_llm="T02")
        self.edit_algorithm(folder, "FP8")
        self.assert_finds(folder, "announcement", "FP8", vllm="V02", sglang="S02",
                          tensorrt_llm="T02", glimmer="G03")
        self.edit_algorithm(folder, "w4a16_nvfp4")
        self.assert_finds(folder, None, vllm="", sglang="S02", tensorrt_llm="T02")

    def test_group_size(self):
        folder = self.quantization(lambda q: q.update(group_size=32))
        self.assert_finds(folder, "announcement", "32", vllm="V05", sglang="S03")

    def test_odd_lists(self):
        folder = self.quantization(lambda q: q.update(ignore="lm_head"))
        self.assert_finds(folder, "configs", vllm="V06")
        folder = self.quantization(lambda q: q.update(ignore=None))
        self.assert_finds(folder, "configs", vllm="V06", sglang="S03")

    def test_label_without_input_scales(self):
        folder = self.copy()
        self.edit_algorithm(folder, "NVFP4")
        report = self.assert_finds(folder, "missing", "input_scale", vllm="V07", sglang="S04")
        self.assertEqual(report["engines"][0]["verdict"], "loads")

    def test_label_with_dropped_input_scales(self):
        folder = self.copy("w4a4")
        self.edit_algorithm(folder, "W4A16_NVFP4")
        self.assert_finds(folder, "dropped", "input_scale", vllm="V08")
        self.assertEqual(run("check", folder, "--strict").returncode, DEFECTS)

    def test_router_keys(self):
        folder = self.copy()
        self.edit_json(folder, "config.json", lambda c: c.pop("topk_method"))
        self.assert_finds(folder, None, vllm="V46", sglang="S28")
        folder = self.copy()
        self.edit_json(folder, "config.json", lambda c: c.pop("scoring_func"))
        self.assert_finds(folder, None, vllm="V46", sglang="")

    def test_indexer_keys(self):
        folder = self.copy()
        self.edit_json(folder, "config.json",
                       lambda c: c.update(index_topk_freq=2, index_skip_topk_offset=1,
                                          indexer_types=["full"] * 6))
        self.assert_finds(folder, None, vllm="V33", sglang="S32")

    def test_dynamic_cache(self):
        folder = self.quantization(lambda q: q["kv_cache_scheme"].update(dynamic=True))
        self.assert_finds(folder, None, vllm="V40")

    def test_mtp_key(self):
        folder = self.copy()
        self.edit_json(folder, "config.json", lambda c: c.pop("num_nextn_predict_layers"))
        self.assert_finds(folder, "unknown", "model.layers.6.", "num_nextn_predict_layers",
                          vllm="V42")

    def test_incomplete_mtp(self):
        folder = self.copy()
        name = "model.layers.6.mlp.experts.3.down_proj.weight"
        self.edit_tensors(folder, lambda t: t.pop(name), MTP)
        self.assert_finds(folder, "mtp", name, vllm="V44", sglang="S26")
        (folder / MTP).unlink()
        write_index(folder)
        self.assert_finds(folder, "mtp", "all 119 tensors", vllm="V44", sglang="S42")

    def test_tokenizer_beyond_the_vocabulary(self):
        folder = self.copy()
        self.edit_json(folder, "tokenizer.json", lambda t: t["added_tokens"].append(
            {**t["added_tokens"][-1], "id": 4096, "content": "<|beyond|>"}))
        self.assert_finds(folder, "vocabulary", "4097 ids", "4096")
        (folder / "tokenizer.json").write_text("{")
        self.assert_finds(folder, "tokenizer", "tokenizer.json")
        folder = self.copy()
        self.edit_json(folder, "generation_config.json", lambda g: g.update(eos_token_id=[9999]))
        self.assert_finds(folder, "vocabulary", "eos_token_id", "9999")
        (folder / "tokenizer.json").unlink()
        self.assert_finds(folder, "no-tokenizer", glimmer="G05")

    def test_mixed_precision(self):
        folder = self.copy("w4a4")
        tensors = read_tensors(folder / SHARD)
        layers = {name.removesuffix(".weight"): {"quant_algo": "NVFP4", "group_size": 16}
                  for name, (dtype, _, _) in tensors.items() if dtype == "U8"}

        def mix(form, key):
            form.update(quant_algo="MIXED_PRECISION", quantized_layers=layers)
            form[key] = []
        self.edit_json(folder, "config.json", lambda c: mix(c["quantization_config"], "ignore"))
        self.edit_json(folder, "hf_quant_config.json",
                       lambda c: mix(c["quantization"], "exclude_modules"))
        self.assert_finds(folder, None, vllm="", sglang="S05")
        layers.clear()
        self.edit_json(folder, "config.json", lambda c: mix(c["quantization_config"], "ignore"))
        self.assert_finds(folder, "list", vllm="V09", sglang="S05")


class Lists(Checkpoints):
    """The list of unquantized modules against the tensors, as each engine reads it."""

    def listed(self, change, base="nvfp4-serve"):
        folder = self.copy(base)
        self.edit_lists(folder, change)
        return folder

    def test_bf16_module_that_no_entry_names(self):
        folder = self.listed(lambda entries: entries.remove(ATTENTION + "kv_b_proj"))
        self.assert_finds(folder, "list", ATTENTION + "kv_b_proj", "is BF16", vllm="V17",
                          tensorrt_llm="T03")

    def test_packed_module_that_an_entry_names(self):
        folder = self.listed(lambda entries: entries.append(ATTENTION + "o_proj"))
        self.assert_finds(folder, "list", ATTENTION + "o_proj", "are NVFP4", vllm="V17",
                          sglang="S10", tensorrt_llm="T03")

    def test_lm_head(self):
        folder = self.listed(lambda entries: entries.remove("lm_head"))
        self.assert_finds(folder, "list", "lm_head", vllm="V29", sglang="S17", tensorrt_llm="T03")

    def test_one_shard_of_a_joined_linear(self):
        folder = self.listed(lambda entries: entries.append(ATTENTION + "q_a_proj"))
        self.assert_finds(folder, "list", ATTENTION + "q_a_proj", vllm="V11", sglang="S12")

    def test_substring(self):
        folder = self.listed(lambda entries: entries.append("layers.3.mlp.shared_experts.down"))
        self.assert_finds(folder, None, vllm="V14", sglang="")

    def test_gate_of_a_dense_layer(self):
        folder = self.listed(lambda entries: entries.append("model.layers.0.mlp.gate"))
        self.assert_finds(folder, None, vllm="V14", sglang="", tensorrt_llm="")

    def test_single_expert(self):
        folder = self.listed(lambda entries: entries.append(EXPERT + "gate_proj"))
        self.assert_finds(folder, "list", EXPERT + "gate_proj", vllm="V13", sglang="")

    def test_pattern_that_hits_a_neighbour(self):
        folder = self.listed(lambda entries: entries.append("*mlp.gate*"))
        self.assert_finds(folder, "list", "model.layers.0.mlp.gate_proj", vllm="V15", sglang="S11",
                          tensorrt_llm="T03")

    def test_pattern_on_a_shard_does_not_reach(self):
        folder = self.copy("nvfp4-experts")

        def spell(entries):
            entries.remove("model.layers.2.self_attn*")
            entries.extend(ATTENTION + name for name in
                           ["q_a_proj*", "kv_a_proj_with_mqa*", "q_b_proj*", "kv_b_proj*",
                            "o_proj*", "indexer*"])
        self.edit_lists(folder, spell)
        self.assert_finds(folder, None, vllm="V12", sglang="S17")

    def test_exact_name_that_means_every_layer(self):
        folder = self.listed(lambda entries: entries.append("model.layers.6.self_attn.q_b_proj"))
        self.assert_finds(folder, None, vllm="", sglang="S13", tensorrt_llm="")

    def test_experts_without_a_star(self):
        folder = self.copy("nvfp4-experts")

        def spell(entries):
            entries.remove("model.layers.0.mlp*")
            entries.append("model.layers.0.mlp")
        self.edit_lists(folder, spell)
        self.assert_finds(folder, "list", "model.layers.0.mlp.", vllm="", sglang="",
                          tensorrt_llm="T03")

    def test_block_of_experts_is_reached_by_patterns_only(self):
        folder = self.copy()
        source = read_tensors(REFERENCE / "model.safetensors")

        def unpack(tensors):
            is_mlp = lambda name: name.startswith("model.layers.1.mlp.")
            for name in [n for n in tensors if is_mlp(n)]:
                del tensors[name]
            tensors.update({n: t for n, t in source.items() if is_mlp(n)})
        self.edit_tensors(folder, unpack)
        self.edit_lists(folder, lambda entries: entries.append("model.layers.1.mlp"))
        self.assert_finds(folder, "list", "model.layers.1.mlp.experts.0.", vllm="", sglang="S14",
                          tensorrt_llm="T03")
        self.edit_lists(folder, lambda entries: entries.append("model.layers.1.mlp*"))
        self.assert_finds(folder, None, vllm="", sglang="", tensorrt_llm="")

    def test_bare_word(self):
        folder = self.listed(lambda entries: entries.append("*kv_b_proj"))
        self.assert_finds(folder, None, tensorrt_llm="T08", vllm="", sglang="")

    def test_head_of_the_mtp_layer(self):
        def spell(entries):
            entries.remove("model.layers.6*")
            entries.extend(["model.layers.6.self_attn*", "model.layers.6.mlp*",
                            "model.layers.6.eh_proj", "model.layers.6.shared_head.head"])
        self.assert_finds(self.listed(spell), None, vllm="V45", sglang="")
        self.assert_finds(self.listed(lambda entries: entries.remove("model.layers.6*")), "list",
                          vllm="V43 V45", sglang="", tensorrt_llm="T10")

    def test_packed_mtp(self):
        folder = self.copy()
        tensors = read_tensors(folder / SHARD)
        layer, source = "model.layers.6.self_attn.o_proj.", "model.layers.5.self_attn.o_proj."

        def pack(mtp):
            del mtp[layer + "weight"]
            for part in ["weight", "weight_scale", "weight_scale_2"]:
                mtp[layer + part] = tensors[source + part]
        self.edit_tensors(folder, pack, MTP)
        self.assert_finds(folder, "list", layer[:-1], vllm="V47", sglang="S41")

    def test_expression_that_sglang_cannot_compile(self):
        folder = self.listed(lambda entries: entries.append("model.(layers"))
        self.assert_finds(folder, None, sglang="S11", vllm="")

    def test_shared_expert_that_is_joined(self):
        config = json.loads((REFERENCE / "config.json").read_text())
        config.update(n_routed_experts=256, num_hidden_layers=2, num_nextn_predict_layers=0,
                      hidden_size=64, moe_intermediate_size=16)
        model, recipe, out = (self.folder / n for n in ["model", "mine.yaml", "damaged"])
        (self.folder / "config.json").write_text(json.dumps(config))
        self.assertEqual(run("synth", self.folder / "config.json", model).returncode, 0)
        recipe.write_text("kv_cache: none\nlinears:\n  - {modules: '*.experts.*', format: nvfp4}\n")
        done = run("quantize", model, out, "--weights-only", "--recipe", recipe)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_finds(out, None, vllm="", sglang="")

        def spell(entries):
            entries.remove("model.layers.1.mlp.shared_experts*")
            entries.append("model.layers.1.mlp.shared_*.*")
        self.edit_lists(out, spell)
        self.assert_finds(out, None, sglang="S29")


class ConfigAlone(Case):
    """config.json with hf_quant_config.json beside it, as NVIDIA published them."""

    def test_published_configurations(self):
        folder = PROJECT / "tests/testdata/nvfp4_configs"
        for name, architecture, algorithm, entries in [
            ("nvidia--GLM-5.1-NVFP4", "GlmMoeDsaForCausalLM", "NVFP4", 155),
            ("nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-NVFP4", "NemotronHForCausalLM", "NVFP4", 60),
            ("nvidia--Gemma-4-31B-IT-NVFP4", "Gemma4ForConditionalGeneration", "NVFP4", 63),
            ("nvidia--DeepSeek-V4-Flash-NVFP4", "DeepseekV4ForCausalLM", "MIXED_PRECISION", 4),
        ]:
            report = run_json("check", folder / f"{name}_config.json")
            self.assertEqual(report["architecture"], architecture)
            nested = report["announced"][1]
            self.assertEqual(nested["file"], f"{name}_hf_quant_config.json")
            self.assertEqual((nested["quant_algo"], len(nested["excluded"])), (algorithm, entries))
            text = run("check", folder / f"{name}_config.json").stdout
            self.assertIn("lm_head" if algorithm == "NVFP4" else "*.attn.*", text)

    def test_every_published_configuration(self):
        """Also those that Python wrote with Infinity, and those without any quantization."""
        disagree = {"nvidia--Qwen3.6-35B-A3B-NVFP4"}  # on the cache, as published
        paths = sorted((PROJECT / "tests/testdata/nvfp4_configs").glob("*_config.json"))
        paths = [path for path in paths if "_hf_quant_" not in path.name]
        self.assertGreater(len(paths), 18)
        for path in paths:
            name = path.name.removesuffix("_config.json")
            with self.subTest(config=name):
                done = run("check", path, "--json")
                self.assertEqual(done.returncode, DEFECTS if name in disagree else 0, done.stderr)
                self.assertNotIn("no-weights", [f["rule"] for f in json.loads(done.stdout)["findings"]
                                                if f["severity"] != "note"])
                announced = json.loads(done.stdout)["announced"]
                config = json.loads(path.read_text()).get("quantization_config")
                self.assertEqual(announced[0]["present"], config is not None)
                if config:
                    self.assertEqual(announced[0]["quant_method"], config["quant_method"])
                    self.assertEqual(announced[0]["quant_algo"], config.get("quant_algo", ""))
                nested = path.with_name(f"{name}_hf_quant_config.json")
                self.assertEqual(announced[1]["present"], nested.exists())
                if nested.exists():
                    says = json.loads(nested.read_text())["quantization"]
                    self.assertEqual(announced[1]["quant_algo"], says["quant_algo"])
                    self.assertEqual(announced[1]["excluded"], says.get("exclude_modules", []))

    def test_engines_judge_a_glm_configuration_without_weights(self):
        path = PROJECT / "tests/testdata/nvfp4_configs/nvidia--GLM-5.1-NVFP4_config.json"
        report = run_json("check", path, "--engine", "vllm", "--engine", "sglang")
        for engine in report["engines"]:
            self.assertEqual(engine["verdict"], "loads")
            self.assertEqual(set(engine["quantized"]) - {"model.layers.78.head"},
                             set(f"model.layers.{i}.mlp.experts" for i in range(3, 78)) |
                             {m for m in engine["quantized"] if m.startswith("model.layers.78.")})

    def test_an_engine_that_is_asked_for_twice_is_judged_once(self):
        path = PROJECT / "tests/testdata/nvfp4_configs/nvidia--GLM-5.1-NVFP4_config.json"
        for words in [["vllm", "vllm"], ["vllm,sglang", "vllm"], ["sglang", "all", "vllm"]]:
            asked = [word for name in words for word in ("--engine", name)]
            judged = [e["engine"] for e in run_json("check", path, *asked)["engines"]]
            self.assertEqual(len(judged), len(set(judged)), judged)

    def test_engines_say_nothing_of_another_architecture(self):
        folder = PROJECT / "tests/testdata/nvfp4_configs"
        done = run("check", folder / "nvidia--Gemma-4-31B-IT-NVFP4_config.json", "--engine", "all")
        self.assertIn("algorithm NVFP4", done.stdout)
        self.assert_fails(done, UNSUPPORTED, "--engine: not judged", "Gemma4")

    def test_the_nested_file_is_not_judged_without_the_other(self):
        name = "nvidia--GLM-5.1-NVFP4_hf_quant_config.json"
        self.assert_fails(run("check", PROJECT / "tests/testdata/nvfp4_configs" / name), INVALID,
                          name, "config.json")

    def test_glimmer_refuses_what_only_the_nested_file_announces(self):
        for name in ["config.json", "hf_quant_config.json"]:
            shutil.copy(PROJECT / f"tests/testdata/nvfp4_configs/nvidia--GLM-5.1-NVFP4_{name}",
                        self.folder / name)
        path = self.folder / "config.json"
        config = json.loads(path.read_text())
        del config["quantization_config"]
        path.write_text(json.dumps(config))
        done = run("check", path, "--json", "--engine", "glimmer")
        self.assertEqual(done.returncode, DEFECTS, done.stderr)
        engine = json.loads(done.stdout)["engines"][0]
        self.assertEqual([f["rule"] for f in engine["findings"]], ["G03"])

    def test_folder_without_weights(self):
        shutil.copy(CONFIGS / "glm-5.1-nvfp4.json", self.folder / "config.json")
        done = run("check", self.folder)
        self.assertEqual(done.returncode, DEFECTS)
        self.assertIn("holds no weights", done.stdout)

    def test_other_formats_are_refused(self):
        shutil.copytree(REFERENCE, self.folder / "fp8")
        config = json.loads((REFERENCE / "config.json").read_text())
        config["quantization_config"] = {"quant_method": "fp8", "weight_block_size": [128, 128]}
        (self.folder / "fp8/config.json").write_text(json.dumps(config))
        self.assert_fails(run("check", self.folder / "fp8"), UNSUPPORTED, "FP8")


def bf16_of(value):
    """Nearest BF16 of an F32, ties to even."""
    (bits,) = struct.unpack("<I", struct.pack("<f", value))
    return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16


def e4m3_of(byte):
    exponent, mantissa = (byte >> 3) & 15, byte & 7
    value = mantissa / 512 if exponent == 0 else (1 + mantissa / 8) * 2.0 ** (exponent - 7)
    return -value if byte & 0x80 else value


def f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def dequantize(weight, block_scales, tensor_scale):
    """BF16 bytes of an NVFP4 tensor, by the definition in docs/formats.md."""
    codes = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    (scale,) = struct.unpack("<f", tensor_scale)
    steps = [f32(e4m3_of(byte) * scale) for byte in block_scales]
    out = []
    for i, byte in enumerate(weight):
        for code in (byte & 15, byte >> 4):
            value = f32(codes[code & 7] * steps[i // 8])
            out.append(bf16_of(-value if code & 8 else value))
    return struct.pack(f"<{len(out)}H", *out)


class Convert(Checkpoints):
    BLOCKED = (".kv_b_proj", ".indexer.wk", ".indexer.weights_proj")

    def test_only_what_blocks_is_dequantized(self):
        out = self.folder / "out"
        summary = run_json("convert", self.shared / "nvfp4", out, "--recipe", "nvfp4-serve")
        self.assertEqual(summary["linears_dequantized"], 18)
        before, after = read_tensors(self.shared / "nvfp4" / SHARD), read_tensors(out / SHARD)
        seen = 0
        for name, tensor in before.items():
            module, part = name.rsplit(".", 1)
            if not module.endswith(self.BLOCKED):
                self.assertEqual(after.pop(name), tensor, name)
            elif part == "weight":
                dtype, shape, data = after.pop(name)
                self.assertEqual((dtype, shape), ("BF16", [tensor[1][0], 2 * tensor[1][1]]))
                self.assertEqual(data, dequantize(tensor[2], before[module + ".weight_scale"][2],
                                                  before[module + ".weight_scale_2"][2]), name)
                seen += 1
        self.assertEqual((after, seen), ({}, 18))
        for name in [MTP, "tokenizer.json", "chat_template.jinja", "generation_config.json"]:
            self.assertEqual((out / name).read_bytes(),
                             (self.shared / "nvfp4" / name).read_bytes())
        report = self.assert_finds(out, "dequantized", "kv_b_proj", vllm="", sglang="",
                                   tensorrt_llm="", glimmer="",
                                   options=("--deep", "--base", REFERENCE))
        self.assertTrue(report["sound"])
        self.assertEqual([f["count"] for f in report["findings"]][:1], [18])

    def test_sums_are_what_other_programs_check(self):
        out = self.folder / "out"
        run_json("convert", self.shared / "nvfp4", out, "--max-shard-size", "3MB")
        done = subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=out,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual({line.split(": ")[0] for line in done.stdout.splitlines()},
                         set(read_folder(out)) - {"SHA256SUMS"})
        elsewhere = shutil.copy(out / "SHA256SUMS", self.folder / "sums")
        for sums in [out / "SHA256SUMS", elsewhere]:
            self.assertEqual(self.check(out, "--sha256", sums)[1], 0)

    def test_only_what_the_asked_engine_refuses(self):
        for engine, count in [("vllm", 12), ("sglang", 18), ("tensorrt-llm", 12), ("glimmer", 0)]:
            out = self.folder / engine
            summary = run_json("convert", self.shared / "nvfp4", out, "--engine", engine)
            self.assertEqual(summary["linears_dequantized"], count, engine)
            report, code = self.check(out, "--engine", engine)
            self.assertEqual((code, report["engines"][0]["verdict"]), (0, "loads"))

    def test_input_scales_stay_with_w4a4(self):
        out = self.folder / "out"
        summary = run_json("convert", GOLDEN, out, "--engine", "vllm")
        self.assertEqual(summary["linears_dequantized"], 9)
        config = json.loads((out / "config.json").read_text())["quantization_config"]
        self.assertEqual(config["quant_algo"], "NVFP4")
        self.assertNotIn("kv_cache_scheme", config)
        before, after = read_tensors(GOLDEN / "model.safetensors"), read_tensors(out / SHARD)
        name = "model.layers.1.mlp.experts.0.up_proj.input_scale"
        self.assertEqual(after[name], before[name])

    def test_whatever_else_engines_demand(self):
        """A packed MTP linear, and the packed half of a joined linear, become BF16 too."""
        folder = self.copy("nvfp4")
        tensors = read_tensors(folder / SHARD)
        layer, source = "model.layers.6.self_attn.o_proj.", "model.layers.5.self_attn.o_proj."
        parts = ["weight", "weight_scale", "weight_scale_2"]
        half = "model.layers.1.mlp.shared_experts.gate_proj."

        def pack(mtp):
            del mtp[layer + "weight"]
            mtp.update({layer + part: tensors[source + part] for part in parts})

        def unpack(main):
            for part in parts:
                del main[half + part]
            main[half + "weight"] = read_tensors(REFERENCE / "model.safetensors")[half + "weight"]
        self.edit_tensors(folder, pack, MTP)
        self.edit_tensors(folder, unpack)
        out = self.folder / "out"
        summary = run_json("convert", folder, out)
        self.assertEqual(summary["linears_dequantized"], 18 + 3)
        for module in [layer[:-1], "model.layers.1.mlp.shared_experts.up_proj",
                       "model.layers.1.mlp.shared_experts.down_proj"]:
            self.assertIn(module, summary["dequantized"])
        self.assert_finds(out, None, vllm="", sglang="", tensorrt_llm="", glimmer="")
        dtype, _, data = read_tensors(out / MTP)[layer + "weight"]
        self.assertEqual((dtype, data),
                         ("BF16", dequantize(*(tensors[source + part][2] for part in parts))))

    def test_refusals(self):
        out = self.folder / "out"
        self.assert_fails(run("convert", REFERENCE, out), INVALID, "no linear is NVFP4")
        self.assert_fails(run("convert", self.shared / "nvfp4", out, "--recipe", "nvfp4"),
                          UNSUPPORTED, "kv_b_proj", "S21")
        folder = self.copy("nvfp4")
        name = ATTENTION + "o_proj.weight_scale_2"
        self.edit_tensors(folder, lambda tensors: tensors.pop(name))
        self.assert_fails(run("convert", folder, out), CORRUPT, name)
        self.assertFalse(out.exists())

    def test_dry_run_and_a_second_run(self):
        out = self.folder / "out"
        done = run("convert", self.shared / "nvfp4", out, "--dry-run")
        self.assertEqual(done.returncode, 0)
        self.assertIn("nothing was written", done.stdout)
        self.assertFalse(out.exists())
        self.assertEqual(run("convert", self.shared / "nvfp4", out).returncode, 0)
        self.assert_fails(run("convert", self.shared / "nvfp4", out), INVALID, "is not empty")
        again = run_json("convert", self.shared / "nvfp4", out, "--resume")
        self.assertTrue(again["was_complete"])

    def test_full_disk_leaves_a_journal_and_resume_ends_in_the_same_bytes(self):
        out, whole = self.folder / "out", self.folder / "whole"
        limit = (3_000_000, 3_000_000)
        done = run("convert", self.shared / "nvfp4", out,
                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
        self.assertNotEqual(done.returncode, 0)
        self.assertFalse((out / SHARD).exists())
        self.assertEqual(run("convert", self.shared / "nvfp4", out, "--resume").returncode, 0)
        self.assertEqual(run("convert", self.shared / "nvfp4", whole).returncode, 0)
        subprocess.run(["diff", "-r", out, whole], check=True)


if __name__ == "__main__":
    unittest.main()
