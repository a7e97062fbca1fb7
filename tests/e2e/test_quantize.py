"""`glimmer quantize`: bytes, companions, refusals, and what survives a kill."""

import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import time
import unittest
from pathlib import Path

from glimmer import (CONFIGS, CORRUPT, EXHAUSTED, INVALID, NOT_FOUND, PROGRAM, PROJECT, REFERENCE,
                     UNSUPPORTED, Case, read_folder, read_header, read_output, read_tensors, run,
                     run_json, write_tensors)


class Reference(Case):
    """The trained reference model against modelopt's export of it."""

    def test_bytes_and_errors_are_modelopts(self):
        out = self.folder / "out"
        self.assertEqual(run("quantize", REFERENCE, out, "--weights-only").returncode, 0)
        golden = json.loads((PROJECT / "tests/golden/reference_nvfp4.json").read_text())
        tensors = read_tensors(out / "model-00001-of-00001.safetensors")
        self.assertEqual(len(golden["linears"]), 546)
        for name, expected in golden["linears"].items():
            for part, sha256 in zip(["weight", "weight_scale"], expected):
                digest = hashlib.sha256(tensors[f"{name}.{part}"][2]).hexdigest()
                self.assertEqual(digest, sha256, f"{name}.{part}")
            (scale,) = struct.unpack("<f", tensors[f"{name}.weight_scale_2"][2])
            self.assertEqual(scale, float.fromhex(expected[2]), name)
        check = run_json("check", out, "--base", REFERENCE)
        self.assertTrue(check["sound"])
        self.assertEqual(check["scale_rule"], "cpu")
        ours = {row["module"]: row["relative_rms"] for row in check["modules"] if row["quantized"]}
        self.assertEqual(len(ours), len(golden["errors"]))
        for kind, error in golden["errors"].items():
            name = kind.replace("dense", "mlp") if kind.startswith("dense") else kind
            self.assertAlmostEqual(ours[name], error, delta=1e-9, msg=kind)

    def test_mtp_layer_is_the_sources_bytes_in_its_own_file(self):
        out = self.folder / "out"
        run("quantize", REFERENCE, out, "--weights-only")
        source = read_tensors(REFERENCE / "model.safetensors")
        mtp = read_tensors(out / "mtp.safetensors")
        self.assertEqual(mtp, {n: t for n, t in source.items() if n.startswith("model.layers.6.")})

    def test_sums_of_the_source_do_not_travel(self):
        out, converted = self.folder / "out", self.folder / "converted"
        for source, command in [(self.copy_reference(), ("quantize", out, "--weights-only")),
                                (out, ("convert", converted, "--engine", "vllm"))]:
            for name in ["SHA256SUMS", "md5sum.txt", "model.safetensors.sha256", "CheckSums"]:
                (source / name).write_text("of the source")
            name, target, *options = command
            self.assertEqual(run(name, source, target, *options).returncode, 0)
            for path in target.iterdir():
                self.assertNotEqual(path.read_bytes(), b"of the source", path.name)

    def test_companions_travel_and_the_config_is_kept(self):
        out = self.folder / "out"
        run("quantize", REFERENCE, out, "--weights-only")
        for name in ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
                     "generation_config.json"]:
            self.assertEqual((out / name).read_bytes(), (REFERENCE / name).read_bytes())
        source = json.loads((REFERENCE / "config.json").read_text())
        config = json.loads((out / "config.json").read_text())
        quantization = config.pop("quantization_config")
        self.assertEqual(list(config), list(source))
        self.assertEqual(config, source)
        self.assertEqual(quantization["quant_algo"], "W4A16_NVFP4")
        self.assertNotIn("input_activations", quantization["config_groups"]["group_0"])
        nested = json.loads((out / "hf_quant_config.json").read_text())["quantization"]
        self.assertEqual(nested["exclude_modules"], quantization["ignore"])
        self.assertEqual(nested["kv_cache_quant_algo"], "FP8")
        index = json.loads((out / "model.safetensors.index.json").read_text())
        total = 0
        for path in out.glob("*.safetensors"):
            header, _ = read_header(path)
            for name, info in header.items():
                self.assertEqual(index["weight_map"].pop(name), path.name)
                total += info["data_offsets"][1] - info["data_offsets"][0]
        self.assertEqual(index["weight_map"], {})
        self.assertEqual(index["metadata"]["total_size"], total)

    def test_shards_are_filled_greedily_up_to_the_limit(self):
        out = self.folder / "out"
        run("quantize", REFERENCE, out, "--weights-only", "--max-shard-size", "1MB")
        shards = sorted(out.glob("model-*.safetensors"))
        self.assertEqual(shards[0].name, f"model-00001-of-{len(shards):05}.safetensors")
        totals = []
        for shard in shards:
            header, _ = read_header(shard)
            sizes = [i["data_offsets"][1] - i["data_offsets"][0] for i in header.values()]
            self.assertTrue(sum(sizes) <= 1_000_000 or len(sizes) == 1)
            totals.append(sum(sizes))
        full = [total for total in totals if total > 900_000]
        self.assertGreaterEqual(len(full), len(totals) - 1)

    def test_gpu_rule_changes_scales_by_one_bit(self):
        run("quantize", REFERENCE, self.folder / "cpu", "--weights-only")
        run("quantize", REFERENCE, self.folder / "gpu", "--weights-only", "--scale-rule", "gpu")
        name = "model-00001-of-00001.safetensors"
        cpu, gpu = read_tensors(self.folder / "cpu" / name), read_tensors(self.folder / "gpu" / name)
        differing = 0
        for tensor in cpu:
            if tensor.endswith("weight_scale_2"):
                (a,), (b,) = struct.unpack("<i", cpu[tensor][2]), struct.unpack("<i", gpu[tensor][2])
                self.assertLessEqual(abs(a - b), 1)
                differing += a != b
        self.assertGreater(differing, 20)
        check = run_json("check", self.folder / "gpu", "--base", REFERENCE)
        self.assertTrue(check["sound"])
        self.assertEqual(check["scale_rule"], "gpu")

    def test_recipes(self):
        for recipe, quantized in [("nvfp4", 546), ("nvfp4-serve", 546 - 6 * 4),
                                  ("nvfp4-experts", 5 * 32 * 3)]:
            out = self.folder / recipe
            summary = run_json("quantize", REFERENCE, out, "--weights-only", "--recipe", recipe)
            self.assertEqual(summary["linears_quantized"], quantized)
            self.assertEqual(run_json("check", out, "--base", REFERENCE)["linears_quantized"],
                             quantized)

    def test_a_users_recipe(self):
        recipe = self.folder / "mine.yaml"
        recipe.write_text("kv_cache: none\nlinears:\n  - {modules: '*.mlp.*', format: nvfp4}\n")
        out = self.folder / "out"
        done = run("quantize", REFERENCE, out, "--weights-only", "--recipe", recipe)
        self.assertEqual(done.returncode, 0, done.stderr)
        config = json.loads((out / "config.json").read_text())["quantization_config"]
        self.assertNotIn("kv_cache_scheme", config)
        self.assertIn("model.layers.0.self_attn*", config["ignore"])
        nested = json.loads((out / "hf_quant_config.json").read_text())["quantization"]
        self.assertIsNone(nested["kv_cache_quant_algo"])

    def test_dry_run_writes_nothing(self):
        done = run("quantize", REFERENCE, self.folder / "out", "--weights-only", "--dry-run")
        self.assertEqual(done.returncode, 0)
        self.assertIn("nothing was written", done.stdout)
        self.assertFalse((self.folder / "out").exists())


class Refusals(Case):
    def quantize(self, model, *more):
        return run("quantize", model, self.folder / "out", "--weights-only", *more)

    def change_tensor(self, name, change):
        """The reference model with one tensor changed by a function of (dtype, shape, bytes)."""
        model = self.copy_reference()
        path = model / "model.safetensors"
        tensors = read_tensors(path)
        tensors[name] = change(*tensors[name])
        if tensors[name] is None:
            del tensors[name]
        write_tensors(path, tensors)
        return model

    def test_output_folder_that_holds_something_else(self):
        out = self.folder / "out"
        out.mkdir()
        (out / "precious.txt").write_text("mine")
        self.assert_fails(self.quantize(REFERENCE), INVALID, "is not empty", "precious.txt")
        self.assert_fails(self.quantize(REFERENCE, "--resume"), INVALID, "precious.txt")
        self.assertEqual(read_folder(out), {"precious.txt": b"mine"})
        self.assert_fails(run("quantize", REFERENCE, REFERENCE, "--weights-only"), INVALID)
        file = self.folder / "file"
        file.write_text("")
        self.assert_fails(run("quantize", REFERENCE, file, "--weights-only"), INVALID,
                          "is not a folder")

    def test_a_finished_output_is_left_alone(self):
        self.quantize(REFERENCE)
        before = read_folder(self.folder / "out")
        self.assert_fails(self.quantize(REFERENCE), INVALID, "is not empty")
        done = self.quantize(REFERENCE, "--resume")
        self.assertEqual(done.returncode, 0)
        self.assertIn("complete already", done.stdout)
        self.assert_fails(self.quantize(REFERENCE, "--resume", "--recipe", "nvfp4-serve"), INVALID)
        self.assertEqual(read_folder(self.folder / "out"), before)

    def test_weights_that_are_not_finite(self):
        name = "model.layers.2.mlp.experts.5.up_proj.weight"
        for bits, said in [(0x7F80, "inf"), (0xFFC0, "nan")]:
            def damage(dtype, shape, data):
                at = 2 * (3 * shape[1] + 7)
                return dtype, shape, data[:at] + struct.pack("<H", bits) + data[at + 2:]
            model = self.change_tensor(name, damage)
            self.assert_fails(self.quantize(model), CORRUPT, name, "[3, 7]", said)
            subprocess.run(["rm", "-r", model, self.folder / "out"], check=True)

    def test_what_is_only_copied_must_be_finite_too(self):
        """And no file of several gets its final name, whichever holds the broken one."""
        texts = PROJECT / "share/calibration/default.jsonl"
        for name, bits, said in [
            ("lm_head.weight", 0x7FC0, "element [0, 1] is nan"),
            ("model.embed_tokens.weight", 0xFF80, "element [0, 1] is -inf"),
            ("model.norm.weight", 0x7F80, " is inf, expected finite"),
            ("model.layers.3.mlp.gate.e_score_correction_bias", 0x7FC0, " is nan, expected finite"),
            ("model.layers.6.eh_proj.weight", 0x7F80, "element [0, 1] is inf"),
            ("model.layers.6.mlp.experts.9.up_proj.weight", 0x7FC0, "element [0, 1] is"),
        ]:
            def damage(dtype, shape, data):
                one = struct.pack("<H", bits) if dtype == "BF16" else struct.pack("<I", bits << 16)
                return dtype, shape, data[:len(one)] + one + data[2 * len(one):]
            with self.subTest(name=name):
                model = self.change_tensor(name, damage)
                out = self.folder / "out"
                for options in [["--weights-only"], ["--calibration", texts, "--samples", 1]]:
                    done = run("quantize", model, out, "--max-shard-size", "1MB", *options)
                    self.assert_fails(done, CORRUPT, name, "model.safetensors", said)
                    self.assertEqual(list(out.glob("*.safetensors")), [])
                    self.assertFalse((out / "config.json").exists())
                    shutil.rmtree(out, ignore_errors=True)
            shutil.rmtree(model)

    def test_types_that_are_not_bf16(self):
        name = "model.layers.2.mlp.experts.5.up_proj.weight"
        for dtype, said in [("F16", "F16"), ("F8_E4M3", "FP8"), ("F32", "expected BF16, found F32")]:
            def retype(_, shape, data):
                count = len(data) // 2
                return dtype, shape, (data * 2)[:count * {"F16": 2, "F8_E4M3": 1, "F32": 4}[dtype]]
            model = self.change_tensor(name, retype)
            self.assert_fails(self.quantize(model), UNSUPPORTED, name, said)
            subprocess.run(["rm", "-r", model], check=True)

    def test_missing_unknown_and_misshapen_tensors(self):
        name = "model.layers.3.self_attn.o_proj.weight"
        model = self.change_tensor(name, lambda *_: None)
        self.assert_fails(self.quantize(model), CORRUPT, name, "missing")
        subprocess.run(["rm", "-r", model], check=True)
        model = self.change_tensor(name, lambda d, s, b: (d, [s[0] // 2, s[1] * 2], b))
        self.assert_fails(self.quantize(model), CORRUPT, name, "[256, 256]", "[128, 512]")
        subprocess.run(["rm", "-r", model], check=True)
        model = self.copy_reference()
        tensors = read_tensors(model / "model.safetensors")
        tensors["model.layers.3.self_attn.q_proj.bias"] = ("BF16", [1], b"\0\0")
        write_tensors(model / "model.safetensors", tensors)
        self.assert_fails(self.quantize(model), CORRUPT, "q_proj.bias", "no part of the model")

    def test_mtp_layer_and_config_must_agree(self):
        model = self.copy_reference()
        tensors = read_tensors(model / "model.safetensors")
        kept = {n: t for n, t in tensors.items() if not n.startswith("model.layers.6.")}
        write_tensors(model / "model.safetensors", kept)
        self.assert_fails(self.quantize(model), CORRUPT, "MTP", "num_nextn_predict_layers")
        config = json.loads((model / "config.json").read_text())
        del config["num_nextn_predict_layers"]
        (model / "config.json").write_text(json.dumps(config))
        self.assertEqual(self.quantize(model).returncode, 0)
        self.assertFalse((self.folder / "out/mtp.safetensors").exists())
        write_tensors(model / "model.safetensors", tensors)
        subprocess.run(["rm", "-r", self.folder / "out"], check=True)
        self.assert_fails(self.quantize(model), CORRUPT, "model.layers.6.", "MTP")

    def test_f32_weights_proj_is_rounded_to_bf16_first(self):
        name = "model.layers.2.self_attn.indexer.weights_proj.weight"
        def widen(_, shape, data):
            return "F32", shape, b"".join(b"\0\0" + data[i:i + 2] for i in range(0, len(data), 2))
        model = self.change_tensor(name, widen)
        self.assertEqual(self.quantize(model).returncode, 0)
        run("quantize", REFERENCE, self.folder / "plain", "--weights-only")
        shard = "model-00001-of-00001.safetensors"
        self.assertEqual((self.folder / "out" / shard).read_bytes(),
                         (self.folder / "plain" / shard).read_bytes())

    def test_truncated_and_damaged_files(self):
        model = self.copy_reference()
        path = model / "model.safetensors"
        whole = path.read_bytes()
        for size in [0, 7, 8, 100, 82_759, 82_760, len(whole) - 1]:
            path.write_bytes(whole[:size])
            self.assert_fails(self.quantize(model), CORRUPT, "model.safetensors")
        path.write_bytes(whole + b"\0")
        self.assert_fails(self.quantize(model), CORRUPT, "behind the last tensor")
        path.unlink()
        self.assert_fails(self.quantize(model), NOT_FOUND, "holds no weights")
        path.mkdir()
        self.assert_fails(self.quantize(model), INVALID, "is a folder")

    def test_index_that_lies(self):
        model = self.copy_reference()
        index = model / "model.safetensors.index.json"
        names = list(read_header(model / "model.safetensors")[0])
        right = {name: "model.safetensors" for name in names}
        cases = [
            ({**right, names[0]: "../model.safetensors"}, INVALID, "../model.safetensors"),
            ({**right, names[0]: "/etc/passwd"}, INVALID, "/etc/passwd"),
            ({**right, names[0]: "gone.safetensors"}, NOT_FOUND, "gone.safetensors"),
            ({**right, "extra": "model.safetensors"}, CORRUPT, "extra"),
            ({n: f for n, f in right.items() if n != names[5]}, CORRUPT, names[5]),
            ({**right, names[0]: 5}, CORRUPT, "expected a file name"),
            ({}, CORRUPT, "names no tensor"),
        ]
        for weight_map, code, said in cases:
            index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
            self.assert_fails(self.quantize(model), code, said)
        index.write_text('{"weight_map": {"a": "model.safetensors", "a": "model.safetensors"}}')
        self.assert_fails(self.quantize(model), CORRUPT, "twice")
        index.write_text("[]")
        self.assert_fails(self.quantize(model), CORRUPT)

    def test_links_as_in_the_hugging_face_cache_are_followed(self):
        blobs, model = self.folder / "blobs", self.folder / "snapshot"
        blobs.mkdir()
        model.mkdir()
        for entry in REFERENCE.iterdir():
            (blobs / f"{entry.name}.blob").write_bytes(entry.read_bytes())
            (model / entry.name).symlink_to(f"../blobs/{entry.name}.blob")
        self.assertEqual(self.quantize(model).returncode, 0)
        self.assertFalse((self.folder / "out/tokenizer.json").is_symlink())

    def test_a_full_disk(self):
        limit = 3_000_000  # bytes a file, as a disk that fills up in the middle of a shard
        done = run("quantize", REFERENCE, self.folder / "out", "--weights-only",
                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        self.assert_fails(done, EXHAUSTED, "model-00001-of-00001.safetensors")
        self.assertFalse((self.folder / "out/model-00001-of-00001.safetensors").exists())
        self.assertEqual(self.quantize(REFERENCE, "--resume").returncode, 0)

    def test_a_disk_that_is_too_small_is_found_before_the_work(self):
        config = json.loads((CONFIGS / "glm-5b.json").read_text())
        config.update(hidden_size=2**24, vocab_size=2**24, num_hidden_layers=1,
                      num_nextn_predict_layers=0)  # two matrices of 563 TB each
        (self.folder / "config.json").write_text(json.dumps(config))
        done = run("synth", self.folder / "config.json", self.folder / "out")
        self.assert_fails(done, EXHAUSTED, " TB, but its disk has ", " free")
        self.assertFalse((self.folder / "out").exists())


class Resume(Case):
    """A conversion killed anywhere ends, with --resume, in the bytes of an undisturbed one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.options = ["--weights-only", "--max-shard-size", "20MB"]

    def setUp(self):
        super().setUp()
        config = json.loads((CONFIGS / "glm-5b.json").read_text())
        config.update(num_hidden_layers=3, n_routed_experts=8, vocab_size=4096, eos_token_id=[0])
        (self.folder / "config.json").write_text(json.dumps(config))
        self.model = self.folder / "model"
        run("synth", self.folder / "config.json", self.model, "--max-shard-size", "100MB")

    def start(self, out, model=None):
        return subprocess.Popen([PROGRAM, "quantize", model or self.model, out, *self.options,
                                 "--resume"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def test_twenty_random_kills(self):
        begin = time.monotonic()
        run("quantize", self.model, self.folder / "undisturbed", *self.options)
        duration = time.monotonic() - begin
        expected = read_output(self.folder / "undisturbed")
        self.assertGreater(len(expected), 5)
        randomness = random.Random(7)
        out, killed, rounds = self.folder / "out", 0, 0
        while killed < 20 and rounds < 200:
            rounds += 1
            process = self.start(out)
            try:
                process.wait(timeout=randomness.uniform(0, 1.2 * duration))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
            error = process.stderr.read()
            process.stderr.close()
            if process.returncode == -signal.SIGKILL:
                for name, data in (read_folder(out) if out.exists() else {}).items():
                    if name in expected:
                        self.assertEqual(data, expected[name], f"{name} is not complete")
                continue
            self.assertEqual(process.returncode, 0, error)
            self.assertEqual(read_output(out), expected)
            subprocess.run(["rm", "-r", out], check=True)
        self.assertEqual(run("quantize", self.model, out, *self.options, "--resume").returncode, 0)
        self.assertEqual(read_output(out), expected)
        self.assertEqual(killed, 20)

    def finished_shards(self, out):
        """Of an unfinished conversion: what the journal has the digests of."""
        journal = out / ".glimmer-journal.jsonl"
        lines = journal.read_text().splitlines() if journal.exists() else []
        return [out / (line.split('"')[3] + ".partial") for line in lines if '"digest"' in line]

    def interrupt(self, out, model=None):
        """Leaves an unfinished conversion that has at least one finished shard."""
        process = self.start(out, model)
        while not self.finished_shards(out) and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        self.assertTrue((out / ".glimmer-journal.jsonl").exists())

    def test_what_has_changed_is_named(self):
        out = self.folder / "out"
        self.interrupt(out)
        shard_size = ["--max-shard-size", "20MB"]
        for options, said in [
            ([*shard_size, "--recipe", "nvfp4-serve"], "recipe has changed"),
            ([*shard_size, "--scale-rule", "gpu"], "--scale-rule has changed"),
            (["--max-shard-size", "50MB"], "--max-shard-size has changed"),
        ]:
            done = run("quantize", self.model, out, "--weights-only", "--resume", *options)
            self.assert_fails(done, INVALID, said)
        self.assert_fails(run("quantize", self.model, out, *self.options), INVALID, "--resume")

    def test_the_source_counts_by_content_not_by_time(self):
        """The same bytes downloaded again go on; other weights of the same shapes do not."""
        model = self.model
        run("quantize", model, self.folder / "undisturbed", *self.options)
        out = self.folder / "out"
        self.interrupt(out, model)
        shard = next(model.glob("*.safetensors"))
        os.utime(shard)
        same = shard.read_bytes()
        start = read_header(shard)[1]
        shard.write_bytes(same[:start] + same[start:].translate(bytes(i ^ 1 for i in range(256))))
        done = run("quantize", model, out, *self.options, "--resume")
        self.assert_fails(done, INVALID, f"samples of source file {shard.name} has changed")
        self.assertNotIn("...", done.stderr)
        shard.write_bytes(same)
        self.assertEqual(run("quantize", model, out, *self.options, "--resume").returncode, 0)
        self.assertEqual(read_output(out), read_output(self.folder / "undisturbed"))

    def test_damage_to_a_finished_shard_is_repaired(self):
        run("quantize", self.model, self.folder / "undisturbed", *self.options)
        out = self.folder / "out"
        self.interrupt(out)
        shard = self.finished_shards(out)[0]
        data = bytearray(shard.read_bytes())
        data[-1] ^= 1
        shard.write_bytes(data)
        self.assertEqual(run("quantize", self.model, out, *self.options, "--resume").returncode, 0)
        self.assertEqual(read_output(out), read_output(self.folder / "undisturbed"))

    def test_two_writers_do_not_mix(self):
        out = self.folder / "out"
        first = self.start(out)
        while not (out / ".glimmer-journal.jsonl").exists() and first.poll() is None:
            time.sleep(0.001)
        second = run("quantize", self.model, out, *self.options, "--resume")
        first.wait()
        first.stderr.close()
        self.assertEqual(first.returncode, 0)
        if second.returncode != 0:
            self.assert_fails(second, INVALID, "another glimmer process")

    def test_ctrl_c_says_how_to_go_on(self):
        out = self.folder / "out"
        process = self.start(out)
        while not (out / ".glimmer-journal.jsonl").exists() and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        error = process.communicate()[1]
        self.assertIn(process.returncode, (0, 8))
        if process.returncode == 8:
            self.assertIn("--resume", error)


class Threads(Case):
    def peak_threads(self, model, name, *options):
        """How many threads a run has at most."""
        process = subprocess.Popen([PROGRAM, "quantize", model, self.folder / name,
                                    "--weights-only", *options], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        peak = 0
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max(peak, int(re.search(r"^Threads:\s(\d+)", status, re.M)[1]))
            time.sleep(0.001)
        self.assertEqual(process.wait(), 0)
        return peak

    def test_as_many_pack_as_are_asked_for(self):
        config = json.loads((CONFIGS / "glm-5b.json").read_text())
        config.update(num_hidden_layers=4, num_nextn_predict_layers=0, hidden_size=1024,
                      n_routed_experts=24)
        (self.folder / "config.json").write_text(json.dumps(config))
        model = self.folder / "model"
        self.assertEqual(run("synth", self.folder / "config.json", model).returncode, 0)
        one = self.peak_threads(model, "one", "--threads", "1")
        self.assertEqual(self.peak_threads(model, "five", "--threads", "5") - one, 4)
        self.assertEqual(self.peak_threads(model, "many", "--threads", "40") - one, 7)
        self.assertEqual(read_output(self.folder / "one"), read_output(self.folder / "five"))

    def test_plan_counts_their_memory(self):
        def peak(command, *options):
            return run_json(*command, "--weights-only", *options)["peak_memory_bytes"]
        config = CONFIGS / "glm-5b.json"
        for command in [("plan", config), ("quantize", REFERENCE, self.folder / "out", "--dry-run")]:
            one, two = (peak(command, "--threads", threads) for threads in (1, 2))
            self.assertEqual(peak(command, "--threads", 8) - one, 7 * (two - one))
            self.assertGreater(two, one)
        self.assertIn("with 1 worker;",
                      run("plan", config, "--weights-only", "--threads", 1).stdout)


class Memory(Case):
    def test_peak_stays_below_the_plan_whatever_the_size(self):
        config = json.loads((CONFIGS / "glm-5b.json").read_text())
        config.update(num_hidden_layers=2, vocab_size=65536)
        (self.folder / "config.json").write_text(json.dumps(config))
        model = self.folder / "model"
        self.assertEqual(run("synth", self.folder / "config.json", model).returncode, 0)
        plan = run_json("plan", model, "--weights-only")
        promised = plan["peak_memory_bytes"]
        self.assertGreater(plan["bytes_source"], 3 * promised)
        process = subprocess.Popen([PROGRAM, "quantize", model, self.folder / "out",
                                    "--weights-only"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        peak = 0
        while process.poll() is None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                break
            fields = dict(line.split(":", 1) for line in status.splitlines())
            if "RssAnon" in fields:
                kilobytes = sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssShmem"))
                peak = max(peak, 1024 * kilobytes)
            time.sleep(0.005)
        self.assertEqual(process.wait(), 0)
        self.assertGreater(peak, 0)
        self.assertLess(peak, promised)


if __name__ == "__main__":
    unittest.main()
