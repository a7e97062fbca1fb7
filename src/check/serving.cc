#include "check/serving.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/text.h"
#include "check/engine_modules.h"

namespace glimmer::check {
namespace {

using base::Result;
using base::Status;
using model::ModuleKind;
using model::TensorSpec;
using quant::LinearFormat;

class Server {
 public:
  Server(const Opened& opened, const Scan& scan, const quant::Recipe& recipe,
         std::span<const Engine> engines)
      : opened_(opened), scan_(scan), recipe_(recipe), engines_(engines) {}

  Result<ServingPlan> Run() {
    GLIMMER_TRY(CheckSound());
    AddSpecs();
    GLIMMER_TRY(Unblock());
    KeepLatentsAlike();
    KeepJoinedAlike();
    KeepMlpsAlike();
    for (size_t i = 0; i < scan_.tensors.size(); ++i) {
      plan_.dequantized += scan_.tensors[i].packed && plan_.formats[i] == LinearFormat::kBf16;
    }
    return std::move(plan_);
  }

 private:
  const TensorSpec& spec(size_t i) const { return plan_.specs[i]; }
  bool Asks(Engine engine) const {
    return std::find(engines_.begin(), engines_.end(), engine) != engines_.end();
  }
  bool Packed(size_t i) const { return plan_.formats[i] == LinearFormat::kNvfp4; }

  // Scales beside a tensor that is never quantized are what dequantizing repairs; the rest is not.
  Status CheckSound() const {
    for (const TensorProblem& problem : scan_.problems) {
      if (problem.problem != Problem::kPackedInPlain) return base::Corrupt(problem.sentence);
    }
    for (const UnequalScale& unequal : FindUnequalScales(opened_, scan_)) {
      return base::Corrupt(unequal.sentence);
    }
    if (!scan_.missing_layers.empty()) {
      return base::Corrupt(fmt::format(
          "{}: the MTP layer {}* that {} announces is missing", base::Quoted(opened_.folder),
          model::LayerPrefix(scan_.missing_layers[0]), model::kConfigName));
    }
    return {};
  }

  void AddSpecs() {
    plan_.specs = opened_.model.specs;
    std::unordered_set<std::string> known;
    for (size_t i = 0; i < plan_.specs.size(); ++i) {
      TensorSpec& one = plan_.specs[i];
      for (size_t part = 0; part < model::kParts; ++part) {
        known.insert(model::PartName(one.name, static_cast<model::Part>(part)));
      }
      const StoredTensor& stored = scan_.tensors[i];
      if (!stored.packed) one.dtype = opened_.model.weights.Find(one.name).info->dtype;
      const bool stays = stored.packed && model::IsLinear(one.kind) && !one.mtp;
      plan_.formats.push_back(stays ? LinearFormat::kNvfp4 : LinearFormat::kBf16);
    }
    for (const io::Shard& shard : opened_.model.weights.shards()) {
      for (const io::TensorInfo& info : shard.tensors) {
        if (!known.contains(info.name)) AddExtra(info);
      }
    }
    plan_.reasons.resize(plan_.specs.size());
    for (size_t i = 0; i < scan_.tensors.size(); ++i) {
      if (scan_.tensors[i].packed && !Packed(i)) {
        plan_.reasons[i] = spec(i).mtp ? "S41" : "V21, S28";
      }
    }
  }

  void AddExtra(const io::TensorInfo& info) {
    TensorSpec extra;
    extra.name = info.name;
    extra.kind = ModuleKind::kNorm;  // copied
    extra.input_group = UINT32_MAX;
    extra.dtype = info.dtype;
    extra.shape = info.shape;
    extra.mtp = model::IsOptionalMtpTensor(opened_.model.config, info.name);
    plan_.specs.push_back(std::move(extra));
    plan_.formats.push_back(LinearFormat::kBf16);
  }

  // The rules of the asked engines that refuse this kind of linear when it is packed.
  std::string Blockers(ModuleKind kind) const {
    std::string rules;
    const auto add = [&](Engine engine, bool blocks, const char* rule) {
      if (Asks(engine) && blocks) rules += (rules.empty() ? "" : ", ") + std::string(rule);
    };
    const bool wk = kind == ModuleKind::kIndexerWk;
    const bool weights_proj = kind == ModuleKind::kIndexerWeightsProj;
    const bool kv_b = kind == ModuleKind::kKvBProj;
    add(Engine::kVllm, wk || weights_proj, "V20");
    add(Engine::kVllm, kv_b && scan_.any_input_scale, "V24");
    add(Engine::kSglang, weights_proj || (wk && opened_.model.config.indexer_rope_interleave),
        "S20");
    add(Engine::kSglang, kv_b, "S21");
    add(Engine::kTensorrtLlm, weights_proj, "T06");
    add(Engine::kTensorrtLlm, kv_b, "T07");
    return rules;
  }

  Status Unblock() {
    for (size_t i = 0; i < plan_.specs.size(); ++i) {
      if (!Packed(i)) continue;
      const std::string rules = Blockers(spec(i).kind);
      if (rules.empty()) continue;
      const std::string_view module = model::ModuleName(spec(i).name);
      const quant::RecipeRule* rule = recipe_.Decide(module);
      if (rule != nullptr && rule->format == LinearFormat::kNvfp4) {
        return base::Unsupported(
            fmt::format("recipe {}: wants {} in NVFP4, which the asked engines do not serve ({}); "
                        "nvfp4-serve keeps it BF16",
                        recipe_.name, module, rules));
      }
      Dequantize(i, rules);
    }
    return {};
  }

  void Dequantize(size_t i, const std::string& reason) {
    plan_.formats[i] = LinearFormat::kBf16;
    plan_.reasons[i] = reason;
  }

  // S13: an exact name of kv_a_proj_with_mqa means every layer.
  void KeepLatentsAlike() {
    const auto is_latent = [&](size_t i) {
      return !spec(i).mtp &&
             (spec(i).kind == ModuleKind::kQAProj || spec(i).kind == ModuleKind::kKvAProj);
    };
    bool any_plain = false;
    for (size_t i = 0; i < plan_.specs.size(); ++i) {
      any_plain = any_plain || (is_latent(i) && !Packed(i));
    }
    if (!any_plain || !Asks(Engine::kSglang)) return;
    for (size_t i = 0; i < plan_.specs.size(); ++i) {
      if (is_latent(i) && Packed(i)) Dequantize(i, "S13");
    }
  }

  // V17 and its like: engines join linears, which are then packed as a whole or not at all.
  void KeepJoinedAlike() {
    const ModuleSpelling spelling = {.latent = "fused_qkv_a_proj", .mtp = false};
    for (const EngineModule& module : ListModules(opened_, spelling)) {
      const bool all = std::all_of(module.specs.begin(), module.specs.end(),
                                   [&](size_t i) { return Packed(i); });
      if (all) continue;
      for (const size_t i : module.specs) {
        if (Packed(i)) Dequantize(i, "V17, S17, T03");
      }
    }
  }

  // T03: a list of shards does not reach gate_up_proj, the pattern of the whole MLP does; that
  // takes down_proj with it.
  void KeepMlpsAlike() {
    if (!Asks(Engine::kTensorrtLlm)) return;
    std::set<uint32_t> plain_dense, plain_shared;
    for (size_t i = 0; i < scan_.tensors.size(); ++i) {
      if (Packed(i)) continue;
      if (spec(i).kind == ModuleKind::kDenseGate) plain_dense.insert(spec(i).layer);
      if (spec(i).kind == ModuleKind::kSharedGate) plain_shared.insert(spec(i).layer);
    }
    for (size_t i = 0; i < scan_.tensors.size(); ++i) {
      const bool dense = spec(i).kind == ModuleKind::kDenseDown;
      const bool shared = spec(i).kind == ModuleKind::kSharedDown;
      if (!Packed(i) || !(dense || shared)) continue;
      if ((dense ? plain_dense : plain_shared).contains(spec(i).layer)) Dequantize(i, "T03");
    }
  }

  const Opened& opened_;
  const Scan& scan_;
  const quant::Recipe& recipe_;
  std::span<const Engine> engines_;
  ServingPlan plan_;
};

}  // namespace

Result<ServingPlan> PlanServing(const Opened& opened, const Scan& scan, const quant::Recipe& recipe,
                                std::span<const Engine> engines) {
  return Server(opened, scan, recipe, engines).Run();
}

}  // namespace glimmer::check
