// Shapes and the sizes that follow from them, with overflow as an ordinary outcome.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace glimmer::tensor {

using Shape = std::vector<uint64_t>;  // outermost dimension first; {} is a scalar

// Product of the dimensions; 1 for a scalar; nothing when it does not fit.
std::optional<uint64_t> ElementCount(const Shape& shape);
// Bytes of a dense tensor; nothing when the product overflows or is not whole bytes.
std::optional<uint64_t> SizeBytes(DType dtype, const Shape& shape);
// "[2048, 6144]"; "[]" for a scalar.
std::string ToString(const Shape& shape);

}  // namespace glimmer::tensor
