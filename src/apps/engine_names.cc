#include "apps/engine_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace glimmer::apps {
namespace {

void AddOnce(check::Engine engine, std::vector<check::Engine>& engines) {
  if (std::find(engines.begin(), engines.end(), engine) == engines.end()) engines.push_back(engine);
}

}  // namespace

base::Result<std::vector<check::Engine>> EnginesNamed(const std::vector<std::string>& words) {
  std::vector<check::Engine> engines;
  for (const std::string& word : words) {
    for (size_t begin = 0; begin <= word.size();) {
      const size_t end = std::min(word.find(',', begin), word.size());
      const std::string name = word.substr(begin, end - begin);
      begin = end + 1;
      if (name == "all") {
        for (const check::Engine engine : check::kEngines) AddOnce(engine, engines);
        continue;
      }
      const auto engine = check::EngineFromName(name);
      if (!engine) {
        return base::Invalid(
            fmt::format("--engine: expected vllm, sglang, tensorrt-llm, glimmer or all, found {}",
                        base::Quoted(name)));
      }
      AddOnce(*engine, engines);
    }
  }
  return engines;
}

}  // namespace glimmer::apps
