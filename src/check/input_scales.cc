#include "check/input_scales.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace glimmer::check {

std::vector<ScaleOutlier> FindScaleOutliers(const Opened& opened, const Scan& scan) {
  std::map<std::pair<uint32_t, model::ModuleKind>, std::vector<float>> scales;
  for (size_t i = 0; i < scan.tensors.size(); ++i) {
    const model::TensorSpec& spec = opened.model.specs[i];
    if (spec.expert == model::kNoExpert || !scan.tensors[i].input_scale) continue;
    scales[{spec.layer, spec.kind}].push_back(*scan.tensors[i].input_scale);
  }
  std::vector<ScaleOutlier> outliers;
  for (auto& [key, values] : scales) {
    std::sort(values.begin(), values.end());
    const float median = values[values.size() / 2], largest = values.back();
    if (!(median > 0) || largest < kScaleOutlierRatio * median) continue;
    const std::string module = model::LayerPrefix(key.first) + "mlp.experts";
    outliers.push_back(
        {module,
         fmt::format("{}: the largest input_scale of {} is {:g}, {:.0f} times the median", module,
                     model::ModuleKindName(key.second), largest, largest / median)});
  }
  return outliers;
}

}  // namespace glimmer::check
