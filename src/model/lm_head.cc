#include "model/lm_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "base/parallel.h"
#include "kernels/e4m3_pack.h"
#include "kernels/nvfp4_pack.h"
#include "tensor/nvfp4.h"

namespace glimmer::model {
namespace {

using base::Result;
using base::Status;
using kernels::Format;
using tensor::Bf16;
using tensor::PackError;

// Of one job: some megabytes.
constexpr size_t kRowsAtOnce = 256;

size_t PartsOf(const Weight& head) { return (head.rows + kRowsAtOnce - 1) / kRowsAtOnce; }

// Some rows of a matrix.
struct Rows {
  size_t part;  // the how manieth of the matrix
  size_t first, count;
};

Status ForEachPart(const Weight& head, size_t threads,
                   const std::function<Status(const Rows& rows)>& job) {
  return base::RunJobs(PartsOf(head), threads, [&](size_t part, size_t) {
    const size_t first = part * kRowsAtOnce;
    return job({part, first, std::min(kRowsAtOnce, head.rows - first)});
  });
}

std::span<const Bf16> Bf16Of(const Weight& head, const Rows& rows) {
  return {static_cast<const Bf16*>(head.data) + rows.first * head.cols, rows.count * head.cols};
}

Result<Bf16> FiniteAbsMax(std::span<const Bf16> weights) {
  const Bf16 amax = kernels::AbsMax(weights);
  if (amax < tensor::kBf16Infinity) return amax;
  return base::Corrupt(
      "tensor \"lm_head.weight\": has an element that is not finite, so that it cannot be packed");
}

// In the order of the matrix, whichever thread was first.
PackError SumOf(const std::vector<PackError>& errors) {
  PackError sum;
  for (const PackError& error : errors) sum += error;
  return sum;
}

Result<Bf16> FiniteAbsMax(const Weight& head, size_t threads) {
  std::vector<Bf16> largest(PartsOf(head));
  GLIMMER_TRY(ForEachPart(head, threads, [&](const Rows& rows) -> Status {
    GLIMMER_ASSIGN(largest[rows.part], FiniteAbsMax(Bf16Of(head, rows)));
    return {};
  }));
  return std::accumulate(largest.begin(), largest.end(), Bf16{0},
                         [](Bf16 a, Bf16 b) { return std::max(a, b); });
}

Result<PackError> PackAsNvfp4(size_t threads, Weights& weights) {
  const Weight& head = weights.lm_head;
  GLIMMER_ASSIGN(const Bf16 amax, FiniteAbsMax(head, threads));
  const float scale = tensor::Nvfp4TensorScale(tensor::Bf16ToF32(amax), tensor::ScaleRule::kCpu);
  const size_t elements = head.rows * head.cols;
  base::HugeBytes code_bytes = base::AllocateHugeBytes(elements / 2);
  base::HugeBytes scale_bytes = base::AllocateHugeBytes(elements / tensor::kNvfp4Block);
  auto* codes = reinterpret_cast<uint8_t*>(code_bytes.get());
  auto* scales = reinterpret_cast<uint8_t*>(scale_bytes.get());
  std::vector<PackError> errors(PartsOf(head));
  GLIMMER_TRY(ForEachPart(head, threads, [&](const Rows& rows) -> Status {
    const std::span<const Bf16> from = Bf16Of(head, rows);
    const size_t first = rows.first * head.cols;
    const std::span to(codes + first / 2, from.size() / 2);
    const std::span to_scales(scales + first / tensor::kNvfp4Block,
                              from.size() / tensor::kNvfp4Block);
    kernels::PackNvfp4(from, scale, to, to_scales);
    errors[rows.part] = kernels::ErrorOfNvfp4(from, scale, to, to_scales);
    return {};
  }));
  weights.lm_head.format = Format::kNvfp4;
  weights.lm_head.data = codes;
  weights.lm_head.block_scales = scales;
  weights.lm_head.tensor_scale = scale;
  weights.copies.push_back(std::move(code_bytes));
  weights.copies.push_back(std::move(scale_bytes));
  return SumOf(errors);
}

Result<PackError> PackAsE4m3(size_t threads, Weights& weights) {
  const Weight& head = weights.lm_head;
  base::HugeBytes code_bytes = base::AllocateHugeBytes(head.rows * head.cols);
  base::HugeBytes scale_bytes = base::AllocateHugeBytes(head.rows * sizeof(float));
  auto* codes = reinterpret_cast<tensor::E4m3*>(code_bytes.get());
  auto* scales = reinterpret_cast<float*>(scale_bytes.get());
  std::vector<PackError> errors(PartsOf(head));
  GLIMMER_TRY(ForEachPart(head, threads, [&](const Rows& rows) -> Status {
    for (size_t row = rows.first; row < rows.first + rows.count; ++row) {
      const std::span<const Bf16> from = Bf16Of(head, {rows.part, row, 1});
      GLIMMER_ASSIGN(const Bf16 amax, FiniteAbsMax(from));
      scales[row] = kernels::E4m3RowScale(amax);
      errors[rows.part] +=
          kernels::PackE4m3(from, scales[row], std::span(codes + row * head.cols, head.cols));
    }
    return {};
  }));
  weights.lm_head.format = Format::kE4m3;
  weights.lm_head.data = codes;
  weights.lm_head.row_scales = scales;
  weights.copies.push_back(std::move(code_bytes));
  weights.copies.push_back(std::move(scale_bytes));
  return SumOf(errors);
}

Status CheckCanPack(LmHead as, const Weight& head) {
  if (head.format == Format::kNvfp4) {
    return base::Invalid("lm_head is NVFP4 already, smaller than FP8: leave it as stored");
  }
  if (head.format == Format::kF32) {
    return base::Unsupported("lm_head is F32: only BF16 is packed; leave it as stored");
  }
  if (as == LmHead::kNvfp4 && head.cols % tensor::kNvfp4Block != 0) {
    return base::Unsupported(
        fmt::format("lm_head has rows of {} numbers: NVFP4 needs whole blocks of {}", head.cols,
                    tensor::kNvfp4Block));
  }
  return {};
}

}  // namespace

Result<std::optional<PackError>> PackLmHead(LmHead as, size_t threads, Weights& weights) {
  const Weight& head = weights.lm_head;
  const bool already = as == LmHead::kNvfp4 && head.format == Format::kNvfp4;
  if (as == LmHead::kAsStored || already) return std::optional<PackError>();
  GLIMMER_TRY(CheckCanPack(as, head));
  GLIMMER_CHECK(head.format == Format::kBf16 && head.stride == head.cols);
  GLIMMER_ASSIGN(const PackError error, as == LmHead::kNvfp4 ? PackAsNvfp4(threads, weights)
                                                             : PackAsE4m3(threads, weights));
  return std::optional(error);
}

}  // namespace glimmer::model
