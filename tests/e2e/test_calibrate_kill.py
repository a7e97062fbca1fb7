"""A calibration that is killed anywhere ends, with --resume, in the bytes of an undisturbed one.

GLIMMER_KILLS is how many random kills a chain of runs takes (20; fewer also leave out what takes
long), GLIMMER_SEED where they fall.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from calibration import (GOLDEN, JOURNAL, SCRATCH, STATS, flip_bit, layers_done, make_model,
                         read_output, write_random_tokens)
from glimmer import CANCELLED, CORRUPT, INVALID, PROGRAM, Case, run

KILLS = int(os.environ.get("GLIMMER_KILLS", "20"))
SEED = int(os.environ.get("GLIMMER_SEED", "7"))


class Killed(Case):
    """A model and calibration data in a folder of the class, and the bytes they end in."""

    @classmethod
    def prepare(cls, samples, seq_len, *model, **changes):
        cls.shared = Path(tempfile.mkdtemp(prefix="glimmer_kill_"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.model = make_model(cls.shared / "model", *model, **changes)
        cls.tokens = write_random_tokens(cls.shared / "tokens.jsonl", samples, seq_len,
                                         changes["vocab_size"])
        cls.options = ["--calibration", cls.tokens, "--samples", samples, "--seq-len", seq_len,
                       "--max-shard-size", "20MB"]
        begin = time.monotonic()
        done = run("quantize", cls.model, cls.shared / "out", *cls.options)
        cls.duration = time.monotonic() - begin
        assert done.returncode == 0, done.stderr
        cls.expected = read_output(cls.shared / "out")

    def start(self, out, *options):
        command = [PROGRAM, "quantize", self.model, out, *self.options, "--resume", *options]
        return subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True)

    def end(self, process):
        """Kills the process unless it has ended; its return code and what it said."""
        process.send_signal(signal.SIGKILL)
        error = process.communicate()[1]
        return process.returncode, error

    def kill_behind(self, out, layers, *options):
        """Kills a run as soon as these layers are done."""
        process = self.start(out, *options)
        while layers_done(out) < layers and process.poll() is None:
            time.sleep(0.001)
        code, error = self.end(process)
        self.assertEqual(code, -signal.SIGKILL, error)
        return layers_done(out)

    def assert_final_names_are_complete(self, out):
        for name, data in (read_output(out) if out.exists() else {}).items():
            if name in self.expected:
                self.assertTrue(data == self.expected[name], f"{name} is not complete")

    def finish(self, out, apart_from=()):
        done = run("quantize", self.model, out, *self.options, "--resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_complete(out, apart_from)

    def assert_complete(self, out, apart_from=()):
        found = read_output(out)
        self.assertEqual(sorted(found), sorted(self.expected))
        for name, data in self.expected.items():
            self.assertTrue(found[name] == data or name in apart_from, f"{name} differs")
        self.assertFalse((out / SCRATCH).exists())

    def chain(self, longest):
        """Kills at random moments until there are KILLS; layers done at each."""
        print(f"\n  {KILLS} kills from seed {SEED}, a run takes {self.duration:.1f} s", flush=True)
        randomness, moments, rounds = random.Random(SEED), [], 0
        said = []
        out, before = self.folder / "out", 0
        while len(moments) < KILLS and rounds < 10 * KILLS:
            rounds += 1
            wait = randomness.uniform(0, longest)
            process = self.start(out)
            try:
                process.wait(timeout=wait)
            except subprocess.TimeoutExpired:
                pass
            code, error = self.end(process)
            if code == -signal.SIGKILL:
                self.assert_final_names_are_complete(out)
                done = layers_done(out)
                moments.append(done)
                said.append(f"{wait:.1f} s: {done}")
                writing = any(out.glob("*.safetensors")) if out.exists() else False
                self.assertTrue(done >= before or writing or not (out / SCRATCH).exists(),
                                f"{done} layers after {before}")
                before = done
                continue
            self.assertEqual(code, 0, error)
            self.assert_complete(out)
            said.append("end")
            shutil.rmtree(out)
            before = 0
        self.assertEqual(len(moments), KILLS)
        print(f"  layers done at each: {', '.join(said)}", flush=True)
        self.finish(out)
        return moments


class Layers(Killed):
    """A few layers of which each takes a while."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prepare(8, 64, hidden_size=1024, intermediate_size=2048, moe_intermediate_size=512,
                    num_hidden_layers=6, n_routed_experts=8, num_experts_per_tok=4,
                    num_nextn_predict_layers=0, vocab_size=4096, eos_token_id=[0],
                    num_attention_heads=8, index_n_heads=8, pad_token_id=0)

    def test_random_kills(self):
        moments = self.chain(1.2 * self.duration)
        if KILLS >= 20:
            self.assertGreater(len(set(moments)), 2, "no kill fell between layers")

    def test_kills_that_leave_little_time(self):
        """Each run gets little further than the last one, many times over."""
        out = self.folder / "out"
        for layers in range(1, 7 if KILLS >= 20 else 3):
            done = self.kill_behind(out, layers)
            self.assertGreaterEqual(done, layers)
            self.assert_final_names_are_complete(out)
        self.finish(out)

    def test_what_has_changed_is_named(self):
        out = self.folder / "out"
        self.kill_behind(out, 1)
        before = layers_done(out)
        other = write_random_tokens(self.folder / "other.jsonl", 8, 64, 4096, seed=2)
        asked = ["quantize", self.model, out, *self.options]
        for options, said in [
            (["--resume", "--calibration", other], "calibration tokens has changed"),
            (["--resume", "--seq-len", 63], "calibration tokens has changed"),
            (["--resume", "--samples", 7], "calibration tokens has changed"),
            (["--resume", "--activations", "f32"], "--activations has changed"),
            (["--resume", "--latent-norm-eps", "1e-6"], "--latent-norm-eps has changed"),
            (["--resume", "--expert-input-scale", "layer"], "--expert-input-scale has changed"),
            (["--resume", "--recipe", "nvfp4-serve"], "recipe has changed"),
            (["--resume", "--scale-rule", "gpu"], "--scale-rule has changed"),
            ([], "--resume"),
        ]:
            replaced = [option for option in options if str(option).startswith("--")]
            kept = list(asked)
            for name in replaced:
                if name in kept:
                    at = kept.index(name)
                    del kept[at:at + 2]
            with self.subTest(options=options):
                self.assert_fails(run(*kept, *options), INVALID, said)
                self.assertEqual(layers_done(out), before)
        done = run("quantize", self.model, out, "--weights-only", "--max-shard-size", "20MB",
                   "--resume")
        self.assertEqual(done.returncode, INVALID, done.stderr)
        self.finish(out)

    def test_threads_and_memory_may_change(self):
        out = self.folder / "out"
        self.kill_behind(out, 1, "--threads", 1)
        self.kill_behind(out, 3, "--threads", 3, "--memory", "2GB")
        self.finish(out)

    def test_the_calibration_file_may_grow_behind_what_was_read(self):
        out = self.folder / "out"
        self.kill_behind(out, 1)
        longer = self.folder / "tokens.jsonl"
        longer.write_text(self.tokens.read_text() + '{"tokens": [1]}\n')
        self.options[1], kept = longer, self.options[1]
        try:
            self.finish(out, apart_from=["README.md", "SHA256SUMS"])  # the card has the file's hash
        finally:
            self.options[1] = kept

    def test_lost_or_cut_scratch_files(self):
        """Scratch that someone tidied up costs time or ends in a sentence, never in other bytes."""
        out = self.folder / "out"
        self.kill_behind(out, 2)
        kept = Path(shutil.copytree(out, self.folder / "kept"))
        entries = sorted(path.name for path in (kept / SCRATCH).iterdir()) if KILLS >= 20 else []
        for entry in entries:
            for cut in [False] if entry == STATS else [False, True]:
                shutil.rmtree(out)
                shutil.copytree(kept, out)
                path = out / SCRATCH / entry
                if cut:
                    os.truncate(path, path.stat().st_size // 2)
                else:
                    path.unlink()
                with self.subTest(file=entry, cut=cut):
                    done = run("quantize", self.model, out, *self.options, "--resume")
                    if done.returncode == 0:
                        self.assert_complete(out)
                    else:
                        self.assert_fails(done, done.returncode, entry)
                        self.assertNotEqual(done.returncode, 1)
        shutil.rmtree(out)
        shutil.copytree(kept, out)
        shutil.rmtree(out / SCRATCH)
        self.finish(out)

    def resume_damaged(self, kept, damage, *said):
        """The copied attempt ends in the same bytes in spite of the damage."""
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(kept, out)
        damage(out)
        done = run("quantize", self.model, out, *self.options, "--resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        for text in said:
            self.assertIn(text, done.stderr)
        self.assert_complete(out)

    def test_damaged_scratch_files(self):
        """Statistics that lost layers, and activations that are not those behind them."""
        out = self.folder / "out"
        self.kill_behind(out, 4)
        kept = Path(out.rename(self.folder / "kept"))
        text = (kept / SCRATCH / STATS).read_text()
        again = "begins again at the first layer"

        def cut(size):
            return lambda out: os.truncate(out / SCRATCH / STATS, size)
        self.resume_damaged(kept, cut(len(text) // 2), again)
        self.resume_damaged(kept, cut(text.index("\n", text.index('"layers_done": 2')) + 1), again)
        self.resume_damaged(kept, lambda out: flip_bit(out / SCRATCH / STATS, len(text) // 2),
                            "is damaged", again)
        self.resume_damaged(kept, lambda out: flip_bit(out / SCRATCH / STATS, 40), "is damaged")
        done = [json.loads(line) for line in text.splitlines() if "layers_done" in line]
        stream = f"hidden_{done[-1]['hidden']}.bin"
        self.resume_damaged(kept, lambda out: flip_bit(out / SCRATCH / stream, 1000), stream, again)

    def test_a_damaged_journal(self):
        """A flipped bit costs packing a layer again; in the line of the settings, beginning anew."""
        out = self.folder / "out"
        self.kill_behind(out, 3)
        kept = Path(out.rename(self.folder / "kept"))
        text = (kept / JOURNAL).read_text()
        expected = json.loads((self.shared / "out/report.json").read_text())["weights"]
        for at in [text.index('"errors"') + 30, text.index('"tensors"') + 30]:
            self.resume_damaged(kept, lambda out: flip_bit(out / JOURNAL, at))
            found = json.loads((out / "report.json").read_text())["weights"]
            self.assertEqual(found, expected)
        shutil.rmtree(out)
        kept.rename(out)
        flip_bit(out / JOURNAL, 40)
        done = run("quantize", self.model, out, *self.options, "--resume")
        self.assert_fails(done, CORRUPT, JOURNAL, "line 1")

    def test_kills_at_the_very_end(self):
        """Between the last weights and the last companion, the scratch being there, half or gone."""
        for left in ["all", "no statistics", "nothing"] if KILLS >= 20 else ["all"]:
            out = self.folder / left
            process = self.start(out)
            while not (out / STATS).exists() and process.poll() is None:
                time.sleep(0.0005)
            code, error = self.end(process)
            if code != 0:
                self.assertEqual(code, -signal.SIGKILL, error)
            if (out / JOURNAL).exists():
                if left == "nothing":
                    shutil.rmtree(out / SCRATCH, ignore_errors=True)
                elif left == "no statistics":
                    (out / SCRATCH / STATS).unlink(missing_ok=True)
            self.assert_final_names_are_complete(out)
            with self.subTest(left=left):
                self.finish(out)

    def test_signals_say_how_to_go_on(self):
        for number, layers in [(signal.SIGINT, 0), (signal.SIGTERM, 2)]:
            out = self.folder / number.name
            process = self.start(out)
            while process.poll() is None and (layers_done(out) < layers or
                                              not (out / JOURNAL).exists()):
                time.sleep(0.001)
            process.send_signal(number)
            error = process.communicate()[1]
            self.assertEqual(process.returncode, CANCELLED, error)
            self.assertIn("--resume", error)
            self.assertEqual(list(out.glob("*.safetensors")), [])
            self.finish(out)

    def test_two_writers_do_not_mix(self):
        out = self.folder / "out"
        first = self.start(out)
        while layers_done(out) < 1 and first.poll() is None:
            time.sleep(0.001)
        asked = ["quantize", self.model, out, *self.options]
        try:
            self.assert_fails(run(*asked, "--resume"), INVALID, "another glimmer process")
            self.assertEqual(run(*asked).returncode, INVALID)
        finally:
            error = first.communicate()[1]
        self.assertEqual(first.returncode, 0, error)
        self.assert_complete(out)


class SharedIndexers(Killed):
    """Layers that use the positions another one chose: no going on between these."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prepare(8, 256, GOLDEN / "models/shared/source/config.json", hidden_size=512,
                    intermediate_size=1024, moe_intermediate_size=256, n_routed_experts=8,
                    q_lora_rank=128, kv_lora_rank=128, index_topk=32, vocab_size=1024,
                    num_attention_heads=8, num_key_value_heads=8)

    def test_random_kills(self):
        moments = self.chain(self.duration)
        self.assertTrue(set(moments) <= {0, 1, 4, 5}, moments)  # layers 2 and 3 share layer 1's

    def test_kills_behind_every_layer(self):
        out = self.folder / "out"
        for layers in [1, 4]:
            done = self.kill_behind(out, layers)
            self.assertIn(done, (1, 4, 5))
            self.assert_final_names_are_complete(out)
        self.finish(out)


if __name__ == "__main__":
    unittest.main()
