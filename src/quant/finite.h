// Weights that are no numbers are found wherever they are read: no engine can compute with them,
// and a copy would hide where they came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "quant/source.h"

namespace glimmer::quant {

// `bytes`: elements of the tensor from `first` on, as the source stores them. Tensors that are
// neither BF16 nor F32 pass. Errors: kCorrupt, naming file, tensor and the first element that is
// infinite or NaN.
base::Status CheckFinite(const WeightSource& source, size_t index, uint64_t first,
                         std::span<const std::byte> bytes);
// The same of elements in BF16, whatever the source stores.
base::Status CheckFiniteBf16(const WeightSource& source, size_t index, uint64_t first,
                             std::span<const tensor::Bf16> weights);

}  // namespace glimmer::quant
