"""`glimmer bench MODEL_DIR`: what it reports adds up, and what it says to bad input.

Speeds are not looked at: a busy machine must not fail a test.
"""

import json
import resource
import unittest

from calibration import limited
from glimmer import EXHAUSTED, INVALID, NOT_FOUND, PROJECT, REFERENCE, Case, run, run_json

CONFIG = json.loads((REFERENCE / "config.json").read_text())
SHORT = ["--runs", 1, "--threads", 1]


def bench(*options, model=REFERENCE):
    return run_json("bench", model, *options)


def jobs_of(report):
    return [(job["kind"], job["tokens"], job["depth"], job["streams"], job["threads"])
            for job in report["jobs"]]


class Report(Case):
    @classmethod
    def setUpClass(cls):
        cls.report = bench("--prompt", 200, "--decode", 6, "--depth", "0,1k", "--streams", "1,3",
                           "--threads", "1,2", "--runs", 3)

    def test_a_job_for_each_combination(self):
        expected = []
        for threads in (1, 2):
            for depth in (0, 1024):
                expected.append(("prompt", 200, depth, 1, threads))
                expected += [("decode", 6, depth, streams, threads) for streams in (1, 3)]
        self.assertEqual(jobs_of(self.report), expected)
        self.assertEqual({len(job["runs"]) for job in self.report["jobs"]}, {3})

    def test_times_of_operators_add_up(self):
        for job in self.report["jobs"]:
            for done in job["runs"]:
                times = {name: o["seconds"] for name, o in done["operators"].items()}
                self.assertTrue(all(t >= 0 for t in times.values()))
                # Clocks are read inside the time that is taken as the whole; the rest are roundings
                # of a few hundred additions.
                self.assertLessEqual(sum(times.values()), done["seconds"] * (1 + 1e-9))
                self.assertGreaterEqual(sum(times.values()), 0.9 * done["seconds"])

    def test_prompts_are_explained_by_named_operators(self):
        for job in self.report["jobs"]:
            if job["kind"] != "prompt":
                continue
            median = job["runs"][job["median_run"]]
            named = sum(o["seconds"] for name, o in median["operators"].items()
                        if name != "the rest")
            self.assertGreaterEqual(named, 0.9 * median["seconds"])

    def test_work_is_the_same_in_each_run_and_the_sum_of_operators(self):
        for job in self.report["jobs"]:
            for field in ("weight_bytes", "cache_bytes", "operations"):
                self.assertEqual(len({done[field] for done in job["runs"]}), 1)
                done = job["runs"][0]
                self.assertAlmostEqual(sum(o[field] for o in done["operators"].values()),
                                       done[field], delta=1e-6 * done[field])

    def operators(self, kind, depth, streams=1, threads=1):
        for job in self.report["jobs"]:
            if (job["kind"], job["depth"], job["streams"],
                    job["threads"]) == (kind, depth, streams, threads):
                return job["runs"][0]["operators"]
        self.fail("no such job")

    def test_bytes_are_those_of_the_shapes(self):
        c, steps, sparse = CONFIG, 6, CONFIG["num_hidden_layers"] - 1
        decode = self.operators("decode", 0)
        expert = 3 * c["hidden_size"] * c["moe_intermediate_size"] * 2
        self.assertEqual(decode["lm_head"]["weight_bytes"],
                         steps * c["vocab_size"] * c["hidden_size"] * 2)
        self.assertEqual(decode["routed experts"]["weight_bytes"],
                         steps * sparse * c["num_experts_per_tok"] * expert)
        self.assertEqual(decode["dense MLP"]["weight_bytes"],
                         steps * 3 * c["hidden_size"] * c["intermediate_size"] * 2)
        self.assertEqual(decode["routed experts"]["operations"],
                         decode["routed experts"]["weight_bytes"])  # 2 a weight of 2 bytes

    def test_streams_share_weights_and_have_caches_of_their_own(self):
        one, three = self.operators("decode", 1024), self.operators("decode", 1024, streams=3)
        self.assertEqual(three["shared expert"]["weight_bytes"],
                         one["shared expert"]["weight_bytes"])
        self.assertEqual(three["shared expert"]["operations"],
                         3 * one["shared expert"]["operations"])
        self.assertEqual(three["attention"]["cache_bytes"], 3 * one["attention"]["cache_bytes"])
        self.assertGreater(three["routed experts"]["weight_bytes"],
                           one["routed experts"]["weight_bytes"])

    def test_depth_is_what_the_indexer_reads(self):
        self.assertEqual(self.operators("decode", 0)["indexer scores"]["cache_bytes"], 0)
        # Step s scores depth + s + 1 keys of 2 bytes an element, in every layer.
        keys = sum(1024 + s + 1 for s in range(6))
        self.assertEqual(self.operators("decode", 1024)["indexer scores"]["cache_bytes"],
                         keys * CONFIG["num_hidden_layers"] * CONFIG["index_head_dim"] * 2)
        # Attention reads no more than the indexer selects.
        latent = (CONFIG["kv_lora_rank"] + CONFIG["qk_rope_head_dim"]) * 2
        self.assertEqual(self.operators("decode", 1024)["attention"]["cache_bytes"],
                         6 * CONFIG["num_hidden_layers"] * CONFIG["index_topk"] * latent)

    def test_a_prompt_reads_each_position_once(self):
        # More rows than absorbed attention computes together.
        report = bench("--prompt", 300, "--decode", 0, "--attention", "absorbed", *SHORT)
        latent = (CONFIG["kv_lora_rank"] + CONFIG["qk_rope_head_dim"]) * 2
        self.assertEqual(report["jobs"][0]["runs"][0]["operators"]["attention"]["cache_bytes"],
                         300 * CONFIG["num_hidden_layers"] * latent)

    def test_ceilings(self):
        report = self.report
        self.assertEqual([c["threads"] for c in report["ceilings"]], [1, 2])
        self.assertGreaterEqual(report["ceilings_measured"], 2)  # before and after
        for ceiling in report["ceilings"]:
            for value in [ceiling["memory_read_gb_per_s"],
                          *(ceiling[k]["gflop_per_s"] for k in ("F32", "BF16", "INT8"))]:
                self.assertGreater(value, 0)
        peaks = {c["threads"]: c["BF16"]["gflop_per_s"] for c in report["ceilings"]}
        for job in report["jobs"]:
            median = job["runs"][job["median_run"]]
            self.assertAlmostEqual(job["share_of_peak"] * peaks[job["threads"]],
                                   median["operations"] / median["seconds"] / 1e9,
                                   delta=1e-6 * peaks[job["threads"]])

    def test_medians(self):
        for job in self.report["jobs"]:
            seconds = sorted(done["seconds"] for done in job["runs"])
            self.assertAlmostEqual(job["tokens_per_s"]["median"], job["tokens"] / seconds[1])
            self.assertAlmostEqual(job["tokens_per_s"]["low"], job["tokens"] / seconds[2])
            self.assertAlmostEqual(job["tokens_per_s_in_all"]["high"],
                                   job["tokens"] * job["streams"] / seconds[0])
            self.assertEqual(job["runs"][job["median_run"]]["seconds"], seconds[1])


class Options(Case):
    def test_parts_can_be_left_out(self):
        self.assertEqual(jobs_of(bench("--prompt", 0, "--decode", 2, *SHORT)),
                         [("decode", 2, 0, 1, 1)])
        self.assertEqual(jobs_of(bench("--prompt", 3, "--decode", 0, "--streams", "1,2", *SHORT)),
                         [("prompt", 3, 0, 1, 1)])

    def test_settings(self):
        report = bench("--prompt", 4, "--decode", 0, "--activations", "f32", "--kv-cache", "fp8",
                       *SHORT)
        self.assertEqual(report["settings"]["activations"], "f32")
        self.assertEqual(report["settings"]["kv_cache"], "fp8")
        self.assertEqual(report["peak"], "F32")

    def test_the_text_fits_a_terminal(self):
        done = run("bench", REFERENCE, "--prompt", 100, "--decode", 2, "--depth", "0,1900",
                   "--streams", "1,2", "--runs", 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        # The first line names the folder, whose length is the test's.
        self.assertLessEqual(max(map(len, lines[1:])), 80)
        for text in ("memory read", "routed experts", "indexer top-k", "of read", "random"):
            self.assertIn(text, done.stdout)

    def test_other_benches_are_still_there(self):
        done = run("bench", "pack", "--megabytes", 1, "--runs", 1)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("memory read", done.stdout)
        self.assertIn("calibrate", run("bench", "--help").stdout)

    def test_completion_knows_the_options(self):
        text = (PROJECT / "share/completions/glimmer.bash").read_text()
        line = next(line for line in text.splitlines() if "[bench]" in line)
        for option in ("--prompt", "--decode", "--depth", "--streams", "--threads", "pack"):
            self.assertIn(option, line)


class Refusals(Case):
    def refuse(self, options, code, *said, model=REFERENCE):
        self.assert_fails(run("bench", model, *options), code, *said)

    def test_numbers(self):
        for option in ("--depth", "--streams", "--threads"):
            for word in ("x", "1,", ",1", "1,,2", "-1", "1.5", "k", "9999999999", "1kk"):
                with self.subTest(option=option, word=word):
                    self.refuse([f"{option}={word}"], INVALID, option, "expected whole numbers")
        self.refuse(["--streams=0"], INVALID, "--streams", "from 1", '"0"')
        self.refuse(["--threads=1,0"], INVALID, "--threads", "from 1", '"0"')
        for word in ("x", "1,2", "-3"):
            self.refuse([f"--prompt={word}"], INVALID, "--prompt", f'"{word}"')
        self.refuse(["--runs=0"], INVALID, "--runs")
        # 2^54 k would be 0 in 64 bits.
        self.refuse([f"--depth={2**54}k"], INVALID, "--depth", f'"{2**54}k"')

    def test_options_before_a_command_of_its_own(self):
        for options in (["--json"], ["--runs", 3], ["--threads", 1]):
            self.assert_fails(run("bench", *options, "pack"), INVALID, options[0], "bench pack")
        self.assert_fails(run("bench", REFERENCE, "pack"), INVALID, "MODEL_DIR", "bench pack")

    def test_threads_that_cannot_be_started(self):
        done = run("bench", REFERENCE, "--threads", 256, "--prompt", 1, "--decode", 0,
                   preexec_fn=limited(resource.RLIMIT_AS, 1_000_000_000))
        self.assertEqual(done.returncode, EXHAUSTED, done.stderr)
        warning, said = done.stderr.splitlines()
        self.assertIn("warning: --threads 256", warning)
        self.assertIn("a thread and its stack could not be had", said)

    def test_nothing_to_measure(self):
        self.refuse(["--prompt", 0, "--decode", 0], INVALID, "--prompt", "--decode")
        self.assert_fails(run("bench"), INVALID, "MODEL_DIR")

    def test_no_model(self):
        self.refuse([], NOT_FOUND, "nowhere", model=self.folder / "nowhere")

    def test_more_positions_than_the_model_has(self):
        self.refuse(["--prompt", 2000, "--depth", "0,100"], INVALID, "--prompt 2000",
                    "--depth 100", "2100", "at most 2048", "max_position_embeddings")
        self.refuse(["--prompt", 0, "--decode", 10, "--depth", 2040], INVALID, "--decode 10",
                    "--depth 2040")
        # The last position is the model's to use.
        bench("--prompt", 48, "--decode", 0, "--depth", 2000, *SHORT)

    def test_caches_that_do_not_fit_the_memory(self):
        model = self.copy_reference()
        (model / "config.json").write_text(
            json.dumps({**CONFIG, "max_position_embeddings": 1 << 30}))
        self.refuse(["--prompt", 0, "--depth", "512k", "--streams", 1024], EXHAUSTED,
                    "--streams 1024", "of caches", "of memory", model=model)


if __name__ == "__main__":
    unittest.main()
