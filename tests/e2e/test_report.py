"""What `glimmer quantize` says of its work: report.json, report.html and the model card."""

import hashlib
import json
import math
import re
import signal
import struct
import subprocess
import tempfile
import time
import unittest
from html.parser import HTMLParser
from pathlib import Path

from glimmer import (CONFIGS, PROGRAM, REFERENCE, Case, read_folder, read_output, read_tensors, run,
                     run_json)

CALIBRATION = ["--samples", "4", "--seq-len", "64"]
E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
VOID = {"meta", "link", "br", "img", "input", "hr"}


def bf16(data):
    return [struct.unpack("<f", b"\0\0" + data[i:i + 2])[0] for i in range(0, len(data), 2)]


def e4m3(code):
    exponent, mantissa = code >> 3 & 15, code & 7
    value = (8 + mantissa) * 2.0 ** (exponent - 10) if exponent else mantissa * 2.0 ** -9
    return -value if code & 128 else value


def dequantize(tensors, linear):
    """The values of a packed linear, from its three tensors."""
    codes, scales = tensors[f"{linear}.weight"][2], tensors[f"{linear}.weight_scale"][2]
    (scale,) = struct.unpack("<f", tensors[f"{linear}.weight_scale_2"][2])
    values = []
    for i in range(2 * len(codes)):
        code = codes[i // 2] >> 4 * (i % 2) & 15
        step = e4m3(scales[i // 16]) * scale
        values.append((-1 if code & 8 else 1) * E2M1[code & 7] * step)
    return values


def squares(tensors, source, linear):
    """(sum of squared errors, sum of squared weights)."""
    weights = bf16(source[f"{linear}.weight"][2])
    error = sum((w - v) ** 2 for w, v in zip(weights, dequantize(tensors, linear)))
    return error, sum(w * w for w in weights)


class Page(HTMLParser):
    """The texts of a page; fails when tags do not match."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)


class Report(Case):
    """A calibrated conversion of the reference model, made once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kept = tempfile.TemporaryDirectory(prefix="glimmer_e2e_")
        cls.addClassCleanup(cls.kept.cleanup)
        cls.out = Path(cls.kept.name) / "out"
        done = run("quantize", REFERENCE, cls.out, *CALIBRATION)
        assert done.returncode == 0, done.stderr
        cls.report = json.loads((cls.out / "report.json").read_text())
        cls.html = (cls.out / "report.html").read_text()
        cls.card = (cls.out / "README.md").read_text()
        cls.source = read_tensors(REFERENCE / "model.safetensors")
        cls.tensors = {}
        for path in sorted(cls.out.glob("*.safetensors")):
            cls.tensors.update(read_tensors(path))

    def test_sizes_are_those_of_the_files(self):
        sizes = self.report["sizes"]
        self.assertEqual(sizes["bytes_source"], sum(len(t[2]) for t in self.source.values()))
        self.assertEqual(sizes["bytes_output"], sum(len(t[2]) for t in self.tensors.values()))
        self.assertEqual(sizes["tensors_output"], len(self.tensors))
        linears = [n for n in self.tensors if n.endswith(".weight_scale_2")]
        self.assertEqual(sizes["linears_quantized"], len(linears))
        self.assertEqual(sizes["file_bytes_output"],
                         sum(p.stat().st_size for p in self.out.glob("*.safetensors")))
        kind = next(m for m in sizes["modules"] if m["module"] == "experts.up_proj")
        name = re.compile(r"model\.layers\.[0-5]\.mlp\.experts\.\d+\.up_proj\.")
        self.assertEqual(kind["bytes_after"],
                         sum(len(t[2]) for n, t in self.tensors.items() if name.match(n)))

    def test_files_are_named_with_size_and_hash(self):
        listed = {f["name"]: f for f in self.report["output"]["files"]}
        for name, data in read_folder(self.out).items():
            if name in ("report.html", "report.json", "model.safetensors.index.json", "SHA256SUMS"):
                self.assertNotIn(name, listed)
                continue
            file = listed.pop(name)
            self.assertEqual(file["bytes"], len(data), name)
            self.assertEqual(file["sha256"], hashlib.sha256(data).hexdigest(), name)
            self.assertEqual("digest" in file, name.endswith(".safetensors"))
        self.assertEqual(listed, {})

    def test_the_source_is_named_by_its_bytes(self):
        source, *others = self.report["source"]["files"]
        self.assertEqual(source["name"], "model.safetensors")
        self.assertEqual(source["bytes"], (REFERENCE / "model.safetensors").stat().st_size)
        for key in ("header_hash", "digest"):
            self.assertRegex(source[key], "^[0-9a-f]{32}$")
        self.assertLess({"config.json", "tokenizer.json"}, {file["name"] for file in others})
        for file in others:
            data = (REFERENCE / file["name"]).read_bytes()
            self.assertEqual(file["sha256"], hashlib.sha256(data).hexdigest(), file["name"])

    def test_the_sources_digest_follows_every_byte_and_not_the_way_it_is_read(self):
        def digest(model, name, *options):
            out = self.folder / name
            done = run("quantize", model, out, *options)
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads((out / "report.json").read_text())["source"]["files"][0]["digest"]
        expected = self.report["source"]["files"][0]["digest"]
        self.assertEqual(digest(REFERENCE, "alone", "--weights-only"), expected)
        self.assertEqual(digest(REFERENCE, "other", "--samples", 1, "--seq-len", 7, "--recipe",
                                "nvfp4-experts"), expected)
        model = self.copy_reference()
        data = bytearray((model / "model.safetensors").read_bytes())
        data[-1] ^= 1
        (model / "model.safetensors").write_bytes(data)
        self.assertNotEqual(digest(model, "changed", "--weights-only"), expected)

    def test_sums_are_what_other_programs_check(self):
        done = subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=self.out,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        names = {line.split("  ")[1] for line in (self.out / "SHA256SUMS").read_text().splitlines()}
        self.assertEqual(names, set(read_output(self.out)) - {"SHA256SUMS"})
        checked = run("check", self.out, "--sha256", self.out / "SHA256SUMS")
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_weight_error_is_that_of_the_files(self):
        weights = self.report["weights"]
        self.assertEqual(len(weights["worst"]), 20)
        rms = [w["relative_rms"] for w in weights["worst"]]
        self.assertEqual(rms, sorted(rms, reverse=True))
        for row in weights["worst"][:3]:
            error, size = squares(self.tensors, self.source, row["linear"])
            self.assertAlmostEqual(row["squared_error"] / error, 1, delta=1e-6)
            self.assertAlmostEqual(row["squared_weights"] / size, 1, delta=1e-12)
            self.assertAlmostEqual(row["snr_db"], 10 * math.log10(size / error), delta=1e-4)
        kind = next(m for m in weights["modules"] if m["module"] == "q_a_proj")
        error, size = squares(self.tensors, self.source, "model.layers.2.self_attn.q_a_proj")
        layer = next(row for row in kind["layers"] if row["layer"] == 2)
        self.assertAlmostEqual(layer["relative_rms"], math.sqrt(error / size), delta=1e-6)
        for key in ("squared_error", "squared_weights"):
            total = sum(m[key] for m in weights["modules"])
            self.assertAlmostEqual(weights["all"][key] / total, 1, delta=1e-12)
            self.assertAlmostEqual(sum(row[key] for row in kind["layers"]) / kind[key], 1,
                                   delta=1e-12)

    def test_weight_error_is_what_check_finds(self):
        check = run_json("check", self.out, "--base", REFERENCE)
        self.assertTrue(check["sound"])
        theirs = {m["module"]: m["relative_rms"] for m in check["modules"] if m["quantized"]}
        ours = {m["module"]: m["relative_rms"] for m in self.report["weights"]["modules"]}
        self.assertEqual(set(ours), set(theirs))
        for module, error in theirs.items():
            self.assertAlmostEqual(ours[module], error, delta=1e-8, msg=module)

    def test_input_ranges_are_those_of_the_scales(self):
        for row in self.report["inputs"]:
            if row["module"] not in ("o_proj", "experts.down_proj", "q_a_proj"):
                continue
            ending = "." + row["module"].split(".")[-1] + ".input_scale"
            experts = row["module"].startswith("experts.")
            amaxes = sorted(2688 * struct.unpack("<f", t[2])[0] for n, t in self.tensors.items()
                            if n.endswith(ending) and (".mlp.experts." in n) == experts
                            and "shared" not in n and ("self_attn" in n) != experts)
            self.assertEqual(row["linears"], len(amaxes))
            for key, amax in [("smallest_amax", amaxes[0]), ("largest_amax", amaxes[-1]),
                              ("median_amax", amaxes[(len(amaxes) - 1) // 2])]:
                self.assertAlmostEqual(row[key] / amax, 1, delta=1e-6, msg=row["module"])

    def test_experts_are_those_of_the_statistics(self):
        tokens = {}
        for line in (self.out / "calibration_stats.jsonl").read_text().splitlines():
            group = json.loads(line)
            for module in group.get("modules", []):
                found = re.match(r"model\.layers\.(\d+)\.mlp\.experts\.(\d+)\.gate_proj", module)
                if found:
                    tokens[int(found[1]), int(found[2])] = group["tokens"]
        experts = self.report["experts"]
        ours = {(row["layer"], e): t for row in experts["layers"]
                for e, t in enumerate(row["tokens"])}
        self.assertEqual(ours, tokens)
        unseen = sorted(key for key, count in tokens.items() if count == 0)
        self.assertEqual(experts["unseen"],
                         [f"model.layers.{layer}.mlp.experts.{e}" for layer, e in unseen])
        self.assertEqual(experts["unseen_count"], len(unseen))
        for row in experts["layers"]:
            self.assertAlmostEqual(row["even_share"], sum(row["tokens"]) / len(row["tokens"]))

    def test_calibration_and_run(self):
        calibration = self.report["calibration"]
        (file,) = calibration["files"]
        self.assertEqual(file["samples"], 4)
        self.assertEqual(file["tokens"], calibration["tokens"])
        self.assertRegex(file["sha256"], "^[0-9a-f]{64}$")
        self.assertRegex(calibration["fingerprint"], "^[0-9a-f]{64}$")
        own = self.report["run"]
        self.assertGreaterEqual(own["finished"], own["started"])
        self.assertRegex(own["started"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertAlmostEqual(own["tokens_per_second"],
                               calibration["tokens"] / own["calibration_seconds"])
        self.assertAlmostEqual(own["source_read_ratio"],
                               own["source_bytes_read"] / self.report["sizes"]["bytes_source"])

    def test_page_is_well_formed_and_needs_nothing_else(self):
        page = Page(self.html)
        self.assertFalse({"script", "link", "img", "iframe"} & set(page.tags))
        self.assertNotRegex(self.html, r"https?://")
        self.assertNotIn("url(", self.html)
        self.assertNotIn("@import", self.html)
        self.assertEqual([v for k, v in page.attributes if k in ("src", "href")], [])
        self.assertGreater(page.tags.count("rect"), 5 * 32)
        text = " ".join(page.texts)
        for row in self.report["weights"]["worst"]:
            self.assertIn(row["linear"], text)
        self.assertIn(self.report["calibration"]["fingerprint"], text)

    def test_card_has_the_figures(self):
        self.assertTrue(self.card.startswith("---\n"))
        front = self.card.split("---\n")[1]
        self.assertIn("library_name: transformers\n", front)
        for tag in ("- nvfp4\n", "- modelopt\n"):
            self.assertIn(tag, front)
        sizes, weights = self.report["sizes"], self.report["weights"]["all"]
        self.assertIn(f"| {sizes['linears_quantized']} of {sizes['linears_total']},", self.card)
        self.assertIn(f"SNR {weights['snr_db']:.2f} dB", self.card)
        self.assertIn(f"{sizes['tensors_output']:,} in 1 shard", self.card)
        self.assertIn(f"{sizes['tensors_mtp']} tensors", self.card)
        self.assertIn(f"{self.report['calibration']['tokens']:,} tokens in 4 samples", self.card)
        experts = self.report["experts"]
        seen = experts["experts"] - experts["unseen_count"]
        self.assertIn(f"| {seen} of {experts['experts']} experts", self.card)
        self.assertIn("vLLM and SGLang do not load", self.card)
        self.assertNotIn(str(self.out.parent), self.card)
        self.assertNotIn(self.report["run"]["started"][:10], self.card)

    def test_the_cards_command_makes_the_same_bytes(self):
        command = next(line for line in self.card.splitlines()
                       if line.startswith("    glimmer quantize ")).split()
        self.assertEqual(command[2:4], [REFERENCE.name, "OUT_DIR"])
        again = self.folder / "again"
        self.assertEqual(run("quantize", REFERENCE, again, *command[4:]).returncode, 0)
        self.assertEqual(read_output(again), read_output(self.out))

    def test_a_finished_output_is_complete_already(self):
        done = run("quantize", REFERENCE, self.out, *CALIBRATION, "--resume")
        self.assertIn("complete already", done.stdout, done.stderr)

    def test_given_statistics(self):
        out = self.folder / "out"
        stats = self.out / "calibration_stats.jsonl"
        done = run("quantize", REFERENCE, out, "--stats", stats, "--recipe", "nvfp4-serve")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads((out / "report.json").read_text())
        self.assertEqual(report["calibration"]["tokens"], self.report["calibration"]["tokens"])
        self.assertEqual(report["experts"], self.report["experts"])
        card = (out / "README.md").read_text()
        self.assertIn("vllm serve", card)
        self.assertIn("--stats calibration_stats.jsonl", card)
        Page((out / "report.html").read_text())


class Others(Case):
    def test_weights_only(self):
        out = self.folder / "out"
        self.assertEqual(run("quantize", REFERENCE, out, "--weights-only").returncode, 0)
        report = json.loads((out / "report.json").read_text())
        self.assertFalse({"inputs", "experts", "calibration"} & set(report))
        html = (out / "report.html").read_text()
        Page(html)
        self.assertNotIn("Expert coverage", html)
        self.assertIn("W4A16_NVFP4", (out / "README.md").read_text())
        self.assertIn("--weights-only", (out / "README.md").read_text())

    def test_names_are_escaped(self):
        model = self.copy_reference("<script>'\"&|`*.evil")
        recipe = self.folder / "<b>&.yaml"
        recipe.write_text("description: '<i>a</i> | b'\nkv_cache: none\n"
                          "linears:\n  - {modules: '*.mlp.*', format: nvfp4}\n")
        out = self.folder / "out<script>"
        done = run("quantize", model, out, "--weights-only", "--recipe", recipe)
        self.assertEqual(done.returncode, 0, done.stderr)
        html, card = ((out / n).read_text() for n in ("report.html", "README.md"))
        page = Page(html)
        for raw in ("<script>", "<b>&", "<i>"):
            self.assertNotIn(raw, html.replace("<b>all</b>", ""))
            self.assertNotIn(raw, card)
        self.assertIn(model.name, " ".join(page.texts))
        self.assertIn("&lt;i&gt;a&lt;/i&gt; &#124; b", card)
        self.assertIn("    glimmer quantize MODEL_DIR OUT_DIR --recipe FILE", card)

    def test_licence_and_name_of_the_source(self):
        model = self.copy_reference("GLM-5.1")
        (model / "README.md").write_text("---\nlicense: mit\n---\n# The source's own card\n")
        (model / "report.json").write_text("{}")
        out = self.folder / "out"
        self.assertEqual(run("quantize", model, out, "--weights-only").returncode, 0)
        card = (out / "README.md").read_text()
        self.assertIn("base_model: zai-org/GLM-5.1\n", card)
        self.assertIn("license: mit\n", card)
        self.assertNotIn("own card", card)
        self.assertGreater(len((out / "report.json").read_text()), 100)

    def test_the_card_is_the_same_after_a_kill_while_calibrating(self):
        options = ["--samples", "8", "--seq-len", "512"]
        undisturbed, out = self.folder / "undisturbed", self.folder / "out"
        self.assertEqual(run("quantize", REFERENCE, undisturbed, *options).returncode, 0)
        journal = out / ".glimmer-journal.jsonl"
        process = subprocess.Popen([PROGRAM, "quantize", REFERENCE, out, *options],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            if journal.exists() and journal.read_text().count('"tensors"') > 1:
                break
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertIn('"errors"', journal.read_text())
        self.assertEqual(run("quantize", REFERENCE, out, *options, "--resume").returncode, 0)
        self.assertEqual(read_output(out), read_output(undisturbed))
        both = [json.loads((f / "report.json").read_text()) for f in (out, undisturbed)]
        for part in ("weights", "inputs", "experts", "calibration", "source"):
            self.assertEqual(both[0][part], both[1][part])

    def test_the_card_is_the_same_after_kills(self):
        config = json.loads((CONFIGS / "glm-5b.json").read_text())
        config.update(num_hidden_layers=3, n_routed_experts=8, vocab_size=4096, eos_token_id=[0])
        (self.folder / "config.json").write_text(json.dumps(config))
        model = self.folder / "model"
        run("synth", self.folder / "config.json", model)
        options = ["--weights-only", "--max-shard-size", "20MB"]
        run("quantize", model, self.folder / "undisturbed", *options)
        out = self.folder / "out"
        for _ in range(3):
            process = subprocess.Popen([PROGRAM, "quantize", model, out, *options, "--resume"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            shards = len(list(out.glob("model-*.safetensors")))
            while len(list(out.glob("model-*.safetensors"))) == shards and process.poll() is None:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.assertEqual(run("quantize", model, out, *options, "--resume").returncode, 0)
        self.assertEqual(read_output(out), read_output(self.folder / "undisturbed"))
        both = [json.loads((f / "report.json").read_text())
                for f in (out, self.folder / "undisturbed")]
        self.assertEqual(both[0]["weights"], both[1]["weights"])
        self.assertEqual(both[0]["output"]["files"], both[1]["output"]["files"])


if __name__ == "__main__":
    unittest.main()
