#include "calib/estimate.h"

#include <algorithm>
#include <chrono>

#include "kernels/matmul.h"
#include "tensor/bf16.h"
#include "tensor/matrix.h"

namespace glimmer::calib {
namespace {

using base::Result;
using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Scores and sums of one query over all its keys, on average.
double AttentionFlops(const model::Config& c, double longest) {
  const double head = static_cast<double>(c.qk_nope_head_dim + c.qk_rope_head_dim + c.v_head_dim);
  const double keys = std::min(longest / 2, static_cast<double>(c.index_topk));
  double flops = 2 * static_cast<double>(c.num_attention_heads) * head * keys;
  if (longest > static_cast<double>(c.index_topk)) {
    flops += 2 * static_cast<double>(c.index_n_heads * c.index_head_dim) * longest / 2;
  }
  return flops;
}

}  // namespace

double CalibrationFlops(const model::Config& config, const std::vector<model::TensorSpec>& specs,
                        const CalibrationShape& shape) {
  double weights = 0, expert_weights = 0;  // that a token meets in all layers
  for (const model::TensorSpec& spec : specs) {
    const bool product = model::IsLinear(spec.kind) || spec.kind == model::ModuleKind::kRouter;
    if (!product || spec.mtp || spec.layer == model::kNoLayer) continue;
    (spec.expert == model::kNoExpert ? weights : expert_weights) +=
        static_cast<double>(*tensor::ElementCount(spec.shape));
  }
  if (config.n_routed_experts > 0) {
    weights += expert_weights * static_cast<double>(config.num_experts_per_tok) /
               static_cast<double>(config.n_routed_experts);
  }
  const double attention = static_cast<double>(config.num_hidden_layers) *
                           AttentionFlops(config, static_cast<double>(shape.longest));
  return static_cast<double>(shape.tokens) * (2 * weights + attention);
}

double MeasureFlops(base::ThreadPool& pool) {
  constexpr size_t kRows = 256, kWidth = 2048;
  constexpr double kLeastSeconds = 0.3;
  const tensor::OwnedMatrix x(kRows, kWidth), y(kRows, kWidth);
  std::fill(x.elements().begin(), x.elements().end(), 0.5f);
  const std::vector<tensor::Bf16> elements(kWidth * kWidth, tensor::F32ToBf16(0.25f));
  kernels::Weight weight;
  weight.format = kernels::Format::kBf16;
  weight.rows = weight.cols = weight.stride = kWidth;
  weight.data = elements.data();
  kernels::MatMul(pool, x.view().Rows(0, 8), weight, y.view().Rows(0, 8));
  const Clock::time_point start = Clock::now();
  double flops = 0;
  while (SecondsSince(start) < kLeastSeconds) {
    kernels::MatMul(pool, x, weight, y);
    flops += 2.0 * kRows * kWidth * kWidth;
  }
  return flops / SecondsSince(start);
}

Result<double> MeasureReading(const io::Checkpoint& checkpoint) {
  constexpr uint64_t kSampleBytes = uint64_t{128} << 20;
  constexpr uint64_t kPieceBytes = uint64_t{4} << 20;
  const io::Shard* largest = nullptr;
  for (const io::Shard& shard : checkpoint.shards()) {
    if (largest == nullptr || shard.file_bytes > largest->file_bytes) largest = &shard;
  }
  if (largest == nullptr || largest->file_bytes < 2 * kSampleBytes) return 0.0;
  const uint64_t first = largest->file_bytes / 2;
  largest->file.Forget(first, kSampleBytes);
  std::vector<std::byte> buffer(kPieceBytes);
  const Clock::time_point start = Clock::now();
  GLIMMER_TRY(largest->file.ReadInPieces(
      first, kSampleBytes, buffer, [](std::span<const std::byte>) -> base::Status { return {}; }));
  return static_cast<double>(kSampleBytes) / SecondsSince(start);
}

}  // namespace glimmer::calib
