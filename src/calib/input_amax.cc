#include "calib/input_amax.h"

#include <algorithm>
#include <map>

#include "tensor/bf16.h"

namespace glimmer::calib {

using model::ModuleKind;
using model::TensorSpec;

namespace {

// Largest magnitudes beyond a linear's own, for those that have none.
class WiderAmaxes {
 public:
  WiderAmaxes(const std::vector<TensorSpec>& specs, const InputStats& stats) {
    for (const TensorSpec& spec : specs) {
      if (!model::IsLinear(spec.kind) || spec.mtp) continue;
      const float amax = stats[spec.input_group].amax;
      // A group has one kind: its first linear's, whatever members it has in other layers.
      const ModuleKind kind = kind_of_.try_emplace(spec.input_group, spec.kind).first->second;
      Raise(model_[kind], amax);
      if (spec.expert != model::kNoExpert) Raise(layer_[{spec.layer, kind}], amax);
    }
  }

  // Over the routed experts of its layer. REQUIRES: it is one.
  float OfLayer(const TensorSpec& spec) const {
    return layer_.at({spec.layer, kind_of_.at(spec.input_group)});
  }
  // Above 0.
  float Fallback(const TensorSpec& spec) const {
    if (spec.expert != model::kNoExpert && OfLayer(spec) > 0) return OfLayer(spec);
    const float amax = model_.at(kind_of_.at(spec.input_group));
    return amax > 0 ? amax : kUnknownAmax;
  }

 private:
  static void Raise(float& largest, float amax) { largest = std::max(largest, amax); }

  std::map<std::pair<uint32_t, ModuleKind>, float> layer_;
  std::map<ModuleKind, float> model_;
  std::map<uint32_t, ModuleKind> kind_of_;  // by input group
};

}  // namespace

InputAmaxes DecideInputAmaxes(const std::vector<TensorSpec>& specs, const InputStats& stats,
                              model::ExpertInputScale sharing, AmaxRounding rounding) {
  const WiderAmaxes wider(specs, stats);
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
      if (sharing == model::ExpertInputScale::kLayer) amax = wider.OfLayer(spec);
    }
    if (group.tokens > 0 && group.amax == 0) {
      amaxes.zero_inputs.emplace_back(model::ModuleName(spec.name));
    }
    if (amax == 0) amax = wider.Fallback(spec);
    amaxes.by_spec[i] =
        rounding == AmaxRounding::kBf16 ? tensor::Bf16ToF32(tensor::F32ToBf16(amax)) : amax;
  }
  return amaxes;
}

}  // namespace glimmer::calib
