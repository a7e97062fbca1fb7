#include "calib/estimate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/file.h"
#include "kernels/matmul.h"
#include "kernels/nvfp4_pack.h"
#include "tensor/bf16.h"
#include "tensor/matrix.h"
#include "tensor/nvfp4.h"

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

double MeasurePacking(base::ThreadPool& pool) {
  constexpr size_t kWeights = size_t{1} << 20;
  constexpr double kLeastSeconds = 0.1;
  std::vector<tensor::Bf16> weights(kWeights);
  for (size_t i = 0; i < kWeights; ++i) weights[i] = static_cast<tensor::Bf16>(0x3C00 + i % 1021);
  struct Worker {
    std::vector<uint8_t> codes = std::vector<uint8_t>(kWeights / 2);
    std::vector<uint8_t> scales = std::vector<uint8_t>(kWeights / tensor::kNvfp4Block);
  };
  std::vector<Worker> workers(pool.threads());
  constexpr float kScale = 1.0f / 2688;
  const auto pack = [&](size_t, size_t thread) {
    Worker& w = workers[thread];
    kernels::AbsMax(weights);
    kernels::PackNvfp4(weights, kScale, w.codes, w.scales);
    kernels::ErrorOfNvfp4(weights, kScale, w.codes, w.scales);
  };
  pool.Run(workers.size(), pack);
  const Clock::time_point start = Clock::now();
  double bytes = 0;
  while (SecondsSince(start) < kLeastSeconds) {
    pool.Run(workers.size(), pack);
    bytes += static_cast<double>(workers.size() * kWeights * sizeof(tensor::Bf16));
  }
  return bytes / SecondsSince(start);
}

Result<DiskSpeed> MeasureDisk(const std::string& folder) {
  constexpr uint64_t kSampleBytes = uint64_t{64} << 20, kPieceBytes = uint64_t{8} << 20;
  constexpr double kMostSeconds = 1;
  const std::string path = base::JoinPath(folder, fmt::format(".glimmer-disk-{}.tmp", ::getpid()));
  GLIMMER_ASSIGN(const base::File file, base::File::Create(path));
  GLIMMER_TRY(base::RemoveFile(path));  // the space is freed however this ends
  std::vector<std::byte> piece(kPieceBytes);
  uint32_t state = 1;  // nothing that a disk could compress
  for (std::byte& byte : piece) byte = static_cast<std::byte>((state = state * 1664525 + 1) >> 24);
  uint64_t written = 0;
  Clock::time_point start = Clock::now();
  while (written < kSampleBytes && SecondsSince(start) < kMostSeconds) {
    GLIMMER_TRY(file.WriteAt(piece, written));
    GLIMMER_TRY(file.Sync());
    written += kPieceBytes;
  }
  DiskSpeed speed;
  speed.write_bytes_per_second = static_cast<double>(written) / SecondsSince(start);
  file.Forget(0, written);
  start = Clock::now();
  GLIMMER_TRY(file.ReadInPieces(0, written, piece,
                                [](std::span<const std::byte>) -> base::Status { return {}; }));
  speed.read_bytes_per_second = static_cast<double>(written) / SecondsSince(start);
  return speed;
}

SpillTraffic SpillTrafficOf(const model::Config& config, uint64_t tokens, RowElement element) {
  const uint64_t values = tokens * config.hidden_size;
  const uint64_t residual = values * sizeof(float);
  const uint64_t normed = RowFile::SizeBytes(tokens, config.hidden_size, element);
  const auto dense = static_cast<uint64_t>(std::count(
      config.mlp_layer_types.begin(), config.mlp_layer_types.end(), model::MlpKind::kDense));
  const uint64_t layers = config.num_hidden_layers, sparse = layers - dense;
  const uint64_t visits = config.num_experts_per_tok;
  // Every layer: attention reads the stream and writes its result, the end reads and writes again.
  // With experts: what they read, and for each visit of a token that and the sum so far, which the
  // first visit finds empty and the end reads once more.
  return {.written = residual * (1 + 2 * layers) + sparse * (normed + visits * residual),
          .read = residual * 2 * layers + sparse * visits * (normed + residual),
          .synced = residual * layers};
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
