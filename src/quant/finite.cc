#include "quant/finite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "kernels/nvfp4_pack.h"
#include "tensor/bf16.h"

namespace glimmer::quant {
namespace {

using base::Status;
using tensor::Bf16;

bool IsFinite(Bf16 w) { return (w & ~tensor::kBf16SignMask) < tensor::kBf16Infinity; }

// "[3, 7]" of element 1031 in a tensor [8, 1024]; "[7]" of a vector.
std::string PlaceOf(const tensor::Shape& shape, uint64_t element) {
  const uint64_t width = shape.empty() ? 1 : std::max<uint64_t>(shape.back(), 1);
  if (shape.size() < 2) return fmt::format("[{}]", element);
  return fmt::format("[{}, {}]", element / width, element % width);
}

Status NotFinite(const WeightSource& source, size_t index, uint64_t element, float value) {
  return base::Corrupt(fmt::format("{}: element {} is {}, expected finite weights",
                                   source.Describe(index),
                                   PlaceOf(source.spec(index).shape, element), value));
}

Status CheckFiniteF32(const WeightSource& source, size_t index, uint64_t first,
                      std::span<const std::byte> bytes) {
  for (size_t i = 0; i < bytes.size() / sizeof(float); ++i) {
    float value;
    std::memcpy(&value, bytes.data() + i * sizeof(float), sizeof(float));
    if (!std::isfinite(value)) return NotFinite(source, index, first + i, value);
  }
  return {};
}

}  // namespace

Status CheckFinite(const WeightSource& source, size_t index, uint64_t first,
                   std::span<const std::byte> bytes) {
  const tensor::DType dtype = source.spec(index).dtype;
  if (dtype == tensor::DType::kF32) return CheckFiniteF32(source, index, first, bytes);
  if (dtype != tensor::DType::kBF16) return {};
  GLIMMER_CHECK(reinterpret_cast<uintptr_t>(bytes.data()) % alignof(Bf16) == 0);
  return CheckFiniteBf16(
      source, index, first,
      {reinterpret_cast<const Bf16*>(bytes.data()), bytes.size() / sizeof(Bf16)});
}

Status CheckFiniteBf16(const WeightSource& source, size_t index, uint64_t first,
                       std::span<const Bf16> weights) {
  if (kernels::AbsMax(weights) < tensor::kBf16Infinity) return {};
  const auto bad = std::find_if_not(weights.begin(), weights.end(), IsFinite);
  return NotFinite(source, index, first + static_cast<uint64_t>(bad - weights.begin()),
                   tensor::Bf16ToF32(*bad));
}

}  // namespace glimmer::quant
