#include "apps/engine_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace glimmer::apps {

base::Result<std::vector<check::Engine>> EnginesNamed(const std::vector<std::string>& words) {
  std::vector<check::Engine> engines;
  for (const std::string& word : words) {
    for (size_t begin = 0; begin <= word.size();) {
      const size_t end = std::min(word.find(',', begin), word.size());
      const std::string name = word.substr(begin, end - begin);
      begin = end + 1;
      if (name == "all") {
        engines.insert(engines.end(), std::begin(check::kEngines), std::end(check::kEngines));
        continue;
      }
      const auto engine = check::EngineFromName(name);
      if (!engine) {
        return base::Invalid(
            fmt::format("--engine: expected vllm, sglang, tensorrt-llm, glimmer or all, found {}",
                        base::Quoted(name)));
      }
      engines.push_back(*engine);
    }
  }
  return engines;
}

}  // namespace glimmer::apps
