#include "calib/input_amax.h"

#include <algorithm>
#include <map>

#include "tensor/bf16.h"

namespace glimmer::calib {

using model::ModuleKind;
using model::TensorSpec;

InputAmaxes DecideInputAmaxes(const std::vector<TensorSpec>& specs, const InputStats& stats,
                              model::ExpertInputScale sharing, AmaxRounding rounding) {
  std::map<std::pair<uint32_t, ModuleKind>, float> layer_amax;  // over a layer's routed experts
  for (const TensorSpec& spec : specs) {
    if (spec.expert == model::kNoExpert || spec.mtp) continue;
    float& amax = layer_amax[{spec.layer, spec.kind}];
    amax = std::max(amax, stats[spec.input_group].amax);
  }
  InputAmaxes amaxes;
  amaxes.by_spec.assign(specs.size(), 0);
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorSpec& spec = specs[i];
    if (!model::IsLinear(spec.kind) || spec.mtp) continue;
    const GroupStats& group = stats[spec.input_group];
    float amax = group.amax;
    if (spec.expert != model::kNoExpert) {
      const bool unseen = group.tokens == 0;
      if (unseen && spec.kind == ModuleKind::kExpertGate) {
        const std::string_view module = model::ModuleName(spec.name);
        amaxes.unseen_experts.emplace_back(model::ModuleName(module));
      }
      if (unseen || sharing == model::ExpertInputScale::kLayer) {
        amax = layer_amax[{spec.layer, spec.kind}];
      }
    }
    amaxes.by_spec[i] =
        rounding == AmaxRounding::kBf16 ? tensor::Bf16ToF32(tensor::F32ToBf16(amax)) : amax;
  }
  return amaxes;
}

}  // namespace glimmer::calib
