#include "check/engine_modules.h"

#include <unordered_map>

namespace glimmer::check {
namespace {

using model::ModuleKind;

// Below the layer's prefix; empty for what never follows the list.
std::string NameOf(const model::TensorSpec& spec, const ModuleSpelling& spelling) {
  switch (spec.kind) {
    case ModuleKind::kQAProj:
    case ModuleKind::kKvAProj:
      return std::string("self_attn.") + spelling.latent;
    case ModuleKind::kIndexerWk:
      return spelling.indexer_wk ? "self_attn.indexer.wk" : "";
    case ModuleKind::kIndexerWeightsProj:
    case ModuleKind::kEhProj:
      return "";
    case ModuleKind::kDenseGate:
    case ModuleKind::kDenseUp:
      return "mlp.gate_up_proj";
    case ModuleKind::kExpertGate:
    case ModuleKind::kExpertUp:
    case ModuleKind::kExpertDown:
      return "mlp.experts";
    case ModuleKind::kSharedGate:
    case ModuleKind::kSharedUp:
      return spelling.shared_in_experts ? "mlp.experts" : "mlp.shared_experts.gate_up_proj";
    case ModuleKind::kSharedDown:
      return spelling.shared_in_experts ? "mlp.experts" : "mlp.shared_experts.down_proj";
    default:
      return std::string(model::ModuleName(spec.name))
          .substr(model::LayerPrefix(spec.layer).size());
  }
}

}  // namespace

std::vector<EngineModule> ListModules(const Opened& opened, const ModuleSpelling& spelling) {
  std::vector<EngineModule> modules;
  std::unordered_map<std::string, size_t> place_of;
  const auto add = [&](const std::string& name, size_t spec, bool mtp) {
    const auto [place, is_new] = place_of.try_emplace(name, modules.size());
    if (is_new) modules.push_back({name, {}, name.ends_with(".experts"), mtp});
    modules[place->second].specs.push_back(spec);
  };
  const auto& specs = opened.model.specs;
  size_t head = 0;
  for (size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].kind == ModuleKind::kLmHead) head = i;
  }
  for (size_t i = 0; i < specs.size(); ++i) {
    const model::TensorSpec& spec = specs[i];
    if (!model::IsLinear(spec.kind) || (spec.mtp && !spelling.mtp)) continue;
    if (spec.layer == model::kNoLayer) {
      add(std::string(model::ModuleName(spec.name)), i, false);
      continue;
    }
    const std::string prefix = model::LayerPrefix(spec.layer);
    if (const std::string name = NameOf(spec, spelling); !name.empty()) {
      add(prefix + name, i, spec.mtp);
    }
    if (spec.kind == ModuleKind::kEhProj && spelling.mtp_head) add(prefix + "head", head, true);
  }
  return modules;
}

}  // namespace glimmer::check
