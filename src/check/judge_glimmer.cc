// glimmer itself: opens the model as `run` does and reports what that says.
#include "base/file.h"
#include "check/judge.h"
#include "model/weights.h"

namespace glimmer::check {
namespace {

class GlimmerJudge : public Judge {
 public:
  explicit GlimmerJudge(const EngineInput& input) : Judge(Engine::kGlimmer, input) {}

  EngineReport Run() {
    const Opened& opened = in_.opened;
    const auto format = model::AnnouncedFormat(config_json(), opened.announced.config_name);
    if (!format.ok()) Fire("G03", opened.announced.config_name, format.error().message);
    if (format.ok() && in_.scan == nullptr && !opened.announced.config.present &&
        opened.announced.hf.present) {
      Fire("G03", opened.announced.config_name,
           opened.announced.config_name + " has no quantization_config");
    }
    if (opened.weights_error) Fire("G02", opened.folder, opened.weights_error->message);
    if (format.ok() && in_.scan != nullptr) JudgeWeights();
    if (!opened.config_only && !base::FileExists(base::JoinPath(opened.folder, "tokenizer.json"))) {
      Fire("G05", "tokenizer.json", "tokenizer.json is missing");
    }
    return std::move(report_);
  }

 private:
  void JudgeWeights() {
    const auto weights = model::MapWeights(in_.opened.model, model::Settings());
    if (!weights.ok()) Fire("G04", in_.opened.folder, weights.error().message);
    for (size_t i = 0; i < in_.scan->tensors.size(); ++i) {
      if (!model::IsLinear(spec(i).kind)) continue;
      const std::string module(model::ModuleName(spec(i).name));
      (in_.scan->tensors[i].packed ? report_.quantized : report_.unquantized).push_back(module);
    }
  }
};

}  // namespace

EngineReport JudgeGlimmer(const EngineInput& input) { return GlimmerJudge(input).Run(); }

}  // namespace glimmer::check
