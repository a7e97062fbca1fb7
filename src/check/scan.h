// The stored tensors held against the inventory of the config, from headers and F32 scalars alone:
// what each tensor is, and every way in which one is not what it should be. Integrity and the
// engines' rules both judge from this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "check/opened.h"

namespace glimmer::check {

constexpr size_t kNoSpec = SIZE_MAX;

enum class Problem {
  kMissing,        // a weight or another whole tensor
  kMissingScale,   // a part of a packed linear
  kDType,          // another element type than the format's
  kShape,          // another shape than the config says
  kUnknown,        // no part of the model that the config describes
  kPackedInPlain,  // scales beside a tensor that is no linear
  kBadScale,       // a scale that is not finite and positive
  kUnreadable,
};

struct TensorProblem {
  Problem problem;
  size_t spec = kNoSpec;  // index into the inventory
  model::Part part = model::Part::kCopy;
  std::string tensor;
  std::string sentence;  // file, tensor, expected, found
};

// One entry of the inventory as stored.
struct StoredTensor {
  bool present = false;  // its weight
  bool packed = false;   // it or its scales are NVFP4's
  std::optional<float> weight_scale_2;
  std::optional<float> input_scale;
};

struct Scan {
  std::vector<StoredTensor> tensors;  // by inventory
  std::vector<TensorProblem> problems;
  std::vector<size_t> missing_layers;     // MTP layers of which no tensor is there
  std::vector<std::string> cache_scales;  // k_scale and v_scale tensors
  uint64_t tensor_count = 0;              // of the inventory's
  uint64_t bytes = 0;
  uint64_t linears_packed = 0;
  bool any_input_scale = false;

  bool any_packed() const { return linears_packed > 0; }
};

// REQUIRES: opened.has_weights().
Scan ScanTensors(const Opened& opened);

}  // namespace glimmer::check
