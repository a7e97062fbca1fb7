#include "apps/bench_model.h"

#include <algorithm>
#include <random>

#include "apps/command.h"
#include "engine/session.h"

namespace glimmer::apps {
namespace {

using base::Status;
using model::Operator;
using model::OperatorTimer;
using model::Sequence;
using tensor::OwnedMatrix;

// Values that rows of the caches are cut from: latents and keys are normed, so of about unit size.
class RandomRows {
 public:
  explicit RandomRows(size_t cols) : cols_(cols), values_(kStarts + cols) {
    std::mt19937 random(11);
    std::normal_distribution<float> normal;
    for (float& value : values_) value = normal(random);
  }
  std::span<const float> Row(size_t index) const {
    // Fibonacci hashing: rows of neighbouring positions begin at unrelated places.
    const uint64_t hash = (index + 1) * uint64_t{0x9E3779B97F4A7C15};
    return std::span(values_).subspan(hash >> (64 - kStartBits), cols_);
  }

 private:
  static constexpr size_t kStartBits = 16, kStarts = size_t{1} << kStartBits;
  size_t cols_;
  std::vector<float> values_;
};

void FillStore(base::ThreadPool& pool, model::RowStore& store, size_t positions, size_t seed) {
  if (store.cols() == 0) return;
  constexpr size_t kGrain = 256;
  const RandomRows rows(store.cols());
  base::RunRanges(pool, positions, kGrain, [&](size_t first, size_t last, size_t) {
    for (size_t u = first; u < last; ++u) store.Store(u, rows.Row(seed + u));
  });
}

void FillCaches(const model::Model& model, base::ThreadPool& pool, size_t positions, size_t stream,
                Sequence& sequence) {
  const size_t layers = model.weights.layers.size();
  for (size_t layer = 0; layer < layers; ++layer) {
    model::LayerCache& cache = sequence.layer(layer);
    cache.Grow(positions);
    const size_t seed = (stream * layers + layer) * positions;
    FillStore(pool, cache.latents, positions, seed);
    FillStore(pool, cache.keys, positions, seed);
  }
}

Status CheckGoesOn() {
  if (Interrupted().IsSet()) return base::Cancelled("interrupted while measuring");
  return {};
}

}  // namespace

const BenchRun& BenchResult::median() const {
  std::vector<const BenchRun*> sorted;
  for (const BenchRun& run : runs) sorted.push_back(&run);
  std::sort(sorted.begin(), sorted.end(),
            [](const BenchRun* a, const BenchRun* b) { return a->seconds < b->seconds; });
  return *sorted[sorted.size() / 2];
}

Spread BenchResult::tokens_per_s() const {
  std::vector<double> seconds;
  for (const BenchRun& run : runs) seconds.push_back(run.seconds);
  const Spread spread = SpreadOf(std::move(seconds));
  const auto tokens = static_cast<double>(job.tokens);
  return {tokens / spread.high, tokens / spread.median, tokens / spread.low};
}

uint64_t CacheBytes(const model::Model& model, size_t streams, size_t positions) {
  Sequence sequence(model);
  uint64_t bytes_of_position = 0;
  for (size_t layer = 0; layer < model.weights.layers.size(); ++layer) {
    const model::LayerCache& cache = sequence.layer(layer);
    bytes_of_position += cache.latents.row_bytes() + cache.keys.row_bytes();
  }
  return bytes_of_position * streams * positions;
}

ModelBench::ModelBench(const model::Model& model, base::ThreadPool& pool, size_t streams,
                       size_t depth)
    : model_(model), sampler_(kBenchSampling, model.config.vocab_size) {
  for (size_t stream = 0; stream < streams; ++stream) {
    sequences_.push_back(std::make_unique<Sequence>(model));
    FillCaches(model, pool, depth, stream, *sequences_.back());
  }
}

std::vector<int32_t> ModelBench::Ids(size_t count, size_t seed) const {
  std::mt19937_64 random(seed);
  std::vector<int32_t> ids(count);
  for (int32_t& id : ids) id = static_cast<int32_t>(random() % model_.config.vocab_size);
  return ids;
}

base::Result<BenchRun> ModelBench::Run(const BenchJob& job) {
  base::ThreadPool pool(job.threads);
  for (const auto& sequence : sequences_) sequence->length = job.depth;
  BenchRun run;
  Status status;
  run.seconds = SecondsOf([&] {
    run.clock.Start();
    status = job.kind == BenchJob::Kind::kPrompt ? RunPrompt(job, pool, run.clock)
                                                 : RunDecode(job, pool, run.clock);
    run.clock.Stop();
  });
  GLIMMER_TRY(status);
  return run;
}

Status ModelBench::RunPrompt(const BenchJob& job, base::ThreadPool& pool,
                             model::OperatorClock& clock) {
  const std::vector<int32_t> ids = Ids(job.tokens, 0);
  std::span<const int32_t> rest = ids;
  while (!rest.empty()) {
    GLIMMER_TRY(CheckGoesOn());
    const size_t count = std::min(rest.size(), engine::kPromptChunk);
    const model::Continuation next = {sequences_[0].get(), rest.first(count)};
    GLIMMER_ASSIGN(const OwnedMatrix hidden,
                   model::Forward(model_, pool, {&next, 1}, nullptr, &clock));
    rest = rest.subspan(count);
    if (rest.empty()) model::Logits(model_, pool, hidden.view().Rows(count - 1, 1), &clock);
  }
  return {};
}

Status ModelBench::RunDecode(const BenchJob& job, base::ThreadPool& pool,
                             model::OperatorClock& clock) {
  for (size_t step = 0; step < job.tokens; ++step) {
    GLIMMER_TRY(CheckGoesOn());
    const std::vector<int32_t> ids = Ids(job.streams, step + 1);
    std::vector<model::Continuation> next;
    for (size_t s = 0; s < job.streams; ++s) {
      next.push_back({sequences_[s].get(), std::span(ids).subspan(s, 1)});
    }
    GLIMMER_ASSIGN(const OwnedMatrix hidden, model::Forward(model_, pool, next, nullptr, &clock));
    const OwnedMatrix logits = model::Logits(model_, pool, hidden, &clock);
    const OperatorTimer timer(&clock, Operator::kSampling);
    for (size_t s = 0; s < job.streams; ++s) {
      GLIMMER_TRY(sampler_.Next(logits.view().row_span(s), {}));
    }
  }
  return {};
}

}  // namespace glimmer::apps
