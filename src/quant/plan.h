// The whole conversion decided before a byte is read: which linear becomes NVFP4, which file holds
// what at which offset, and how large everything is. Follows from config.json alone; a source's
// headers only confirm it (and tell the types that re-exports vary in).
// A Plan is a value; nothing changes it after MakePlan().
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/safetensors.h"
#include "model/config.h"
#include "model/inventory.h"
#include "quant/recipe.h"

namespace glimmer::quant {

constexpr uint64_t kDefaultMaxShardBytes = 5'000'000'000;
inline constexpr char kMtpFileName[] = "mtp.safetensors";

struct PlanOptions {
  bool weights_only = false;  // no input_scale tensors: W4A16_NVFP4
  uint64_t max_shard_bytes = kDefaultMaxShardBytes;
  bool separate_mtp_file = true;  // otherwise MTP layers follow in the numbered shards
};

using model::kParts;
using model::Part;
using model::PartName;

// Where a part stands: Plan::files[file].tensors[slot].
struct Place {
  static constexpr uint32_t kNowhere = UINT32_MAX;
  uint32_t file = kNowhere;
  uint32_t slot = kNowhere;

  bool written() const { return file != kNowhere; }
};

// What happens to one tensor of the source.
struct PlannedTensor {
  LinearFormat format = LinearFormat::kBf16;  // kNvfp4: quantized; otherwise copied
  const RecipeRule* rule = nullptr;           // that decided; points into Plan::recipe
  std::array<Place, kParts> places;           // by Part

  const Place& place(Part part) const { return places[static_cast<size_t>(part)]; }
};

struct OutputFile {
  std::string name;
  std::vector<io::TensorInfo> tensors;  // in file order, offsets from the file's first byte
  std::string first_bytes;              // length field and header
  uint64_t file_bytes = 0;
};

struct PlanTotals {
  // Stored elements of the parameters, as transformers counts them for the index: a packed byte is
  // one, scales and the router bias are none.
  uint64_t stored_parameters = 0;
  uint64_t linears_total = 0;  // nn.Linear outside the MTP layers, lm_head included
  uint64_t linears_quantized = 0;
  uint64_t parameters_total = 0;  // with MTP layers
  uint64_t parameters_quantized = 0;
  uint64_t tensors_source = 0;
  uint64_t tensors_main = 0;  // in the numbered shards
  uint64_t tensors_mtp = 0;
  uint64_t bytes_source = 0;  // tensor data, without headers
  uint64_t bytes_main = 0;
  uint64_t bytes_mtp = 0;
  uint64_t shards = 0;  // numbered ones

  uint64_t tensors_total() const { return tensors_main + tensors_mtp; }
  uint64_t bytes_total() const { return bytes_main + bytes_mtp; }
};

struct Plan {
  model::Config config;
  Recipe recipe;
  PlanOptions options;
  std::vector<model::TensorSpec> specs;
  std::vector<PlannedTensor> tensors;  // one for each spec
  std::vector<OutputFile> files;       // in the order in which their first tensors come
  std::vector<std::string> ignore;     // for both configuration files
  std::vector<std::string> warnings;   // one sentence each: something is probably not meant
  std::vector<std::string> notes;      // one sentence each: good to know
  PlanTotals totals;

  Plan() = default;
  Plan(Plan&&) = default;  // rules stay where they are: PlannedTensor::rule survives a move
  Plan& operator=(Plan&&) = default;
};

// `specs` is model::ListTensors(config), with element types as a source has them if one was seen.
// Errors: kUnsupported when the recipe asks for what the format or every engine refuses (an input
// width that is no multiple of 16; some experts of a layer only).
base::Result<Plan> MakePlan(model::Config config, std::vector<model::TensorSpec> specs,
                            Recipe recipe, PlanOptions options);

// The same with the format of each tensor decided already, as for a source that is NVFP4 itself;
// the recipe gives its name and the KV cache only. REQUIRES: formats.size() == specs.size(), and
// what is kNvfp4 is a linear of the main layers.
base::Result<Plan> MakePlan(model::Config config, std::vector<model::TensorSpec> specs,
                            Recipe recipe, const std::vector<LinearFormat>& formats,
                            PlanOptions options);

}  // namespace glimmer::quant
