#include "calib/memory.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "calib/input_stats.h"
#include "calib/weight_unit.h"

namespace glimmer::calib {
namespace {

using base::Result;
using model::Config;

constexpr uint64_t kFloat = sizeof(float);
constexpr uint64_t kSpecBytes = 400;          // a tensor in specs, plans and source, names included
constexpr uint64_t kTokenBytes = 4 + 4 + 1;   // its id, its place, whether it was routed
constexpr uint64_t kVisitBytes = 2 * 8;       // a route; vectors grow to twice their size
constexpr uint64_t kThreadBytes = 9'000'000;  // stack, buffers of kernels
constexpr uint64_t kProgramBytes = 32'000'000;  // beside what packing counts of it
constexpr double kAllocatorSlack = 1.1;

// Floats of one token while attention runs: x, its norm, rounded and packed inputs, the products.
uint64_t AttentionFloats(const Config& c) {
  const uint64_t heads = c.num_attention_heads;
  const uint64_t query = heads * (c.qk_nope_head_dim + c.qk_rope_head_dim);
  const uint64_t key_value = heads * (c.qk_nope_head_dim + c.v_head_dim);
  const uint64_t latent = c.kv_lora_rank + c.qk_rope_head_dim;
  const uint64_t indexer = c.index_n_heads * c.index_head_dim + 2 * c.index_head_dim;
  return 7 * c.hidden_size + 4 * c.q_lora_rank + 2 * query + 3 * latent + 2 * key_value +
         4 * heads * c.v_head_dim + 2 * indexer;
}

// The same for an MLP of this inner width.
uint64_t MlpFloats(const Config& c, uint64_t width) { return 7 * c.hidden_size + 5 * width; }

// What layers that share an indexer keep of one token: the positions that it chose.
uint64_t SelectionBytes(const Config& c, const CalibrationShape& shape) {
  return shape.longest <= c.index_topk ? 0 : sizeof(std::vector<uint32_t>) + 4 * c.index_topk + 16;
}

}  // namespace

uint64_t RoundUpAsShown(uint64_t bytes) {
  uint64_t shown = bytes;
  for (uint64_t step = bytes / 1000 + 1;; shown += step) {
    const auto parsed = base::ParseBytes(base::HumanBytes(shown));
    if (!parsed.ok() || parsed.value() >= bytes) return shown;
  }
}

CalibrationMemory MemoryOf(const Config& config, const std::vector<model::TensorSpec>& specs,
                           const CalibrationShape& shape, size_t threads) {
  uint64_t layer = 0, expert = 0;  // the largest units
  for (const UnitPlan& unit : ListUnits(specs)) {
    uint64_t& largest = unit.expert == model::kNoExpert ? layer : expert;
    largest = std::max(largest, SizeBytes(specs, unit));
  }
  uint64_t groups = 0;
  for (const model::TensorSpec& spec : specs) {
    groups = std::max<uint64_t>(groups, spec.input_group + 1);
  }
  const uint64_t routes = shape.tokens * config.num_experts_per_tok;
  const uint64_t stats = (groups + threads + 1) * sizeof(GroupStats);
  // One unit is at work and one is being read; a layer's own stays until its experts are done.
  const uint64_t fixed =
      kProgramBytes + threads * kThreadBytes + 2 * layer + 2 * expert + specs.size() * kSpecBytes +
      2 * stats + shape.tokens * kTokenBytes + routes * kVisitBytes +
      (config.shares_indexers() ? shape.tokens * SelectionBytes(config, shape) : 0);
  const uint64_t floats =
      std::max({AttentionFloats(config), MlpFloats(config, config.intermediate_size),
                MlpFloats(config, config.moe_intermediate_size)});
  const auto slack = [](uint64_t bytes) {
    return static_cast<uint64_t>(kAllocatorSlack * static_cast<double>(bytes));
  };
  return {slack(fixed), slack(floats * kFloat + 2 * SelectionBytes(config, shape))};
}

Result<size_t> BatchTokensFor(const CalibrationMemory& memory, const CalibrationShape& shape,
                              uint64_t memory_bytes, uint64_t other_bytes) {
  const uint64_t least = memory.Bytes(shape.longest) + other_bytes;
  if (memory_bytes < least) {
    return base::Exhausted(fmt::format(
        "--memory: expected at least {} for this model and a sequence of {} tokens, "
        "found {}",
        base::HumanBytes(RoundUpAsShown(least)), shape.longest, base::HumanBytes(memory_bytes)));
  }
  const uint64_t batch = (memory_bytes - other_bytes - memory.fixed) / memory.per_token;
  return std::clamp<uint64_t>(batch, shape.longest,
                              std::max<uint64_t>(shape.longest, kMostBatchTokens));
}

}  // namespace glimmer::calib
