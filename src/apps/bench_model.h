// Jobs of a whole model, timed: a prompt, or tokens one after the other, behind a context of some
// depth that nobody computed.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "apps/measure.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/sampler.h"
#include "model/forward.h"
#include "model/operator_clock.h"

namespace glimmer::apps {

struct BenchJob {
  enum class Kind : uint8_t { kPrompt, kDecode };
  Kind kind;
  size_t tokens;   // of the prompt; or steps, each a token for every stream
  size_t depth;    // positions that each sequence already has
  size_t streams;  // sequences decoded together; 1 for prompts
  size_t threads;

  // Passes through the model that one result counts: a step of decoding, or the whole prompt.
  size_t steps() const { return kind == Kind::kDecode ? tokens : 1; }
  // That a run computes in all.
  size_t total_tokens() const { return tokens * streams; }
};

struct BenchRun {
  double seconds = 0;
  model::OperatorClock clock;
};

struct BenchResult {
  BenchJob job;
  std::vector<BenchRun> runs;

  const BenchRun& median() const;  // by seconds; the slower of two in the middle
  // Of one stream: the median run's, between the slowest and the fastest.
  Spread tokens_per_s() const;
};

// Memory that `streams` caches of `positions` positions take.
uint64_t CacheBytes(const model::Model& model, size_t streams, size_t positions);

// How tokens are chosen while decoding, as GLM-5.1's generation_config.json has it.
constexpr engine::SamplingOptions kBenchSampling = {.temperature = 1, .top_p = 0.95};

class ModelBench {
 public:
  // For jobs of up to `streams` streams and `depth`, whose caches are filled here with random rows.
  // `model` must outlive the bench.
  ModelBench(const model::Model& model, base::ThreadPool& pool, size_t streams, size_t depth);

  // The same work each time: ids are random and depend on position and stream alone. The logits of
  // a prompt's last token are part of it, and so is choosing a token in every step of decoding.
  // Errors: those of Forward; kCancelled when Ctrl-C was pressed.
  // REQUIRES: the job fits what the constructor was told and the model's context.
  base::Result<BenchRun> Run(const BenchJob& job);

 private:
  base::Status RunPrompt(const BenchJob& job, base::ThreadPool& pool, model::OperatorClock& clock);
  base::Status RunDecode(const BenchJob& job, base::ThreadPool& pool, model::OperatorClock& clock);
  std::vector<int32_t> Ids(size_t count, size_t seed) const;

  const model::Model& model_;
  std::vector<std::unique_ptr<model::Sequence>> sequences_;
  engine::Sampler sampler_;
};

}  // namespace glimmer::apps
