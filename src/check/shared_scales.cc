#include "check/shared_scales.h"

#include <fmt/format.h>

#include <cstring>
#include <unordered_map>

namespace glimmer::check {
namespace {

using model::Part;

std::optional<float> ScaleOf(const StoredTensor& tensor, Part part) {
  return part == Part::kWeightScale2 ? tensor.weight_scale_2 : tensor.input_scale;
}

bool SameBits(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0; }

void FindIn(const Opened& opened, const Scan& scan, Part part, std::vector<UnequalScale>& found) {
  std::unordered_map<uint32_t, size_t> first_of_group;
  const auto& specs = opened.model.specs;
  for (size_t i = 0; i < specs.size(); ++i) {
    const std::optional<float> scale = ScaleOf(scan.tensors[i], part);
    if (!scale) continue;
    const auto [first, is_new] = first_of_group.try_emplace(specs[i].input_group, i);
    const float expected = *ScaleOf(scan.tensors[first->second], part);
    if (is_new || SameBits(*scale, expected)) continue;
    found.push_back({first->second, i, part,
                     fmt::format("tensor \"{}\" is {:a}, but {} reads the same input and has {:a}",
                                 model::PartName(specs[i].name, part), *scale,
                                 model::ModuleName(specs[first->second].name), expected)});
  }
}

}  // namespace

std::vector<UnequalScale> FindUnequalScales(const Opened& opened, const Scan& scan) {
  std::vector<UnequalScale> found;
  FindIn(opened, scan, Part::kWeightScale2, found);
  FindIn(opened, scan, Part::kInputScale, found);
  return found;
}

}  // namespace glimmer::check
