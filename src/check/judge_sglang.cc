// SGLang: when each rule of rules_sglang.h fires.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "check/judge.h"

namespace glimmer::check {
namespace {

using base::Quoted;
using model::ModuleKind;
using model::Part;

// Routed experts beside which one shared expert may be joined.
constexpr uint64_t kJoinedExperts = 256;

class SglangJudge : public Judge {
 public:
  explicit SglangJudge(const EngineInput& input)
      : Judge(Engine::kSglang, input), form_(input.opened.announced.config_first()) {}

  EngineReport Run() {
    JudgeForm();
    JudgeConfig();
    if (form_.present) JudgeModules();
    if (in_.opened.weights_error) {
      Fire({"S31", Severity::kRefuses}, in_.opened.folder, in_.opened.weights_error->message);
    }
    if (in_.scan != nullptr) {
      JudgeTensors();
      JudgeScales();
      JudgeMtp();
    }
    return std::move(report_);
  }

 private:
  void JudgeForm() {
    const Announcements& announced = in_.opened.announced;
    FireDiffering("S01");
    if (!form_.present) {
      if (AnyPackedSeen()) {
        Fire("S02", announced.config_name, "linears are NVFP4, and no file says so");
      }
      return;
    }
    static constexpr const char* kKnown[] = {"FP8", "NVFP4", "NVFP4_AWQ", "W4A16_NVFP4",
                                             "MIXED_PRECISION"};
    const bool known =
        std::find(std::begin(kKnown), std::end(kKnown), form_.algorithm) != std::end(kKnown);
    const bool method = form_.method.empty() || form_.method.starts_with("modelopt");
    if (!known || !method) {
      Fire("S02", known ? "quant_method" : "quant_algo",
           fmt::format("quant_algo is {} and quant_method {}", Quoted(form_.algorithm),
                       Quoted(form_.method)));
    }
    if (form_.algorithm == "FP8" && AnyPackedSeen()) {
      Fire("S02", "quant_algo", "quant_algo is \"FP8\", but linears are NVFP4");
    }
    JudgeGroupSize();
    if (form_.list_state == ListState::kNull) FireOddList("S03", form_);
    const bool known_cache = form_.kv_cache.empty() || form_.kv_cache == "FP8";
    if (!known_cache) {
      Fire("S40", "kv_cache", fmt::format("KV cache type {}", Quoted(form_.kv_cache)));
    }
    if (form_.mixed() && form_.layers.empty()) {
      Fire("S05", "quantized_layers", "quantized_layers is absent or empty");
    }
  }

  void JudgeGroupSize() {
    if (form_.mixed()) return;
    const bool all_16 = std::all_of(form_.group_sizes.begin(), form_.group_sizes.end(),
                                    [](int64_t size) { return size == 16; });
    if (!all_16) Fire("S03", "group_size", "group_size is not 16 everywhere");
    if (form_.nested && form_.group_sizes.empty()) {
      Fire("S03", "group_size", "the nested form has no group_size");
    }
  }

  void JudgeConfig() {
    if (!config_json().contains("topk_method")) {
      Fire("S28", "topk_method", "config.json: topk_method is absent");
    }
    const std::vector<bool> owners = OwnersByPattern();
    const bool keys =
        config_json().contains("index_topk_pattern") || config_json().contains("index_topk_freq");
    if (!keys) return;
    for (uint64_t layer = 0; layer < owners.size(); ++layer) {
      const bool owns = config().indexer_kind(layer) == model::IndexerKind::kFull;
      if (owns == owners[layer]) continue;
      const std::string module = model::LayerPrefix(layer) + "self_attn.indexer";
      Fire("S32", module, module + ": indexer_types and the pattern or frequency disagree");
    }
  }

  // S29: whether the shared expert becomes one of the experts.
  bool JoinsSharedExpert() const {
    const bool listed =
        std::any_of(form_.excluded.begin(), form_.excluded.end(), [](const std::string& entry) {
          return entry.find("shared_expert") != std::string::npos &&
                 entry.find("shared_expert_gate") == std::string::npos;
        });
    return !listed && config().n_routed_experts == kJoinedExperts && config().n_shared_experts == 1;
  }

  void JudgeModules() {
    const bool joins = JoinsSharedExpert();
    const std::vector<EngineModule> modules =
        ListModules(in_.opened, {.latent = "fused_qkv_a_proj_with_mqa",
                                 .mtp = false,
                                 .indexer_wk = !config().indexer_rope_interleave,
                                 .shared_in_experts = joins});
    const SglangList list(form_.excluded);
    CompareModules(
        modules, [&](const EngineModule& module) { return list.Find(form_, module); },
        {.by_match = {{"S10", "S10"}, {"S11", "S11"}, {"S13", "S13"}, {"S05", "S05"}},
         .other = "S17"},
        [&](const EngineModule& module) {
          if (!module.experts) return "S17";
          return joins && OnlySharedIsPlain(module) ? "S29" : "S14";
        });
  }

  bool OnlySharedIsPlain(const EngineModule& module) const {
    return std::all_of(module.specs.begin(), module.specs.end(), [&](size_t i) {
      return in_.scan->tensors[i].packed == (spec(i).expert != model::kNoExpert);
    });
  }

  void JudgeTensors() {
    FirePacked("S20", {ModuleKind::kIndexerWeightsProj});
    if (config().indexer_rope_interleave) FirePacked("S20", {ModuleKind::kIndexerWk});
    FirePacked("S21", {ModuleKind::kKvBProj});
    FireProblems({"S27", Severity::kRefuses}, Problem::kShape);
    FireProblems({"S27", Severity::kWrongValues}, Problem::kDType);
    const auto strict = [](const TensorProblem& problem) {
      return problem.tensor.find("gate_proj") != std::string::npos ||
             problem.tensor.find("up_proj") != std::string::npos;
    };
    FireProblems({"S27", Severity::kRefuses}, Problem::kUnknown, strict);
    FireProblems("S27", Problem::kUnknown,
                 [&](const TensorProblem& problem) { return !strict(problem); });
    FireProblems("S28", Problem::kPackedInPlain);
    for (const std::string& name : in_.opened.model.weights.stray_files()) {
      Fire("S31", name, name + " is not in the index");
    }
  }

  void JudgeScales() {
    const bool labelled_w4a4 = form_.algorithm == "NVFP4" && !in_.scan->any_input_scale;
    if (labelled_w4a4 && in_.scan->any_packed()) {
      Fire("S04", "quant_algo", "quant_algo is NVFP4, but no linear has an input_scale");
    }
    for (const Part part : {Part::kWeightScale2, Part::kInputScale}) {
      FireUnequal("S23", part, kLatents);
      FireUnequal("S24", part, kGateUps);
      FireUnequal("S25", part, kExpertGateUps);
    }
    FireProblems("S26", Problem::kMissingScale);
    FireProblems("S26", Problem::kBadScale);
    FireProblems("S26", Problem::kMissing);
    for (const BlockScaleDefect& defect : in_.nan_scales) {
      Fire("S26", spec(defect.spec).name, defect.sentence);
    }
  }

  void JudgeMtp() {
    if (config().num_nextn_predict_layers > 1) {
      Fire({"S42", Severity::kWarning}, "num_nextn_predict_layers",
           fmt::format("num_nextn_predict_layers is {}", config().num_nextn_predict_layers));
    }
    for (const size_t layer : in_.scan->missing_layers) {
      Fire("S42", model::LayerPrefix(layer), "no tensor of the MTP layer is there");
    }
    for (size_t i = 0; i < in_.scan->tensors.size(); ++i) {
      if (!spec(i).mtp || !in_.scan->tensors[i].packed) continue;
      const std::string module(model::ModuleName(spec(i).name));
      Fire("S41", module, module + " is NVFP4");
    }
  }

  const Announcement& form_;
};

}  // namespace

EngineReport JudgeSglang(const EngineInput& input) { return SglangJudge(input).Run(); }

}  // namespace glimmer::check
