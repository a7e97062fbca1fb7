#include "apps/preload.h"

#include <cstdio>

#include "apps/command.h"
#include "apps/terminal.h"
#include "base/free_memory.h"
#include "base/preload.h"
#include "base/text.h"

namespace glimmer::apps {

base::Status PreloadWeights(const model::Weights& weights, size_t threads) {
  uint64_t weight_bytes = 0;
  for (const base::MappedFile& file : weights.files) weight_bytes += file.bytes().size();
  const uint64_t free_bytes = base::FreeMemoryBytes();
  if (weight_bytes > free_bytes) {
    std::fprintf(stderr,
                 "glimmer: warning: the weights (%s) are larger than the memory that is free (%s): "
                 "experts are read from disk as they are needed, which is slow\n",
                 base::HumanBytes(weight_bytes).c_str(), base::HumanBytes(free_bytes).c_str());
    return {};
  }
  std::atomic<uint64_t> bytes_done{0};
  const ProgressLine progress("loading weights", bytes_done, weight_bytes);
  return base::Preload(weights.files, threads, bytes_done, Interrupted());
}

}  // namespace glimmer::apps
