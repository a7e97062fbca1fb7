#include "check/input_scales.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"

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

std::vector<TinyScale> FindTinyScales(const Opened& opened, const Scan& scan) {
  std::vector<TinyScale> tiny;
  for (size_t i = 0; i < scan.tensors.size(); ++i) {
    const std::optional<float> scale = scan.tensors[i].input_scale;
    if (!scale || !(*scale > 0 && *scale < kTinyInputScale)) continue;
    const std::string name = model::PartName(opened.model.specs[i].name, model::Part::kInputScale);
    tiny.push_back({name, fmt::format("tensor {} is {:g}, which stands for inputs of at most {:g}",
                                      base::Quoted(name), *scale, *scale * 2688)});
  }
  return tiny;
}

}  // namespace glimmer::check
