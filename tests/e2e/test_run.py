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
                     UNSUPPORTED, Case, read_header, run, run_json, write_zeros)

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
        self.assertNotEqual(text("--seed", 7), text("--seed", 8))
        self.assertEqual(text("--temperature", 0, "--seed", 7),
                         text("--temperature", 0, "--seed", 8))
        self.assertGreater(len({text() for _ in range(3)}), 1)
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
            # A line break follows unless the text ends with one.
            self.assertEqual(done.stdout, whole[:cut].removesuffix("\n") + "\n")
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

    def test_every_end_token_ends_an_answer(self):
        ids = run_json("run", REFERENCE, *CALM, "-p", QUESTION)["ids"]
        self.assertEqual(json.loads((REFERENCE / "generation_config.json").read_text())
                         ["eos_token_id"], END_TOKENS)
        for place in range(3):
            ends = list(END_TOKENS)
            ends[place] = ids[5]
            model = self.changed_generation_config(eos_token_id=ends)
            report = run_json("run", model, *CALM, "-p", QUESTION)
            self.assertEqual((report["ids"], report["end"]), (ids[:5], "end token"))
        # One number, and without the field those of config.json.
        report = run_json("run", self.changed_generation_config(eos_token_id=ids[5]), *CALM,
                          "-p", QUESTION)
        self.assertEqual(report["ids"], ids[:5])
        self.assertEqual(run_json("run", self.changed_generation_config(), *CALM, "-p",
                                  QUESTION)["ids"], ids)

    def test_an_answer_ends_where_the_context_does(self):
        model = self.changed_generation_config(eos_token_id=[4069])
        for words, answered in [(2040, 8), (2048, 1)]:
            # The token behind the last of the context needs no place in it.
            report = run_json("run", model, "--raw", "--temperature", 0, "-p", " the" * words)
            self.assertEqual((report["prompt_tokens"], report["end"]), (words, "context full"))
            self.assertIn(len(report["ids"]), (answered, answered + 1))

    def test_thinking_goes_to_standard_error_and_the_answer_alone_to_standard_output(self):
        ask = ["-p", "hi", "--seed", 5]
        report = run_json("run", REFERENCE, *ask)
        self.assertTrue(report["reasoning"] and report["content"])
        self.assertEqual(run_json("run", REFERENCE, *ask, "--thinking", "on")["ids"],
                         report["ids"])
        done = self.answer(*ask)
        self.assertEqual(done.stdout, report["content"] + "\n")
        self.assertTrue(done.stderr.startswith(report["reasoning"] + "\n"), done.stderr)
        self.assertRegex(done.stderr, STATISTICS)
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        off = run_json("run", REFERENCE, *ask, "--thinking", "off")
        self.assertNotIn("reasoning", off)
        # <think> is one token, and so is </think>.
        self.assertEqual(off["prompt_tokens"], report["prompt_tokens"])
        done = self.answer(*ask, "--thinking", "off", "--no-stats")
        self.assertEqual((done.stdout, done.stderr), (off["content"] + "\n", ""))

    def test_json(self):
        report = run_json("run", REFERENCE, *CALM, "-p", QUESTION, "--seed", 12)
        for field in ["content", "text", "ids", "end", "seed", "prompt_tokens", "answer_tokens",
                      "prompt_tokens_per_second", "decode_tokens_per_second"]:
            self.assertIn(field, report)
        self.assertEqual(report["seed"], 12)
        self.assertEqual(report["answer_tokens"], len(report["ids"]) + 1)  # and the end token
        self.assertEqual(run("run", REFERENCE, *CALM, "--json", "-p", QUESTION).stderr, "")

    def test_raw_continues_the_prompt(self):
        prompt = "[gMASK]<sop><|user|>" + QUESTION + "<|assistant|></think>"
        chat = run_json("run", REFERENCE, *CALM, "-p", QUESTION)
        raw = run_json("run", REFERENCE, "--raw", "--temperature", 0, "-p", prompt)
        self.assertEqual(raw["ids"], chat["ids"])
        self.assertEqual(self.answer("--raw", "--temperature", 0, "-p", prompt).stdout,
                         raw["text"] + "\n")
        self.assert_fails(run("run", REFERENCE, "--raw"), INVALID, "--raw", "--prompt")
        self.assert_fails(run("run", REFERENCE, "--raw", "-p", ""), INVALID, "prompt is empty")
        for option in (["--system", "Be brief."], ["--thinking", "off"]):
            self.assert_fails(run("run", REFERENCE, "--raw", "-p", "a", *option), INVALID,
                              f"{option[0]}: has no meaning with --raw")

    def test_statistics_follow_the_whole_answer(self):
        # As a person sees it who sends both streams to one file.
        for options in [["--raw"], ["--thinking", "off"]]:
            done = subprocess.run([PROGRAM, "run", REFERENCE, *options, "--temperature", "0",
                                   "--max-new-tokens", "5", "-p", "Once upon a time"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertRegex(done.stdout.splitlines()[-1], "^prompt ", options)

    def test_a_prompt_from_standard_input(self):
        of_option = run_json("run", REFERENCE, *CALM, "-p", QUESTION)
        of_input = json.loads(self.answer(*CALM, "--json", "-p", "-", input=QUESTION).stdout)
        self.assertEqual(of_input["ids"], of_option["ids"])
        lines = "Tom has 5 apples.\nHow many are left?"
        self.assertEqual(
            json.loads(self.answer(*CALM, "--json", "-p", "-", input=lines).stdout)["ids"],
            run_json("run", REFERENCE, *CALM, "-p", lines)["ids"])

    def test_the_system_message_is_in_the_prompt(self):
        without = run_json("run", REFERENCE, *CALM, "-p", QUESTION)
        report = run_json("run", REFERENCE, *CALM, "-p", QUESTION, "--system", "Be brief.")
        self.assertGreater(report["prompt_tokens"], without["prompt_tokens"])

    def test_the_answer_streams(self):
        model = self.changed_generation_config(eos_token_id=[4069])
        running = subprocess.Popen([PROGRAM, "run", model, "--raw", "--seed", "1",
                                    "--temperature", "50", "-p", "Once"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(running.kill)
        self.assertTrue(running.stdout.read(1))
        self.assertIsNone(running.poll())
        # Ctrl-C ends the answer, what was written stands.
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=30)
        self.assertEqual(running.returncode, CANCELLED)
        self.assertIn(b"interrupted", errors)

    def test_generation_config(self):
        for field, value, code in [("colour", 1, UNSUPPORTED), ("num_beams", 4, UNSUPPORTED),
                                   ("no_repeat_ngram_size", 3, UNSUPPORTED),
                                   ("temperature", -1, INVALID), ("temperature", "x", INVALID),
                                   ("eos_token_id", 9999, INVALID), ("eos_token_id", [], INVALID),
                                   ("stop_strings", [""], INVALID)]:
            model = self.changed_generation_config(**{field: value})
            with self.subTest(field=field, value=value):
                self.assert_fails(run("run", model, "-p", QUESTION), code,
                                  "generation_config.json", field, "--generation-config none")
                self.answer("--generation-config", "none", "--max-new-tokens", 1, "-p", "x",
                            model=model)
        (model / "generation_config.json").write_text('{"top_p": ')
        self.assert_fails(run("run", model, "-p", QUESTION), CORRUPT, "generation_config.json")
        (model / "generation_config.json").unlink()
        self.answer("--max-new-tokens", 1, "-p", "x", model=model)

    def test_generation_config_sets_defaults_that_options_override(self):
        whole = run_json("run", REFERENCE, *CALM, "-p", QUESTION)
        model = self.changed_generation_config(do_sample=False, temperature=3, max_new_tokens=4)
        ask = ["--thinking", "off", "-p", QUESTION]
        self.assertEqual(run_json("run", model, *ask)["ids"], whole["ids"][:4])
        self.assertEqual(run_json("run", model, *ask, "--max-new-tokens", 6)["ids"],
                         whole["ids"][:6])
        model = self.changed_generation_config(stop_strings=["area"])
        report = run_json("run", model, *CALM, "-p", QUESTION)
        self.assertEqual(report["text"], whole["text"][:whole["text"].index("area")])

    def test_max_length_counts_prompt_and_answer(self):
        model = self.changed_generation_config(max_length=20)
        report = run_json("run", model, *CALM, "-p", QUESTION)
        self.assertEqual(report["prompt_tokens"] + report["answer_tokens"], 20)


class Refusals(RunCase):
    """What cannot be answered."""

    def test_options(self):
        for options, said in [
            (["--temperature", -1], "temperature"), (["--temperature", "nan"], "temperature"),
            (["--top-p", 0], "top_p"), (["--top-p", 1.1], "top_p"), (["--top-k", -3], "top_k"),
            (["--min-p", 2], "min_p"), (["--repetition-penalty", 0], "repetition_penalty"),
        ]:
            with self.subTest(options=options):
                self.assert_fails(run("run", REFERENCE, "-p", "x", *options), INVALID, said)
        for options in [["--thinking", "maybe"], ["--max-new-tokens", 0], ["--threads", 0],
                        ["--generation-config", "other.json"], ["--seed", "x"]]:
            done = run("run", REFERENCE, "-p", "x", *options)
            self.assertEqual(done.returncode, INVALID)
            self.assertIn(options[0], done.stderr)

    def test_a_prompt_longer_than_the_context(self):
        for options in [[], ["--raw"]]:
            done = run("run", REFERENCE, *options, "-p", "-", input=" the" * 2049)
            self.assert_fails(done, INVALID, "prompt", "2048", "max_position_embeddings")
            self.assertEqual(done.stdout, "")

    def test_a_prompt_that_is_no_text_is_not_the_templates_fault(self):
        done = subprocess.run([PROGRAM, "run", REFERENCE, "-p", "-"], input=b"\xff\xfe x",
                              capture_output=True)
        self.assertEqual(done.returncode, INVALID)
        self.assertIn(b"UTF-8", done.stderr)
        self.assertNotIn(b"chat_template", done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 1)

    def test_templates(self):
        model = self.copy_reference()
        template = model / "chat_template.jinja"
        for content, code, said in [
            ("{% for m in messages %}", CORRUPT, "line 1"),
            ("\n{% for x in %}", CORRUPT, "line 2"),
            ("{{ nothing.here }}", INVALID, "nothing"),
            ("{{ messages|frobnicate }}", INVALID, "frobnicate"),
            ("{{ raise_exception('no such role') }}", INVALID, "no such role"),
            ("", INVALID, "prompt is empty"),
        ]:
            template.write_text(content)
            with self.subTest(content=content):
                self.assert_fails(run("run", model, "-p", "x"), code, said)
                if content:
                    self.assert_fails(run("run", model, "-p", "x"), code, f'"{template}"')
        template.unlink()
        self.assert_fails(run("run", model, "-p", "x"), NOT_FOUND, "chat_template.jinja",
                          "tokenizer_config.json")
        self.assert_fails(run("run", model, stdin=subprocess.DEVNULL), NOT_FOUND, "chat_template")
        self.answer("--raw", "-p", "x", "--max-new-tokens", 1, model=model)
        config = json.loads((model / "tokenizer_config.json").read_text())
        config["chat_template"] = (REFERENCE / "chat_template.jinja").read_text()
        (model / "tokenizer_config.json").write_text(json.dumps(config))
        self.assertEqual(run_json("run", model, *CALM, "-p", QUESTION)["ids"],
                         run_json("run", REFERENCE, *CALM, "-p", QUESTION)["ids"])

    def test_tokenizers(self):
        model = self.copy_reference()
        tokenizer = json.loads((model / "tokenizer.json").read_text())
        tokenizer["added_tokens"].append(
            {**tokenizer["added_tokens"][-1], "id": 4096, "content": "<|new|>"})
        (model / "tokenizer.json").write_text(json.dumps(tokenizer))
        self.assert_fails(run("run", model, "-p", "x"), INVALID,
                          f'"{model / "tokenizer.json"}"', "vocab_size", "4096")
        (model / "tokenizer.json").unlink()
        for options in [[], ["--raw"]]:
            self.assert_fails(run("run", model, "-p", "x", *options), NOT_FOUND,
                              "tokenizer.json")

    def test_folders(self):
        self.assert_fails(run("run", self.folder / "nothing", "-p", "x"), NOT_FOUND, "nothing")
        self.assert_fails(run("run", self.folder, "-p", "x"), NOT_FOUND, "config.json")
        self.assert_fails(run("run", REFERENCE / "config.json", "-p", "x"), INVALID,
                          "checkpoint folder")
        self.assertIn("CHECKPOINT", run("run").stderr)

    def test_a_full_disk_is_an_error(self):
        for options in [[], ["--json"]]:
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([PROGRAM, "run", REFERENCE, "-p", "x", "--thinking", "off",
                                       "--max-new-tokens", "1", "--no-stats", *options],
                                      stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 5)
            self.assertIn("standard output", done.stderr)

    def test_ctrl_c_ends_the_wait_for_a_prompt(self):
        for options in [["-p", "-"], []]:
            waiting = subprocess.Popen([PROGRAM, "run", REFERENCE, *options],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            self.addCleanup(waiting.communicate)
            self.addCleanup(waiting.kill)
            time.sleep(0.7)
            waiting.send_signal(signal.SIGINT)
            with self.subTest(options=options):
                self.assertEqual(waiting.wait(timeout=5), CANCELLED)


class Resources(RunCase):
    """Threads and memory."""

    def sparse_model(self, least_bytes):
        """A model of zeros in a file that is larger than that and takes no disk space: the
        reference model with many experts of which a token uses one."""
        model = self.copy_reference("sparse")
        config = json.loads((model / "config.json").read_text())
        experts, old_width = 512, config["moe_intermediate_size"]
        bytes_of_width = 3 * experts * config["hidden_size"] * 2 * config["num_hidden_layers"]
        width = 16 * (1 + least_bytes // bytes_of_width // 16)
        config |= {"n_routed_experts": experts, "num_experts_per_tok": 1,
                   "moe_intermediate_size": width}
        (model / "config.json").write_text(json.dumps(config))
        tensors = {}
        for name, info in read_header(model / "model.safetensors")[0].items():
            dtype, shape = info["dtype"], info["shape"]
            if ".mlp.experts." in name or ".mlp.shared_experts." in name:
                shape = [width if n == old_width else n for n in shape]
            if name.endswith((".mlp.gate.weight", ".e_score_correction_bias")):
                shape = [experts, *shape[1:]]
            tensors[name] = (dtype, shape)
            if ".mlp.experts.0." in name:
                for expert in range(1, experts):
                    tensors[name.replace(".experts.0.", f".experts.{expert}.")] = (dtype, shape)
        write_zeros(model / "model.safetensors", tensors)
        return model

    def test_weights_larger_than_memory_run_with_a_warning(self):
        with open("/proc/meminfo") as file:
            total = 1024 * int(file.readline().split()[1])
        model = self.sparse_model(total)
        done = self.answer("--raw", "-p", "a", "--max-new-tokens", 1, "--temperature", 0,
                           "--no-stats", model=model)
        size = (model / "model.safetensors").stat().st_size
        self.assertRegex(done.stderr, r"^glimmer: warning: the weights \([\d.]+ [GT]B\) are larger "
                         r"than the memory that is free \([\d.]+ [GMkT]+B\): experts are read from "
                         r"disk as they are needed, which is slow\n$")
        self.assertIn(f"({size / 1e9:.2f} GB)" if size < 1e12 else f"({size / 1e12:.3f} TB)",
                      done.stderr)

    def test_more_threads_than_processors_are_a_warning(self):
        usable = len(os.sched_getaffinity(0))
        options = [*CALM, "-p", QUESTION, "--max-new-tokens", 1, "--no-stats", "--threads"]
        done = self.answer(*options, 1000)
        self.assertRegex(done.stderr, r"^glimmer: warning: --threads 1000, but this process may use "
                         r"\d+ processors?: threads will wait for each other\n$")
        self.assertNotIn("warning", self.answer(*options, 1).stderr)
        self.assertLessEqual(int(re.search(r"use (\d+)", done.stderr)[1]), usable)

    def test_the_default_is_what_the_affinity_mask_allows(self):
        one = {min(os.sched_getaffinity(0))}
        tokens = self.folder / "tokens.json"
        tokens.write_text("[5, 6, 7]")
        done = run("eval", REFERENCE, "--tokens", tokens, "--json",
                   preexec_fn=lambda: os.sched_setaffinity(0, one))
        self.assertEqual(json.loads(done.stdout)["settings"]["threads"], 1)


class Piped(RunCase):
    """A conversation whose lines come from a pipe."""

    def test_lines_are_questions_and_commands(self):
        first = run_json("run", REFERENCE, *CALM, "-p", QUESTION)["content"]
        done = self.answer(*CALM, input=f"{QUESTION}\n/retry\n/set top_k 7\n\n/quit\n{QUESTION}\n")
        self.assertEqual(done.stdout.count(first + "\n"), 2)
        self.assertIn("top_k 7", done.stdout)
        self.assertNotIn("\x1b", done.stdout)
        self.assertEqual(done.stderr.count("end token"), 2)

    def test_the_last_line_needs_no_line_break(self):
        first = run_json("run", REFERENCE, *CALM, "-p", QUESTION)["content"]
        self.assertEqual(self.answer(*CALM, "--no-stats", input=QUESTION).stdout, first + "\n")
        self.assertEqual(self.answer(input="").stdout, "")

    def test_the_conversation_is_remembered(self):
        done = self.answer(*CALM, "--max-new-tokens", 9,
                           input=f"{QUESTION}\n{QUESTION}\n/clear\n{QUESTION}\n")
        counts = [int(count) for count in re.findall(r"prompt (\d+) tokens", done.stderr)]
        self.assertEqual(len(counts), 3)
        self.assertGreater(counts[1], counts[0])
        self.assertEqual(counts[2], counts[0])
        self.assertIn("remembered", done.stderr.splitlines()[1])

    def test_a_question_too_long_does_not_end_the_conversation(self):
        first = run_json("run", REFERENCE, *CALM, "-p", QUESTION)["content"]
        done = self.answer(*CALM, "--no-stats", input=" the" * 2100 + f"\n{QUESTION}\n")
        self.assertEqual(done.stdout, first + "\n")
        self.assertIn("max_position_embeddings", done.stderr)


class Terminal:
    """The program on a pseudo-terminal."""

    def __init__(self, *arguments):
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", COLUMNS="100")
            os.execv(PROGRAM, [PROGRAM, *map(str, arguments)])
        self.text = ""
        self.code = None

    def read(self, seconds):
        """Whether something came; it is added to the text."""
        ready, _, _ = select.select([self.file], [], [], seconds)
        if not ready:
            return False
        try:
            piece = os.read(self.file, 65536)
        except OSError:  # the program has gone
            return False
        self.text += piece.decode(errors="replace").replace("\r", "")
        return bool(piece)

    def until(self, done, what, limit=20):
        end = time.monotonic() + limit
        while not done(self.text):
            if not self.read(0.2) and time.monotonic() > end:
                raise AssertionError(f"no {what} in {self.text!r}")

    def prompt(self):
        """What came before the next prompt."""
        self.until(lambda text: text.endswith("> ") and not self.read(0.15), "prompt")
        text, self.text = self.text, ""
        return text

    def send(self, text):
        os.write(self.file, text.encode())

    def say(self, line):
        self.send(line + "\n")
        return self.prompt()

    def leaves(self, limit=20):
        """The exit code."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                return self.code
        raise AssertionError(f"does not leave: {self.text!r}")

    def close(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.file)


class Conversation(RunCase):
    """A person at a terminal."""

    def terminal(self, *options, model=REFERENCE):
        terminal = Terminal("run", model, *options)
        self.addCleanup(terminal.close)
        self.greeting = terminal.prompt()
        return terminal

    def long_answer(self):
        """A terminal where an answer of many tokens has begun."""
        model = self.changed_generation_config(eos_token_id=[4069])
        terminal = self.terminal("--thinking", "off", "--temperature", 60, "--seed", 3,
                                 model=model)
        terminal.send("Tell me a story\n")
        terminal.until(lambda text: len(text) > 60, "answer")
        self.assertFalse(terminal.text.endswith("\n> "))  # it streams
        return terminal

    def test_commands(self):
        terminal = self.terminal(*CALM, "--max-new-tokens", 9)
        self.assertIn("BF16 weights", self.greeting)
        self.assertIn("/help", self.greeting)
        help_text = terminal.say("/help")
        for command in ["/clear", "/system", "/thinking", "/set", "/retry", "/stats", "/quit"]:
            self.assertIn(command, help_text)
        answer = run_json("run", REFERENCE, *CALM, "--max-new-tokens", 9, "-p", QUESTION)
        said = terminal.say(QUESTION)
        self.assertIn(answer["content"].rstrip(), said)
        self.assertIn("token limit; seed", said)
        self.assertIn(answer["content"].rstrip(), terminal.say("/retry"))
        self.assertIn("max_new_tokens 3", terminal.say("/set max_new_tokens 3"))
        self.assertIn("answer 3 tokens", terminal.say(QUESTION))
        self.assertIn("temperature 0,", terminal.say("/set"))
        for line, said in [("/set top_p 7", "top_p: expected"), ("/set colour 1", "colour"),
                           ("/set top_k", "number"), ("/set top_k x", "number"),
                           ("/set max_new_tokens 0", "at least 1"), ("/nope", "/nope"),
                           ("/thinking maybe", "on or off"), ("/stats", "on or off")]:
            self.assertIn(said, terminal.say(line))
        self.assertIn("temperature 0, top_k 0, top_p 0.95", terminal.say("/set"))
        terminal.say("/stats off")
        self.assertNotIn("seed", terminal.say(QUESTION))
        terminal.say("/clear")
        self.assertIn("nothing was asked", terminal.say("/retry"))
        self.assertEqual(terminal.say("").count("> "), 1)
        terminal.send("/quit\n")
        self.assertEqual(terminal.leaves(), 0)

    def test_blanks_around_a_command_do_not_matter(self):
        terminal = self.terminal(*CALM, "--max-new-tokens", 3)
        for line, said in [("/thinking  off", "thinking is off"), ("/set   seed  3", "seed 3"),
                           (" /help", "/clear"), ("/help ", "/clear"), ("/stats on ", "is on")]:
            with self.subTest(line=line):
                self.assertIn(said, terminal.say(line))

    def test_thinking_is_dimmed(self):
        terminal = self.terminal("--seed", 5)
        report = run_json("run", REFERENCE, "-p", "hi", "--seed", 5)
        said = terminal.say("hi")
        self.assertIn("\x1b[2m", said)
        plain = re.sub(r"\x1b\[\d*m", "", said)
        self.assertIn(report["reasoning"].strip(), plain)
        self.assertRegex(said, r"\n" + re.escape(report["content"]) + r"\n")
        terminal.say("/clear")
        self.assertIn("thinking is off", terminal.say("/thinking off"))
        off = run_json("run", REFERENCE, "-p", "hi", "--seed", 5, "--thinking", "off")
        self.assertIn(off["content"].splitlines()[0], terminal.say("hi"))

    def test_ctrl_c_stops_the_answer_and_not_the_program(self):
        terminal = self.long_answer()
        terminal.send("\x03")
        self.assertIn("interrupted", terminal.prompt())
        self.assertIn("temperature 0,", terminal.say("/set temperature 0"))
        terminal.say("/set max_new_tokens 4")
        self.assertIn("answer 4 tokens", terminal.say("/retry"))
        terminal.send("\x04")
        self.assertEqual(terminal.leaves(), 0)

    def test_ctrl_c_at_the_prompt_drops_the_line(self):
        terminal = self.terminal(*CALM, "--max-new-tokens", 3)
        terminal.send("/nope and more")
        terminal.read(0.3)
        terminal.send("\x03")
        said = terminal.prompt()
        self.assertIn("/quit", said)
        self.assertNotIn("no such command", terminal.say(""))
        self.assertIn("answer 3 tokens", terminal.say(QUESTION))
        terminal.send("\x04")
        self.assertEqual(terminal.leaves(), 0)

    def test_lines_can_be_edited_and_found_again(self):
        terminal = self.terminal(*CALM, "--max-new-tokens", 3)
        self.assertIn("seed 41", terminal.say("/set seed 42\x7f1"))
        terminal.send("\x1b[A\x7f7\n")  # the line before, its last character replaced
        self.assertIn("seed 47", terminal.prompt())

    def test_sigterm_ends_the_program(self):
        terminal = self.terminal(*CALM)
        os.kill(terminal.pid, signal.SIGTERM)
        self.assertIn(terminal.leaves(5), (CANCELLED, -signal.SIGTERM))

    def test_sigterm_ends_the_program_during_an_answer(self):
        terminal = self.long_answer()
        os.kill(terminal.pid, signal.SIGTERM)
        self.assertIn(terminal.leaves(5), (CANCELLED, -signal.SIGTERM))


if __name__ == "__main__":
    unittest.main()
