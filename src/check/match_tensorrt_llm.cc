// TensorRT-LLM, from stored copies of single files: is_module_excluded_from_quantization.
#include "check/fnmatch.h"
#include "check/matcher.h"

namespace glimmer::check {

Match MatchTensorrtLlm(const std::vector<std::string>& list, const EngineModule& module) {
  for (const std::string& entry : list) {
    if (Fnmatch(module.name, entry)) return {Treatment::kExcluded, "T03", entry};
  }
  return {};
}

Match MatchTensorrtLlm(const Announcement& announced, const EngineModule& module) {
  Match match = MatchTensorrtLlm(announced.excluded, module);
  if (match.treatment != Treatment::kQuantized || !announced.mixed()) return match;
  for (const auto& [key, algorithm] : announced.layers) {
    if (key == module.name || key.starts_with(module.name + ".")) return {};
  }
  return {Treatment::kExcluded, "T02", ""};
}

}  // namespace glimmer::check
