"""`glimmer quantize` with calibration: input scales, statistics, memory, and refusals."""

import gzip
import json
import math
import re
import resource
import shutil
import struct
import tempfile
import unittest
from collections import defaultdict
from pathlib import Path

from calibration import (GOLDEN, SCRATCH, STATS, TEXTS, Measured, activation_bytes, forget_pages,
                         golden_tokens, limited, make_model, read_all_tensors, read_output,
                         read_scales, read_stats, read_weights, seal_lines, source_bytes,
                         write_random_tokens, write_tokens)
from control_group import LimitedMemory
from glimmer import (CONFIGS, CORRUPT, EXHAUSTED, INVALID, NOT_FOUND, REFERENCE, Case, read_tensors, run,
                     run_json, write_tensors)

BASIC = GOLDEN / "models/basic/source"
SHORT = ["--samples", 8, "--seq-len", 256]
MOST = 2688  # 448 * 6: the largest E4M3 times the largest E2M1
EXPERT = re.compile(r"model\.layers\.(\d+)\.mlp\.experts\.(\d+)\.(\w+)")


def to_f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def to_bf16(value):
    """The nearest BF16, ties to even."""
    (bits,) = struct.unpack("<I", struct.pack("<f", value))
    bits += 0x7FFF + (bits >> 16 & 1)
    return struct.unpack("<f", struct.pack("<I", bits & 0xFFFF0000))[0]


def least_memory(*asked):
    """The least --memory that a command says it needs, rounded up, and the text it says."""
    said = run(*asked, "--memory", "1MB").stderr
    number, unit = re.search(r"at least ([\d.]+) ([MG]B)", said).groups()
    digits = len(number.partition(".")[2])
    return round((float(number) + 0.1**digits) * {"MB": 1e6, "GB": 1e9}[unit]), number + unit


class Calibrated(Case):
    def quantize(self, *arguments, name="out", model=BASIC, **options):
        """The output of a run that succeeds."""
        out = self.folder / name
        done = run("quantize", model, out, *arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((out / SCRATCH).exists())
        return out

    def tokens(self, sequences, name="tokens.jsonl"):
        return write_tokens(self.folder / name, sequences)

    def change_tensors(self, change, model=BASIC):
        """A copy of the model with {name: (dtype, shape, bytes)} changed in place."""
        copy = Path(shutil.copytree(model, self.folder / "changed", dirs_exist_ok=True))
        tensors = read_tensors(copy / "model.safetensors")
        change(tensors)
        write_tensors(copy / "model.safetensors", tensors)
        return copy

    def fill(self, name, bits, model=BASIC):
        """A copy of the model with one tensor full of a BF16 number."""
        def change(tensors):
            dtype, shape, data = tensors[name]
            self.assertEqual(dtype, "BF16")
            tensors[name] = dtype, shape, struct.pack("<H", bits) * (len(data) // 2)
        return self.change_tensors(change, model)


class Outputs(Calibrated):
    """The reference model, calibrated once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = Path(tempfile.mkdtemp(prefix="glimmer_calibrate_"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.out = cls.shared / "out"
        done = run("quantize", REFERENCE, cls.out, "--calibration", TEXTS, *SHORT)
        assert done.returncode == 0, done.stderr
        cls.scales = read_scales(cls.out)
        cls.settings, cls.groups = read_stats(cls.out / STATS)

    def test_every_quantized_linear_has_a_scale(self):
        quantized = {name.removesuffix(".weight_scale")
                     for name in read_all_tensors(self.out) if name.endswith(".weight_scale")}
        self.assertEqual(len(quantized), 546)
        self.assertEqual(set(self.scales), quantized)
        for name, scale in self.scales.items():
            self.assertTrue(0 < scale < math.inf, f"{name}: {scale}")

    def test_linears_that_read_the_same_have_the_same_scale(self):
        shared = [("self_attn", ["q_a_proj", "kv_a_proj_with_mqa", "indexer.wk",
                                 "indexer.weights_proj"]),
                  ("self_attn", ["q_b_proj", "indexer.wq_b"]),
                  ("mlp", ["gate_proj", "up_proj"]), ("mlp.shared_experts", ["gate_proj", "up_proj"]),
                  *((f"mlp.experts.{e}", ["gate_proj", "up_proj"]) for e in range(32))]
        seen = 0
        for layer in range(6):
            for parent, linears in shared:
                names = [f"model.layers.{layer}.{parent}.{linear}" for linear in linears]
                if names[0] not in self.scales:
                    continue
                self.assertEqual(len({self.scales[name] for name in names}), 1, names)
                seen += 1
        self.assertEqual(seen, 6 * 2 + 1 + 5 * 33)

    def test_statistics_count_every_token(self):
        self.assertEqual(self.settings["--activations"], "bf16")
        modules = [name for group in self.groups for name in group["modules"]]
        self.assertEqual(len(modules), len(set(modules)))
        self.assertEqual(set(modules), set(self.scales) | {"lm_head"})
        tokens = self.groups[0]["tokens"]
        self.assertGreater(tokens, 256)
        shapes = {name: shape for name, (_, shape, _) in read_all_tensors(REFERENCE).items()}
        routed, weights = defaultdict(int), defaultdict(float)
        for group in self.groups:
            name = group["modules"][0]
            self.assertEqual(sum(group.get("histogram", [])),
                             group["tokens"] * shapes[f"{name}.weight"][1], name)
            expert = EXPERT.match(name)
            if not expert:
                self.assertEqual(group["tokens"], tokens, name)
                self.assertNotIn("routing_weight", group)
                continue
            layer, _, projection = expert.groups()
            routed[layer, projection] += group["tokens"]
            weights[layer, projection] += group.get("routing_weight", 0)
        for (layer, projection), count in routed.items():
            self.assertEqual(count, 4 * tokens, (layer, projection))
            expected = 2.5 * tokens if projection == "gate_proj" else 0
            self.assertAlmostEqual(weights[layer, projection], expected, delta=1e-5 * expected)
        self.assertEqual(len(routed), 5 * 2)

    def test_scales_follow_from_the_statistics(self):
        for group in self.groups:
            amax = to_bf16(group["amax"])
            top = group["first_bin"] + len(group["histogram"]) - 1
            self.assertLessEqual(2.0 ** (top // 4 - 16), group["amax"])
            self.assertLess(group["amax"], 2.0 ** (top // 4 - 15))
            for name in group["modules"]:
                if name != "lm_head":
                    self.assertAlmostEqual(self.scales[name] * MOST / amax, 1, delta=2e-7, msg=name)

    def test_one_scale_for_a_layer_is_its_experts_largest(self):
        out = self.quantize("--stats", self.out / STATS, "--expert-input-scale", "layer",
                            model=REFERENCE)
        largest = defaultdict(float)
        for name, scale in self.scales.items():
            if expert := EXPERT.match(name):
                key = expert[1], expert[3]
                largest[key] = max(largest[key], scale)
        self.assertEqual(len(largest), 5 * 3)
        for name, scale in read_scales(out).items():
            expert = EXPERT.match(name)
            expected = largest[expert[1], expert[3]] if expert else self.scales[name]
            self.assertEqual(scale, expected, name)

    def test_statistics_serve_another_recipe(self):
        recipe = ["--recipe", "nvfp4-serve"]
        once = self.quantize("--stats", self.out / STATS, *recipe, model=REFERENCE)
        fresh = self.quantize("--calibration", TEXTS, *SHORT, *recipe, name="fresh", model=REFERENCE)
        self.assertEqual(read_weights(once), read_weights(fresh))

    def test_weights_are_those_of_weights_only(self):
        plain = self.quantize("--weights-only", model=REFERENCE)
        tensors = read_all_tensors(self.out)
        kept = {n: t for n, t in tensors.items() if not n.endswith(".input_scale")}
        self.assertEqual(kept, read_all_tensors(plain))

    def test_config_says_w4a4(self):
        quantization = json.loads((self.out / "config.json").read_text())["quantization_config"]
        self.assertEqual(quantization["quant_algo"], "NVFP4")
        self.assertIn("input_activations", quantization["config_groups"]["group_0"])

    def test_check_finds_it_sound(self):
        self.assertTrue(run_json("check", self.out, "--deep", "--base", REFERENCE)["sound"])

    def test_threads_and_memory_change_no_byte(self):
        asked = ["--calibration", TEXTS, *SHORT]
        least, _ = least_memory("quantize", REFERENCE, self.folder / "none", *asked, "--threads", 3)
        expected = read_output(self.out)
        for name, options in [("one", ["--threads", 1]),
                              ("least", ["--threads", 3, "--memory", least])]:
            out = self.quantize(*asked, *options, name=name, model=REFERENCE)
            self.assertEqual(read_output(out), expected, name)

    def test_a_finished_output_is_left_alone(self):
        before = read_output(self.out)
        asked = ["quantize", REFERENCE, self.out, *SHORT, "--calibration"]
        self.assert_fails(run(*asked, TEXTS), INVALID, "is not empty")
        done = run(*asked, TEXTS, "--resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("complete already", done.stdout)
        self.assertEqual(read_output(self.out), before)

    def test_a_finished_output_with_other_scales_is_not_this_one(self):
        asked = ["quantize", REFERENCE, self.out, *SHORT, "--calibration", TEXTS, "--resume"]
        done = run(*asked, "--expert-input-scale", "layer")
        self.assert_fails(done, INVALID, "other input scales", "input_scale is")
        self.assert_fails(run(*asked, "--scale-rule", "gpu"), INVALID, "complete already")

    def test_longer_samples_than_the_model_takes_are_announced(self):
        done = run("quantize", REFERENCE, self.folder / "long", "--calibration", TEXTS,
                   "--samples", 2, "--seq-len", 1_000_000)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("samples are cut to 2048 tokens", done.stderr)

    def test_an_output_of_other_data_is_not_this_one(self):
        other = write_random_tokens(self.folder / "other.jsonl", 8, 256, 4000)
        before = read_output(self.out)
        done = run("quantize", REFERENCE, self.out, *SHORT, "--calibration", other, "--resume")
        self.assertEqual(done.returncode, INVALID, done.stdout)
        self.assertEqual(read_output(self.out), before)


class Goldens(Calibrated):
    """modelopt's scales, in the set-up of tests/golden/calibration_test.cc."""

    def deviations(self, name, model, tokens, activations, *options):
        out = self.quantize("--calibration", tokens, "--activations", activations,
                            "--expert-input-scale", "layer", "--latent-norm-eps", "1e-6", *options,
                            name=f"{name}_{activations}", model=model)
        golden = json.loads((GOLDEN / f"calibration/{name}_{activations}.json").read_text())
        scales = read_scales(out)
        self.assertEqual({f"{module}.input_scale" for module in scales}, set(golden))
        self.assertTrue(run_json("check", out, "--deep", "--base", model)["sound"])
        return sorted(abs(scales[tensor.removesuffix(".input_scale")] / float.fromhex(text) - 1)
                      for tensor, text in golden.items())

    def test_small_models_in_f32(self):
        for name in ["basic", "groups", "shared"]:
            tokens = golden_tokens(name, self.folder / f"{name}.jsonl")
            model = GOLDEN / f"models/{name}/source"
            self.assertLessEqual(self.deviations(name, model, tokens, "f32")[-1], 1e-4, name)

    def test_the_reference_model(self):
        flat = json.loads((GOLDEN / "forward/reference_tokens.json").read_text())["flat"]
        tokens = self.tokens(flat[at:at + 64] for at in range(0, 2048, 64))
        self.assertLessEqual(self.deviations("reference", REFERENCE, tokens, "f32")[-1], 1e-4)
        errors = self.deviations("reference", REFERENCE, tokens, "bf16")
        self.assertLessEqual(errors[len(errors) // 2], 0.01)
        self.assertLessEqual(errors[-1], 0.15)


class FewTokens(Calibrated):
    def test_an_expert_without_tokens_takes_the_layers_largest(self):
        out = self.quantize("--calibration", self.tokens([[5]]))
        scales = read_scales(out)
        seen = {name: group["tokens"] for group in read_stats(out / STATS)[1]
                for name in group["modules"] if EXPERT.match(name)}
        largest = defaultdict(float)
        for name, tokens in seen.items():
            expert = EXPERT.match(name)
            if tokens > 0:
                self.assertEqual(tokens, 1)
                key = expert[1], expert[3]
                largest[key] = max(largest[key], scales[name])
        self.assertEqual(sum(seen.values()), 2 * 2 * 3)  # layers, experts a token, projections
        for name, tokens in seen.items():
            if tokens == 0:
                expert = EXPERT.match(name)
                self.assertEqual(scales[name], largest[expert[1], expert[3]], name)
        self.assertEqual(len(seen), 2 * 8 * 3)
        self.assertTrue(run_json("check", out, "--deep", "--base", BASIC)["sound"])

    def test_inputs_that_are_all_zero(self):
        model = self.fill("model.layers.1.mlp.shared_experts.up_proj.weight", 0)
        done = run("quantize", model, self.folder / "out", "--calibration", self.tokens([[5, 6]]))
        self.assertEqual(done.returncode, 0, done.stderr)
        name, out = "model.layers.1.mlp.shared_experts.down_proj", self.folder / "out"
        self.assertIn("1 linears read only zeros, first " + name, done.stdout)
        self.assertEqual(json.loads((out / "report.json").read_text())["zero_inputs"], [name])
        for file in ["report.html", "README.md"]:
            self.assertIn("read only zeros", (out / file).read_text())
        scales = read_scales(out)
        self.assertEqual(scales[name], scales[name.replace("layers.1", "layers.2")])
        self.assertTrue(all(2**-60 < scale < math.inf for scale in scales.values()))
        check = run_json("check", out, "--deep", "--base", model)
        self.assertTrue(check["sound"])
        self.assertNotIn("tiny-scale", [f["rule"] for f in check["findings"]])

    def test_an_expert_that_reads_only_zeros(self):
        model = self.fill("model.layers.1.mlp.experts.0.up_proj.weight", 0)
        out = self.quantize("--calibration", self.tokens([[i % 90 for i in range(200)]]), model=model)
        name = "model.layers.1.mlp.experts.0.down_proj"
        self.assertEqual(json.loads((out / "report.json").read_text())["zero_inputs"], [name])
        scales = read_scales(out)
        self.assertEqual(scales[name], max(scale for other, scale in scales.items()
                                           if re.match(r"model.layers.1.mlp.experts.\d.down", other)))

    def test_rows_longer_than_asked_are_cut(self):
        row = list(range(1, 60))
        cut = self.quantize("--calibration", self.tokens([row]), "--seq-len", 7)
        asked = self.quantize("--calibration", self.tokens([row[:7]]), name="asked")
        self.assertEqual(read_weights(cut), read_weights(asked))

    def test_no_sequence_is_longer_than_the_models_context(self):
        long = self.tokens([[i % 90 for i in range(300)]])
        out = self.quantize("--calibration", long, "--seq-len", 300)
        self.assertEqual(read_stats(out / STATS)[1][0]["tokens"], 256)

    def test_arithmetic_and_eps_change_scales(self):
        tokens = golden_tokens("basic", self.folder / "tokens.jsonl")
        scales = [read_scales(self.quantize("--calibration", tokens, *options, name=f"out_{i}"))
                  for i, options in enumerate([[], ["--activations", "f32"],
                                               ["--latent-norm-eps", "0.5"]])]
        name = "model.layers.1.self_attn.kv_b_proj"
        self.assertEqual(len({scale[name] for scale in scales}), 3)


class Data(Calibrated):
    """Files as users have them."""

    def test_the_small_set_by_default(self):
        done = run("quantize", REFERENCE, self.folder / "out", "--samples", 2, "--seq-len", 16)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no --calibration given", done.stderr)
        given = self.quantize("--calibration", TEXTS, "--samples", 2, "--seq-len", 16, name="given",
                              model=REFERENCE)
        self.assertEqual(read_weights(self.folder / "out"), read_weights(given))

    def test_chat_goes_through_the_template(self):
        chats = self.folder / "chats.jsonl"
        chats.write_text(json.dumps({"messages": [{"role": "user", "content": "What is 3 + 4?"},
                                                  {"role": "assistant", "content": "7"}]}))
        options = ["--calibration", chats, "--samples", 1]
        joined = self.quantize(*options, name="joined", model=REFERENCE)
        chat = self.quantize(*options, "--chat", name="chat", model=REFERENCE)
        tokens = [read_stats(out / STATS)[1][0]["tokens"] for out in (joined, chat)]
        self.assertGreater(tokens[1], tokens[0])

    def test_several_files_share_the_samples(self):
        files = [self.tokens([[1 + i, 2, 3]] * 5, f"{i}.jsonl") for i in range(3)]
        out = self.quantize("--calibration", files[0], f"{files[1]}:1", files[2], "--samples", 5)
        self.assertEqual(read_stats(out / STATS)[1][0]["tokens"], 15)
        one = self.tokens([[1, 2, 3]] * 2 + [[2, 2, 3]] + [[3, 2, 3]] * 2)
        self.assertEqual(read_weights(self.quantize("--calibration", one, name="one")),
                         read_weights(out))

    def test_lines_that_give_no_sample_are_counted_and_quoted(self):
        path = self.folder / "broken.jsonl"
        path.write_bytes(b'{"tokens": [1, 2]}\n{"tokens": [1,\n{"text": 5}\n\xff\xfe\n'
                         b'{"nothing": 1}\nbroken too\n{"tokens": [3, 4]}\n')
        done = run("quantize", BASIC, self.folder / "out", "--calibration", path, "--samples", 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        for said in ["warning", str(path), "2 ", "line 2", '{\\"tokens\\": [1,']:
            self.assertIn(said, done.stderr)
        self.assertEqual(read_stats(self.folder / "out" / STATS)[1][0]["tokens"], 4)

    def test_fewer_samples_than_asked(self):
        done = run("quantize", BASIC, self.folder / "out", "--calibration", self.tokens([[1], [2]]),
                   "--samples", 77)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("77", done.stderr)
        self.assertIn("2", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def refuse(self, path, code, *said, model=BASIC, options=()):
        done = run("quantize", model, self.folder / "out", "--calibration", path, *options)
        self.assert_fails(done, code, *said)
        self.assertFalse((self.folder / "out").exists())

    def test_files_that_are_none(self):
        self.refuse(self.folder / "gone.jsonl", NOT_FOUND, "gone.jsonl")
        self.refuse(self.folder, INVALID, str(self.folder))
        self.refuse(f"{self.tokens([[1]])}:0", INVALID, "0")

    def test_files_without_a_usable_sample(self):
        empty = self.folder / "empty.jsonl"
        for data in [b"", b"\n\n", b"\x7fELF\x00\x01\x02\n\xff\xff\x00", b'{"text": ""}\n',
                     "{'text': 'na\xefve'}\n".encode("latin-1"),
                     '{"text": "wide"}\n'.encode("utf-16")]:
            empty.write_bytes(data)
            self.refuse(empty, INVALID, "empty.jsonl", model=REFERENCE)
        plain = self.folder / "plain.txt"
        plain.write_bytes("na\xefve\n".encode("latin-1"))
        self.refuse(plain, INVALID, "plain.txt", model=REFERENCE)
        plain.write_bytes(b"")
        self.refuse(plain, INVALID, "plain.txt", model=REFERENCE)

    def test_ids_of_another_tokenizer(self):
        for wrong in [96, -1, 2**31, 2**63, 1.5]:
            self.refuse(self.tokens([[1, 2], [3, wrong]]), INVALID, "tokens.jsonl", "line 2",
                        "from 0 to 95", str(wrong)[:4])

    def test_text_without_a_tokenizer(self):
        self.refuse(TEXTS, NOT_FOUND, "tokenizer.json")
        chats = self.folder / "chats.jsonl"
        chats.write_text('{"messages": [{"role": "user", "content": "a"}]}\n')
        self.refuse(chats, NOT_FOUND, options=["--chat"])

    def test_compressed_files(self):
        plain = self.tokens([[i % 90, 7] for i in range(500)])
        packed = self.folder / "tokens.jsonl.gz"
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        frame = self.folder / "tokens.jsonl.zst"  # of one raw block
        data = plain.read_bytes()
        frame.write_bytes(b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(data)) +
                          struct.pack("<I", len(data) << 3 | 1)[:3] + data)
        expected = read_weights(self.quantize("--calibration", plain, name="plain"))
        for path in [packed, frame]:
            out = self.quantize("--calibration", path, name=path.suffix)
            self.assertEqual(read_weights(out), expected)
            path.write_bytes(path.read_bytes()[:-9])
            self.refuse(path, CORRUPT, path.name, "truncated", options=["--samples", 600])


class Options(Calibrated):
    def refuse(self, *options, said=()):
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        done = run("quantize", BASIC, self.folder / "out", *options)
        self.assertEqual(done.returncode, INVALID, (options, done.stderr))
        for text in said:
            self.assertIn(text, done.stderr)
        self.assertFalse((self.folder / "out").exists())

    def test_values_out_of_range(self):
        tokens = self.tokens([[1, 2]])
        for option, value in [("--samples", "0"), ("--samples", "-1"), ("--samples", "many"),
                              ("--seq-len", "0"), ("--threads", "0"), ("--threads", "1025"),
                              ("--activations", "fp8"), ("--expert-input-scale", "model"),
                              ("--latent-norm-eps", "-1"), ("--latent-norm-eps", "nan"),
                              ("--memory", "nonsense"), ("--memory", "0"), ("--memory", "-5GB"),
                              ("--memory", "nan GB")]:
            with self.subTest(option=option, value=value):
                self.refuse("--calibration", tokens, option, value)

    def test_statistics_and_texts_contradict_each_other(self):
        tokens = self.tokens([[1, 2]])
        stats = self.quantize("--calibration", tokens, name="first") / STATS
        self.refuse("--calibration", tokens, "--stats", stats, said=["--stats", "--calibration"])

    def test_weights_only_and_texts_contradict_each_other(self):
        self.refuse("--weights-only", "--calibration", self.tokens([[1, 2]]),
                    said=["--weights-only", "--calibration"])

    def test_weights_only_and_statistics_contradict_each_other(self):
        stats = self.quantize("--calibration", self.tokens([[1, 2]]), name="first") / STATS
        self.refuse("--weights-only", "--stats", stats, said=["--weights-only", "--stats"])

    def test_what_calibrating_alone_uses_contradicts_the_rest(self):
        stats = self.quantize("--calibration", self.tokens([[1, 2]]), name="first") / STATS
        for given in [["--samples", 2], ["--seq-len", 64], ["--chat"], ["--activations", "bf16"],
                      ["--latent-norm-eps", "1e-6"]]:
            for instead in [["--weights-only"], ["--stats", stats]]:
                with self.subTest(given=given, instead=instead):
                    self.refuse(*given, *instead, said=[f"{given[0]}: has no meaning", instead[0]])
        done = run("plan", BASIC, "--weights-only", "--samples", 2)
        self.assert_fails(done, INVALID, "--samples: has no meaning with --weights-only")

    def test_weights_only_takes_no_option_of_input_scales(self):
        given = ["--weights-only", "--expert-input-scale", "layer"]
        said = "--expert-input-scale: has no meaning with --weights-only"
        self.refuse(*given, said=[said])
        self.assert_fails(run("plan", BASIC, *given), INVALID, said)

    def test_dry_run_writes_nothing(self):
        done = run("quantize", BASIC, self.folder / "out", "--calibration", self.tokens([[1, 2]]),
                   "--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("nothing was written", done.stdout)
        self.assertFalse((self.folder / "out").exists())

    def test_json(self):
        summary = run_json("quantize", BASIC, self.folder / "out", "--calibration",
                           self.tokens([[1, 2]]))
        self.assertFalse(summary["was_complete"])
        self.assertGreater(summary["bytes_written"], 0)


class StatisticsOfTheSource(Calibrated):
    def test_they_do_not_replace_those_of_the_run(self):
        tokens = self.tokens([[1, 2, 3]])
        expected = self.quantize("--calibration", tokens, name="expected")
        model = Path(shutil.copytree(BASIC, self.folder / "model"))
        (model / STATS).write_text("of another calibration")
        out = self.quantize("--calibration", tokens, model=model)
        self.assertEqual(read_weights(out), read_weights(expected))


class Statistics(Calibrated):
    """--stats with files that are not what is needed."""

    def setUp(self):
        super().setUp()
        self.first = self.quantize("--calibration", self.tokens([[1, 2, 3]]), name="first")
        self.lines = (self.first / STATS).read_text().splitlines(keepends=True)

    def refuse(self, text, code, *said, model=BASIC):
        path = self.folder / "given.jsonl"
        path.write_text(text)
        done = run("quantize", model, self.folder / "out", "--stats", path)
        self.assert_fails(done, code, "given.jsonl", *said)
        self.assertFalse((self.folder / "out").exists())

    def test_another_model(self):
        self.refuse("".join(self.lines), INVALID, model=GOLDEN / "models/groups/source")
        self.refuse("".join(self.lines), INVALID, model=REFERENCE)
        model = Path(shutil.copytree(BASIC, self.folder / "other"))
        config = json.loads((model / "config.json").read_text())
        config["rope_parameters"]["rope_theta"] = 10000
        (model / "config.json").write_text(json.dumps(config))
        self.refuse("".join(self.lines), INVALID, "another model", model=model)

    def test_no_statistics(self):
        done = run("quantize", BASIC, self.folder / "out", "--stats", self.folder / "gone.jsonl")
        self.assert_fails(done, NOT_FOUND, "gone.jsonl")
        for text in ["", "{}\n", "[]\n", '{"tokens": [1]}\n', "no JSON\n"]:
            done = run("quantize", BASIC, self.folder / "out", "--stats", TEXTS)
            self.assertIn(done.returncode, (INVALID, CORRUPT))
            path = self.folder / "given.jsonl"
            path.write_text(text)
            done = run("quantize", BASIC, self.folder / "out", "--stats", path)
            self.assertIn(done.returncode, (INVALID, CORRUPT))
            self.assert_fails(done, done.returncode, "given.jsonl")
            self.assertFalse((self.folder / "out").exists())

    def test_a_calibration_that_did_not_end(self):
        for count in range(1, len(self.lines), 7):
            self.refuse("".join(self.lines[:count]), INVALID)
        self.refuse("".join(self.lines)[:-1], INVALID)

    def test_seals_are_what_another_program_makes_them(self):
        self.assertEqual(seal_lines(self.lines), "".join(self.lines))

    def test_a_lost_line(self):
        lost = next(i for i, line in enumerate(self.lines) if "layers.1.self_attn.o_proj" in line)
        rest = self.lines[:lost] + self.lines[lost + 1:]
        self.refuse("".join(rest), CORRUPT, f"line {lost + 1}")
        self.refuse(seal_lines(rest), INVALID, "no line for", "layers.1.self_attn.o_proj")

    def test_a_flipped_bit(self):
        text = "".join(self.lines)
        for at in range(3, len(text), len(text) // 40):
            flipped = text[:at] + chr(ord(text[at]) ^ 4) + text[at + 1:]
            self.refuse(flipped, CORRUPT, f"line {1 + text[:at].count(chr(10))}")

    def test_numbers_that_cannot_be(self):
        at = next(i for i, line in enumerate(self.lines) if "layers.1.self_attn.o_proj" in line)
        for field, wrong in [("amax", -1), ("amax", 1e39), ("amax", "1"),
                             ("tokens", -1), ("tokens", 0.5), ("histogram", [-1]),
                             ("first_bin", 128)]:
            line = json.loads(self.lines[at])
            line[field] = wrong
            with self.subTest(field=field, wrong=wrong):
                self.refuse(seal_lines([*self.lines[:at], json.dumps(line),
                                        *self.lines[at + 1:]]), INVALID, field)


class Summary(Calibrated):
    def test_unseen_experts_are_counted(self):
        done = run("quantize", REFERENCE, self.folder / "out", "--samples", 1, "--seq-len", 4)
        unseen = json.loads((self.folder / "out/report.json").read_text())["experts"]["unseen_count"]
        self.assertGreater(unseen, 0)
        self.assertIn(f"{unseen} experts saw no token", done.stdout)


class BrokenWeights(Calibrated):
    """Nothing with a final name may come out of weights or activations that are not finite."""

    def refuse(self, model, *said, options=()):
        out = self.folder / "out"
        done = run("quantize", model, out, "--calibration", self.tokens([[1, 2, 3], [4, 5, 6]]),
                   "--samples", 2, *options)
        finished = sorted(path.name for path in out.glob("*.safetensors")) if out.exists() else []
        shutil.rmtree(out, ignore_errors=True)
        self.assert_fails(done, CORRUPT, *said)
        self.assertNotIn("--resume", done.stderr)  # it would fail in the same way
        self.assertEqual(finished, [])

    def damage(self, name, bits):
        def change(tensors):
            dtype, shape, data = tensors[name]
            one = struct.pack("<H", bits) if dtype == "BF16" else struct.pack("<I", bits << 16)
            tensors[name] = dtype, shape, data[:len(one)] + one + data[2 * len(one):]
        return self.change_tensors(change)

    def test_linears(self):
        for name in ["layers.0.mlp.down_proj", "layers.1.self_attn.q_b_proj",
                     "layers.2.mlp.experts.3.gate_proj", "layers.2.mlp.shared_experts.down_proj"]:
            for bits in [0x7FC0, 0xFF80]:
                with self.subTest(name=name, bits=bits):
                    model = self.damage(f"model.{name}.weight", bits)
                    self.refuse(model, name.split(".")[1], "model.layers." + name.split(".")[1])
        self.refuse(self.damage("model.layers.1.self_attn.indexer.wk.weight", 0x7FC0),
                    "model.layers.1.self_attn.indexer.wk.weight")

    def test_what_is_not_quantized(self):
        for name in ["layers.1.input_layernorm", "layers.1.self_attn.q_a_layernorm",
                     "layers.1.post_attention_layernorm", "norm", "layers.2.mlp.gate"]:
            with self.subTest(name=name):
                self.refuse(self.damage(f"model.{name}.weight", 0x7FC0),
                            "model.safetensors", f'"model.{name}.weight": element')

    def test_correction_bias_of_the_router(self):
        self.refuse(self.damage("model.layers.2.mlp.gate.e_score_correction_bias", 0x7FC0),
                    "model.layers.2.mlp")

    def test_activations_that_overflow(self):
        huge = 0x7F7F  # the largest BF16
        for layer in [0, 2]:
            with self.subTest(layer=layer):
                self.refuse(self.fill(f"model.layers.{layer}.input_layernorm.weight", huge),
                            f"layer {layer}", f"model.layers.{layer}.self_attn.")

    def test_an_overflow_behind_the_last_layer(self):
        self.refuse(self.fill("model.layers.2.mlp.shared_experts.down_proj.weight", 0x7F7F),
                    options=["--activations", "f32"])


class FullDisk(Calibrated):
    def test_while_spilling_and_while_writing(self):
        tokens = write_random_tokens(self.folder / "tokens.jsonl", 8, 256, 4000)
        options = ["--calibration", tokens, "--samples", 8]
        expected = read_output(self.quantize(*options, name="expected", model=REFERENCE))
        out = self.folder / "out"
        for limit, said in [(1_000_000, SCRATCH), (3_000_000, ".safetensors")]:
            done = run("quantize", REFERENCE, out, *options,
                       preexec_fn=limited(resource.RLIMIT_FSIZE, limit))
            self.assert_fails(done, EXHAUSTED, said, "--resume")
            self.assertEqual(list(out.glob("*.safetensors")), [])
            self.quantize(*options, "--resume", model=REFERENCE)
            self.assertEqual(read_output(out), expected)
            shutil.rmtree(out)


class Memory(Calibrated):
    """--memory is a promise."""

    def measure(self, model, samples, seq_len, vocabulary):
        """Runs with the least memory that is said to work, and inside a limit of that size."""
        tokens = write_random_tokens(self.folder / "tokens.jsonl", samples, seq_len, vocabulary)
        asked = ["quantize", model, self.folder / "out", "--calibration", tokens, "--threads", 2,
                 "--samples", samples, "--seq-len", seq_len]
        self.assert_fails(run(*asked, "--memory", "1MB"), EXHAUSTED, "--memory", "1.0 MB")
        limit, _ = least_memory(*asked)
        measured = Measured(*asked, "--memory", limit, data_bytes=limit)
        print(f"\n  peak {measured.peak_anonymous / 1e6:.0f} MB of {limit / 1e6:.0f} MB,"
              f" mapped {measured.peak_file / 1e6:.0f} MB, read {measured.bytes_read / 1e6:.0f} MB"
              f" of {source_bytes(model) / 1e6:.0f} MB in {measured.seconds:.1f} s", flush=True)
        self.assertEqual(measured.returncode, 0, measured.stderr)
        self.assertGreater(measured.peak_anonymous, 0)
        self.assertLess(measured.peak_anonymous, limit)
        return measured

    def test_it_holds_where_nothing_is_calibrated(self):
        tokens = self.tokens([[1, 2, 3]])
        first = self.quantize("--calibration", tokens, "--samples", 1, name="first",
                              model=REFERENCE)
        for options in [["--weights-only"], ["--stats", first / STATS]]:
            asked = ["quantize", REFERENCE, self.folder / options[0], *options]
            self.assert_fails(run(*asked, "--memory", "1MB"), EXHAUSTED, "--memory", "1.0 MB")
            limit, _ = least_memory(*asked)
            measured = Measured(*asked, "--memory", limit, data_bytes=limit)
            self.assertEqual(measured.returncode, 0, measured.stderr)
            self.assertLess(measured.peak_anonymous, limit)

    def test_too_hard_a_limit_is_said_with_what_was_wanted(self):
        tokens = write_random_tokens(self.folder / "tokens.jsonl", 1, 64, 4000)
        said = []
        for limit in range(12_000_000, 100_000_000, 8_000_000):
            out = self.folder / f"out_{limit}"
            done = run("quantize", REFERENCE, out, "--calibration", tokens, "--samples", 1,
                       "--memory", "2GB", preexec_fn=limited(resource.RLIMIT_DATA, limit))
            if done.returncode == 0:
                break
            self.assert_fails(done, EXHAUSTED, "out of memory", "ulimit -d allows the process")
            said.append(done.stderr)
        self.assertTrue(any("MB more were wanted" in text for text in said), said)

    def test_the_least_that_is_said_to_work_works(self):
        tokens = self.tokens([[1, 2, 3]])
        for threads in range(1, 9):
            asked = ["quantize", BASIC, self.folder / f"{threads}", "--calibration", tokens,
                     "--samples", 1, "--threads", threads]
            _, least = least_memory(*asked)
            done = run(*asked, "--memory", least)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_model_larger_than_memory_is_read_once(self):
        samples, length, width, experts, layers = 4, 64, 1024, 8, 4
        model = make_model(self.folder / "model", hidden_size=width, num_hidden_layers=layers,
                           n_routed_experts=24, num_experts_per_tok=experts, vocab_size=32768,
                           intermediate_size=2048, num_nextn_predict_layers=0,
                           num_attention_heads=8)
        measured = self.measure(model, samples, length, 32768)
        size = source_bytes(model)
        self.assertGreater(size, 2 * measured.peak_anonymous)
        activations = activation_bytes(samples * length, width, layers, experts)
        # The output is read back once, for its SHA-256.
        output = sum(path.stat().st_size for path in (self.folder / "out").glob("*.safetensors"))
        self.assertLess(measured.bytes_read - activations - output, 1.05 * size)
        self.assertLess(measured.peak_file, 0.05 * size + 30e6)  # nor is it read through mappings

    def test_a_control_group_of_that_size_is_enough(self):
        """The page cache counts there, too, and makes room."""
        model = make_model(self.folder / "model", hidden_size=1024, num_hidden_layers=4,
                           n_routed_experts=24, num_attention_heads=8, intermediate_size=2048,
                           num_nextn_predict_layers=0)
        tokens = write_random_tokens(self.folder / "tokens.jsonl", 4, 64, 32000)
        asked = ["quantize", model, self.folder / "out"]
        calibrated = ["--calibration", tokens, "--samples", 4, "--seq-len", 64]
        for options in [calibrated, ["--weights-only"]]:
            limit, _ = least_memory(*asked, *options)
            with LimitedMemory(limit) as group:
                forget_pages(model)
                done = run(*asked, *options, "--memory", limit, preexec_fn=group.join)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertGreater(group.times_reached(), 0)
                self.assertEqual(group.kills(), 0)
            shutil.rmtree(self.folder / "out")

    def test_a_control_group_decides_where_no_memory_is_named(self):
        limit = 4_000_000_000
        asked = ["plan", CONFIGS / "glm-5b.json", "--samples", 256, "--json"]
        with LimitedMemory(limit) as group:
            done = run(*asked, preexec_fn=group.join)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLess(json.loads(done.stdout)["calibration"]["memory_bytes"], limit / 2)

    def test_long_sequences_whose_positions_layers_share(self):
        model = make_model(self.folder / "model", GOLDEN / "models/shared/source/config.json",
                           num_hidden_layers=2, indexer_types=["full", "shared"],
                           mlp_layer_types=["dense", "sparse"], first_k_dense_replace=1,
                           index_topk=3000, index_n_heads=1, max_position_embeddings=8192)
        self.measure(model, 10, 6000, 96)


if __name__ == "__main__":
    unittest.main()
