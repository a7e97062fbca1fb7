#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "apps/bench_model.h"
#include "apps/bench_view.h"
#include "apps/command.h"
#include "apps/open_model.h"
#include "apps/terminal.h"
#include "base/free_memory.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/processors.h"
#include "base/text.h"

namespace glimmer::apps {
namespace {

using base::Quoted;
using base::Result;
using base::Status;
using base::WithCommas;

struct Options {
  ModelOptions model;
  std::string prompt = "512";
  std::string decode = "64";
  std::string depths = "0";
  std::string streams = "1";
  std::string threads;  // empty: all cores
  size_t runs = 5;
  bool json = false;
};

constexpr size_t kMostTokens = size_t{1} << 30;  // the model's context is checked besides
constexpr size_t kMostStreams = 1024;
constexpr size_t kMostThreads = 1024;

// "2048", "16k" (16,384).
std::optional<size_t> ParseCount(std::string_view text) {
  const bool thousands = text.ends_with('k') || text.ends_with('K');
  if (thousands) text.remove_suffix(1);
  size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return {};
  if (!thousands) return value;
  if (value > kMostTokens) return {};  // more than any option takes
  return value << 10;
}

// Errors: kInvalid, naming the option and the word that is wrong.
Result<std::vector<size_t>> ParseCounts(const char* option, std::string_view text, size_t least,
                                        size_t most) {
  std::vector<size_t> counts;
  while (true) {
    const std::string_view word = text.substr(0, text.find(','));
    const std::optional<size_t> count = ParseCount(word);
    if (!count || *count < least || *count > most) {
      return base::Invalid(fmt::format(
          "{}: expected whole numbers from {} to {} with commas between them, as in {},16k; "
          "found {}",
          option, least, most, std::max<size_t>(least, 4), Quoted(word)));
    }
    if (std::find(counts.begin(), counts.end(), *count) == counts.end()) counts.push_back(*count);
    if (word.size() == text.size()) return counts;
    text.remove_prefix(word.size() + 1);
  }
}

Result<size_t> ParseOne(const char* option, const std::string& text) {
  const std::optional<size_t> count = ParseCount(text);
  if (count && *count <= kMostTokens) return *count;
  return base::Invalid(
      fmt::format("{}: expected a whole number from 0 to {}, as in 512 or 4k; "
                  "found {}",
                  option, kMostTokens, Quoted(text)));
}

struct Jobs {
  std::vector<BenchJob> jobs;
  std::vector<size_t> depths, streams, threads;
};

Result<Jobs> MakeJobs(const Options& options) {
  GLIMMER_ASSIGN(const size_t prompt, ParseOne("--prompt", options.prompt));
  GLIMMER_ASSIGN(const size_t decode, ParseOne("--decode", options.decode));
  if (prompt + decode == 0) {
    return base::Invalid("--prompt and --decode are both 0: nothing is left to measure");
  }
  Jobs made;
  GLIMMER_ASSIGN(made.depths, ParseCounts("--depth", options.depths, 0, kMostTokens));
  GLIMMER_ASSIGN(made.streams, ParseCounts("--streams", options.streams, 1, kMostStreams));
  made.threads = {base::UsableCores()};
  if (!options.threads.empty()) {
    GLIMMER_ASSIGN(made.threads, ParseCounts("--threads", options.threads, 1, kMostThreads));
  }
  for (const size_t threads : made.threads) {
    for (const size_t depth : made.depths) {
      if (prompt > 0) made.jobs.push_back({BenchJob::Kind::kPrompt, prompt, depth, 1, threads});
      if (decode == 0) continue;
      for (const size_t streams : made.streams) {
        made.jobs.push_back({BenchJob::Kind::kDecode, decode, depth, streams, threads});
      }
    }
  }
  return made;
}

size_t Largest(const std::vector<size_t>& values) {
  return *std::max_element(values.begin(), values.end());
}

size_t MostStreams(const Jobs& made) {
  size_t most = 1;
  for (const BenchJob& job : made.jobs) most = std::max(most, job.streams);
  return most;
}

// Whether the job fits the model and the machine.
Status CheckFit(const BenchJob& job, const model::Model& model) {
  const size_t positions = job.depth + job.tokens;
  const std::string what = fmt::format(
      "{} {} at --depth {}", job.kind == BenchJob::Kind::kPrompt ? "--prompt" : "--decode",
      job.tokens, job.depth);
  if (positions > model.config.max_position_embeddings) {
    return base::Invalid(fmt::format(
        "{} makes {} positions: expected at most {}, as max_position_embeddings in {} says", what,
        positions, model.config.max_position_embeddings, model::kConfigName));
  }
  const uint64_t bytes = CacheBytes(model, job.streams, positions);
  const uint64_t granted = base::GrantedMemoryBytes();
  if (bytes <= granted) return {};
  return base::Exhausted(
      fmt::format("{} with --streams {} takes {} of caches: this process may have {} of memory",
                  what, job.streams, base::HumanBytes(bytes), base::HumanBytes(granted)));
}

// Rounds over all jobs instead of all runs of one, so that a neighbour's busy minute falls on all
// of them, ceilings included. The first round is not counted.
Status Measure(const Jobs& made, size_t rounds, ModelBench& bench, CeilingMeter& meter,
               std::vector<BenchResult>& results) {
  uint64_t total = 0;
  for (const BenchJob& job : made.jobs) total += (rounds + 1) * job.total_tokens();
  std::atomic<uint64_t> done{0};
  const ProgressLine line("measuring", done, total, ProgressLine::Unit::kShare);
  for (size_t round = 0; round <= rounds; ++round) {
    for (BenchResult& result : results) {
      meter.MeasureIfDue();
      GLIMMER_ASSIGN(BenchRun run, bench.Run(result.job));
      if (round > 0) result.runs.push_back(std::move(run));
      done += result.job.total_tokens();
    }
  }
  meter.Measure();
  return {};
}

std::string HeaderText(const OpenedModel& opened, const Options& options, size_t depth) {
  return fmt::format("{}  {}\nmedian of {} run{}; random tokens{}\n\n",
                     Bold(options.model.checkpoint), SettingsText(opened), options.runs,
                     options.runs == 1 ? "" : "s",
                     depth == 0 ? "" : ", and random rows in the caches up to the depth");
}

Status RunBench(const Options& options) {
  if (options.model.checkpoint.empty()) {
    return base::Invalid("bench: MODEL_DIR is required; --help shows what is expected");
  }
  GLIMMER_ASSIGN(const Jobs made, MakeJobs(options));
  ModelOptions model_options = options.model;
  model_options.threads = Largest(made.threads);
  GLIMMER_ASSIGN(const OpenedModel opened, OpenToCompute(model_options));
  for (const BenchJob& job : made.jobs) GLIMMER_TRY(CheckFit(job, opened.model));

  std::vector<size_t> thread_counts = made.threads;
  thread_counts.push_back(1);
  CeilingMeter meter(*opened.pool, thread_counts);
  ModelBench bench(opened.model, *opened.pool, MostStreams(made), Largest(made.depths));
  BenchReport report = {.peak = PeakFor(opened.model.settings.activations)};
  for (const BenchJob& job : made.jobs) report.results.push_back({job, {}});
  GLIMMER_TRY(Measure(made, options.runs, bench, meter, report.results));
  report.ceilings = meter.best();
  report.ceilings_measured = meter.times();

  if (!options.json) {
    Print(HeaderText(opened, options, Largest(made.depths)) + BenchText(report));
    return {};
  }
  base::JsonObject json = {{"model", options.model.checkpoint},
                           {"weights", opened.weights_name()},
                           {"settings", SettingsJson(opened)},
                           {"runs", options.runs}};
  for (auto& member : BenchJson(report)) json[member.key()] = std::move(member.value());
  Print(base::DumpJson(json, 2) + "\n");
  return {};
}

}  // namespace

void AddBench(Command program) {
  auto options = std::make_shared<Options>();
  Command bench = program.AddCommand(
      "bench", "Measure a model on this machine: prompts and decoding, operator by operator");
  AddBenchPack(bench);
  AddBenchCalibrate(bench);
  bench.MakeCommandsOptional();
  bench.AddOption("MODEL_DIR", &options->model.checkpoint, "Checkpoint folder, BF16 or NVFP4");
  bench
      .AddOption("--prompt", &options->prompt,
                 "Tokens of a prompt, as 512 or 4k (4,096); 0 leaves prompts out")
      .ShowDefault();
  bench
      .AddOption("--decode", &options->decode,
                 "Tokens decoded one after the other; 0 leaves decoding out")
      .ShowDefault();
  bench
      .AddOption("--depth", &options->depths,
                 "Positions that the caches hold before: one job for each of 0,2k,128k. Their rows "
                 "are random, so that a long context costs no time to compute")
      .ShowDefault();
  bench
      .AddOption("--streams", &options->streams,
                 "Sequences decoded together, a token of each in every step: one job for each of "
                 "1,4,16")
      .ShowDefault();
  bench.AddOption("--threads", &options->threads,
                  "One job for each of 1,2; a thread for each physical core by default");
  bench.AddOption("--runs", &options->runs, "Counted runs of each job")
      .Range(1, 1000)
      .ShowDefault();
  bench.AddFlag("--json", &options->json, "Print JSON: every run, every operator");
  AddSettingsOptions(bench, options->model);
  bench.SetFooter(
      "Examples:\n"
      "  glimmer bench models/reference --prompt 256 --decode 32\n"
      "  glimmer bench out --depth 0,2k,128k --prompt 0\n"
      "  glimmer bench out --streams 1,4,16 --threads 1,2 --json\n"
      "What is measured and how to read it: docs/benchmarks.md.");
  bench.SetBody([options] { return RunBench(*options); });
}

}  // namespace glimmer::apps
