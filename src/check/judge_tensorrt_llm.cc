// TensorRT-LLM: when each rule of rules_tensorrt_llm.h fires.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "check/fnmatch.h"
#include "check/judge.h"

namespace glimmer::check {
namespace {

using base::Quoted;
using model::ModuleKind;
using model::Part;

// Here one rule holds for all of them.
constexpr auto kAllGateUps = {ModuleKind::kDenseGate,  ModuleKind::kDenseUp,
                              ModuleKind::kSharedGate, ModuleKind::kSharedUp,
                              ModuleKind::kExpertGate, ModuleKind::kExpertUp};

class TensorrtLlmJudge : public Judge {
 public:
  explicit TensorrtLlmJudge(const EngineInput& input)
      : Judge(Engine::kTensorrtLlm, input), form_(input.opened.announced.hf_first()) {}

  EngineReport Run() {
    JudgeForm();
    if (form_.present) JudgeModules();
    if (in_.opened.weights_error) Fire("T20", in_.opened.folder, in_.opened.weights_error->message);
    if (in_.scan != nullptr) JudgeTensors();
    return std::move(report_);
  }

 private:
  void JudgeForm() {
    FireDiffering("T01");
    static constexpr const char* kKnown[] = {"FP8", "NVFP4", "W4A16_NVFP4", "MIXED_PRECISION"};
    const bool known =
        std::find(std::begin(kKnown), std::end(kKnown), form_.algorithm) != std::end(kKnown);
    const bool packed = AnyPackedSeen();
    if (!known && (form_.present || packed)) {
      Fire("T02", "quant_algo", fmt::format("quant_algo is {}", Quoted(form_.algorithm)));
    }
    if (form_.algorithm == "FP8" && packed) {
      Fire("T02", "quant_algo", "quant_algo is \"FP8\", but linears are NVFP4");
    }
    const bool plain_kv_b = in_.scan == nullptr || !AnyKvBPacked();
    for (const std::string& entry : form_.excluded) {
      if (!plain_kv_b || !Fnmatch("kv_b_proj", entry)) continue;
      Fire("T08", entry, fmt::format("entry {} matches the bare word kv_b_proj", Quoted(entry)));
    }
  }

  bool AnyKvBPacked() const {
    for (size_t i = 0; i < in_.scan->tensors.size(); ++i) {
      if (Is(i, {ModuleKind::kKvBProj}) && in_.scan->tensors[i].packed) return true;
    }
    return false;
  }

  void JudgeModules() {
    const std::vector<EngineModule> modules =
        ListModules(in_.opened, {.latent = "kv_a_proj_with_mqa", .indexer_wk = true});
    CompareModules(
        modules,
        [&](const EngineModule& module) {
          const bool by_tensors = LastPart(module.name) == "kv_a_proj_with_mqa";
          if (by_tensors && in_.scan != nullptr) return JoinedLatent(module);
          return MatchTensorrtLlm(form_, module);
        },
        {.by_match = {}, .other = "T03"},
        [](const EngineModule& module) { return module.mtp ? "T10" : "T03"; });
  }

  // T04: packed when both are U8, whatever the list says.
  Match JoinedLatent(const EngineModule& module) const {
    if (AnyPacked(module) && !AnyPlain(module)) return {};
    return AnyPacked(module) ? Match{Treatment::kContradiction, "T04", module.name}
                             : Match{Treatment::kExcluded, "T04", ""};
  }

  void JudgeTensors() {
    FireUnequal("T04", Part::kInputScale, kLatents);
    FireUnequal({"T04", Severity::kWarning}, Part::kWeightScale2, kLatents);
    FireUnequal("T05", Part::kInputScale, kAllGateUps);
    FireUnequal("T05", Part::kWeightScale2, kAllGateUps);
    FirePacked("T06", {ModuleKind::kIndexerWeightsProj});
    FirePacked("T07", {ModuleKind::kKvBProj});
    for (const Problem problem : {Problem::kMissing, Problem::kMissingScale, Problem::kDType,
                                  Problem::kShape, Problem::kUnknown, Problem::kPackedInPlain}) {
      FireProblems("T20", problem);
    }
    const bool has_mtp = config().num_nextn_predict_layers > 0 && in_.scan->missing_layers.empty();
    if (has_mtp && in_.scan->any_packed()) {
      Fire("T12", model::LayerPrefix(config().num_hidden_layers), "there is an MTP layer");
    }
  }

  const Announcement& form_;
};

}  // namespace

EngineReport JudgeTensorrtLlm(const EngineInput& input) { return TensorrtLlmJudge(input).Run(); }

}  // namespace glimmer::check
