// vLLM: when each rule of rules_vllm.h fires.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "check/fnmatch.h"
#include "check/input_scales.h"
#include "check/judge.h"

namespace glimmer::check {
namespace {

using base::Quoted;
using model::ModuleKind;
using model::Part;

constexpr auto kExperts = {ModuleKind::kExpertGate, ModuleKind::kExpertUp, ModuleKind::kExpertDown};
constexpr auto kIndexerJoined = {ModuleKind::kIndexerWk, ModuleKind::kIndexerWeightsProj};

class VllmJudge : public Judge {
 public:
  explicit VllmJudge(const EngineInput& input)
      : Judge(Engine::kVllm, input), form_(input.opened.announced.config_first()) {}

  EngineReport Run() {
    JudgeForm();
    JudgeConfig();
    if (form_.present) JudgeList();
    if (in_.opened.weights_error) Fire("V32", in_.opened.folder, in_.opened.weights_error->message);
    if (in_.scan != nullptr) {
      JudgeModules();
      JudgeTensors();
      JudgeScales();
      JudgeMtp();
      JudgeFiles();
    }
    return std::move(report_);
  }

 private:
  bool weights_only() const {
    return form_.weights_only() ||
           (form_.UpperAlgorithm() == "NVFP4" && form_.has_groups && form_.groups_without_inputs);
  }

  void JudgeForm() {
    const Announcements& announced = in_.opened.announced;
    FireDiffering("V01");
    const bool packed = AnyPackedSeen();
    if (!form_.present) {
      if (packed) Fire("V02", announced.config_name, "linears are NVFP4, and no file says so");
      return;
    }
    JudgeAlgorithm(packed);
    if (form_.group_size.value_or(16) != 16) {
      Fire("V05", "group_size", fmt::format("group_size is {}", *form_.group_size));
    }
    FireOddList("V06", form_);
    const bool odd_cache = !form_.kv_cache.empty() && form_.kv_cache != "FP8" &&
                           form_.kv_cache != "NVFP4" && form_.kv_cache != "none";
    if (odd_cache || form_.kv_cache_dynamic) {
      Fire("V40", "kv_cache_scheme",
           form_.kv_cache_dynamic ? "kv_cache_scheme is dynamic"
                                  : fmt::format("KV cache type {}", Quoted(form_.kv_cache)));
    }
  }

  void JudgeAlgorithm(bool packed) {
    static constexpr const char* kKnown[] = {"FP8",
                                             "FP8_PER_CHANNEL_PER_TOKEN",
                                             "FP8_PB_WO",
                                             "NVFP4",
                                             "W4A16_NVFP4",
                                             "MXFP8",
                                             "MIXED_PRECISION"};
    const std::string algorithm = form_.UpperAlgorithm();
    const bool known =
        std::find(std::begin(kKnown), std::end(kKnown), algorithm) != std::end(kKnown);
    if (form_.nested) return JudgeNested(known, algorithm);
    if (!known) {
      return Fire("V04", "quant_algo", fmt::format("quant_algo is {}", Quoted(form_.algorithm)));
    }
    const bool fp4 = algorithm.find("FP4") != std::string::npos || form_.mixed();
    if (packed && (!fp4 || !base::UpperCase(form_.method).starts_with("MODELOPT"))) {
      Fire("V02", "quant_method",
           fmt::format("quant_method is {} and quant_algo {}", Quoted(form_.method),
                       Quoted(form_.algorithm)));
    }
    if (!form_.weights_only() && weights_only()) {
      Fire("V07", "config_groups", "no config group has input_activations");
    }
    if (form_.mixed() && form_.layers.empty()) {
      Fire("V09", "quantized_layers", "quantized_layers is absent or empty");
    }
  }

  void JudgeNested(bool known, const std::string& algorithm) {
    if (form_.producer != "modelopt" && form_.method.empty()) {
      Fire("V03", "producer", fmt::format("producer.name is {}", Quoted(form_.producer)));
    }
    if (!form_.group_size) Fire("V03", "group_size", "the nested form has no group_size");
    if (form_.list_state == ListState::kAbsent) {
      Fire("V03", "exclude_modules", "the nested form has no exclude_modules");
    }
    if (!form_.has_kv_cache_key) {
      Fire("V03", "kv_cache_quant_algo", "the nested form has no kv_cache_quant_algo");
    }
    const bool weight_label = algorithm == "W4A16_NVFP4" || algorithm == "MXFP8";
    if (known && !weight_label) return;
    Fire("V04", "quant_algo",
         fmt::format("quant_algo is {} in the nested form alone", Quoted(form_.algorithm)));
  }

  void JudgeConfig() {
    if (TextField("topk_method") != "noaux_tc") {
      Fire("V46", "topk_method",
           fmt::format("config.json: topk_method is {}", Quoted(TextField("topk_method"))));
    }
    if (TextField("scoring_func").empty()) {
      Fire({"V46", Severity::kWrongValues}, "scoring_func", "config.json: scoring_func is absent");
    }
    const std::vector<bool> owners = OwnersByPattern();
    for (uint64_t layer = 0; layer < owners.size(); ++layer) {
      const bool owns = config().indexer_kind(layer) == model::IndexerKind::kFull;
      if (owns == owners[layer]) continue;
      const std::string module = model::LayerPrefix(layer) + "self_attn.indexer";
      Fire(
          "V33", module,
          fmt::format("{}: the keys that vLLM reads say that layer {} {} an indexer, indexer_types "
                      "says the opposite",
                      module, layer, owners[layer] ? "owns" : "does not own"));
    }
  }

  // A joined linear that some pattern meant to reach.
  bool PatternOnShard(const EngineModule& module) const {
    return module.specs.size() == 2 &&
           std::any_of(form_.excluded.begin(), form_.excluded.end(), [&](const auto& entry) {
             return std::any_of(module.specs.begin(), module.specs.end(), [&](size_t i) {
               return entry.find('*') != std::string::npos &&
                      Fnmatch(model::ModuleName(spec(i).name), entry);
             });
           });
  }

  std::vector<EngineModule> Modules() const {
    return ListModules(in_.opened, {.latent = "fused_qkv_a_proj", .mtp_head = true});
  }

  // Without tensors: the set alone.
  void JudgeList() {
    if (in_.scan == nullptr) JudgeModules();
  }

  void JudgeModules() {
    if (!form_.present) return;
    std::vector<EngineModule> modules = Modules();
    std::erase_if(modules, [&](const EngineModule& module) {
      return module.mtp && in_.scan != nullptr && !in_.scan->missing_layers.empty();
    });
    CompareModules(
        modules, [&](const EngineModule& module) { return MatchVllm(form_, module); },
        {.by_match = {{"V13", "V13"}, {"V14", "V14"}, {"V15", "V15"}, {"V09", "V09"}},
         .other = "V17"},
        [&](const EngineModule& module) {
          if (module.mtp) return LastPart(module.name) == "head" ? "V45" : "V43";
          if (module.name == "lm_head") return "V29";
          return PatternOnShard(module) ? "V12" : "V17";
        });
  }

  void JudgeTensors() {
    FirePacked("V20", kIndexerJoined);
    FireProblems("V21", Problem::kPackedInPlain);
    FirePacked("V21", {ModuleKind::kEhProj}, true);
    FireProblems("V22", Problem::kDType);
    FireProblems({"V22", Severity::kRefuses}, Problem::kShape);
    FireProblems("V27", Problem::kMissingScale, [&](const TensorProblem& problem) {
      return problem.part != Part::kInputScale || !weights_only();
    });
    FireProblems("V27", Problem::kBadScale);
    FireProblems("V30", Problem::kUnknown, [&](const TensorProblem& problem) {
      return !problem.tensor.ends_with(".bias") && !BehindLastLayer(problem.tensor);
    });
    FireProblems("V42", Problem::kUnknown,
                 [&](const TensorProblem& problem) { return BehindLastLayer(problem.tensor); });
    FireProblems("V31", Problem::kMissing,
                 [&](const TensorProblem& problem) { return !spec(problem.spec).mtp; });
    if (!in_.scan->cache_scales.empty()) {
      Fire(form_.mixed() ? "V10" : "V41", in_.scan->cache_scales[0],
           fmt::format("{} KV scale tensors", in_.scan->cache_scales.size()));
    }
  }

  bool BehindLastLayer(const std::string& tensor) const {
    return config().num_nextn_predict_layers == 0 &&
           tensor.starts_with(model::LayerPrefix(config().num_hidden_layers));
  }

  void JudgeScales() {
    for (const Part part : {Part::kWeightScale2, Part::kInputScale}) {
      FireUnequal("V23", part, kLatents);
      FireUnequal("V23", part, kGateUps);
    }
    FireUnequal("V25", Part::kWeightScale2, kExpertGateUps);
    if (!weights_only()) {
      FirePacked("V24", {ModuleKind::kKvBProj});
    } else if (in_.scan->any_input_scale) {
      Fire("V08", "input_scale", "linears have input_scale tensors");
    }
    for (const ScaleOutlier& outlier : FindScaleOutliers(in_.opened, *in_.scan)) {
      Fire("V26", outlier.module, outlier.sentence);
    }
    for (const BlockScaleDefect& defect : in_.nan_scales) {
      const RuleRef expert("V28", Severity::kWrongValues);
      Fire(Is(defect.spec, kExperts) ? expert : RuleRef("V28"), spec(defect.spec).name,
           defect.sentence);
    }
  }

  void JudgeMtp() {
    for (const size_t layer : in_.scan->missing_layers) {
      Fire("V44", model::LayerPrefix(layer), "no tensor of the MTP layer is there");
    }
    FireProblems({"V44", Severity::kWrongValues}, Problem::kMissing,
                 [&](const TensorProblem& problem) { return spec(problem.spec).mtp; });
    for (size_t i = 0; i < in_.scan->tensors.size(); ++i) {
      if (!spec(i).mtp || !in_.scan->tensors[i].packed) continue;
      Fire("V47", model::LayerPrefix(spec(i).layer), "the MTP layer is NVFP4");
      if (Is(i, kIndexerJoined)) {
        const std::string module(model::ModuleName(spec(i).name));
        Fire("V20", module, module + " is NVFP4");
      }
    }
  }

  void JudgeFiles() {
    for (const std::string& name : in_.opened.model.weights.stray_files()) {
      Fire({"V32", Severity::kWarning}, name, name + " is not in the index");
    }
  }

  const Announcement& form_;
};

}  // namespace

EngineReport JudgeVllm(const EngineInput& input) { return VllmJudge(input).Run(); }

}  // namespace glimmer::check
