// Linears that read the same input must have the same scales to the bit: engines join them into
// one linear (or one expert) and keep one of the values.
#pragma once

#include <string>
#include <vector>

#include "check/scan.h"

namespace glimmer::check {

struct UnequalScale {
  size_t first = 0, second = 0;  // indices into the inventory
  model::Part part = model::Part::kWeightScale2;
  std::string sentence;
};

// Every member of a group that differs from the group's first one.
std::vector<UnequalScale> FindUnequalScales(const Opened& opened, const Scan& scan);

}  // namespace glimmer::check
