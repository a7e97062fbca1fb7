#include "quant/export_modelopt.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "quant/version.h"
#include "tensor/nvfp4.h"

namespace glimmer::quant {
namespace {

using base::JsonArray;
using base::JsonObject;
using base::Result;

std::string_view Algorithm(const Plan& plan) {
  return plan.options.weights_only ? "W4A16_NVFP4" : "NVFP4";
}

// vLLM reads the older form only when the producer is "modelopt"; the version says who wrote it.
JsonObject Producer() {
  return {{"name", "modelopt"}, {"version", std::string(kLayoutVersion) + "+glimmer." + kVersion}};
}

JsonArray Ignored(const Plan& plan) { return JsonArray(plan.ignore.begin(), plan.ignore.end()); }

bool EndsWithAny(const std::string& name, std::initializer_list<const char*> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](const char* ending) { return name.ends_with(ending); });
}

// By its name, whatever program wrote it: SHA256SUMS, model.safetensors.sha256, md5sum.txt.
bool ListsHashes(const std::string& name) {
  const std::string upper = base::UpperCase(name);
  const std::initializer_list<const char*> words = {"SHA256", "SHA512", "MD5", "CHECKSUM"};
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return upper.find(word) != std::string::npos; });
}

// Tokenizer, template, generation settings, licence and code; never weights, indices, the
// configuration that is written anew, or a README, reports and sums that describe another
// checkpoint.
bool TravelsWithWeights(const std::string& name) {
  if (name.starts_with('.') || name == model::kConfigName || name == kHfQuantConfigName ||
      name == "README.md" || name == "report.html" || name == "report.json" ||
      name == "quantize_config.json" || ListsHashes(name)) {
    return false;
  }
  return !EndsWithAny(name, {".safetensors", ".index.json", ".bin", ".pt", ".pth", ".gguf", ".h5",
                             ".msgpack", ".onnx", ".partial"});
}

}  // namespace

JsonObject QuantizationConfig(const Plan& plan) {
  const JsonObject four_bits = {
      {"dynamic", false}, {"num_bits", 4}, {"type", "float"}, {"group_size", tensor::kNvfp4Block}};
  JsonObject group;
  if (!plan.options.weights_only) group["input_activations"] = four_bits;
  group["weights"] = four_bits;
  group["targets"] = JsonArray{"Linear"};
  JsonObject config;
  config["config_groups"] = JsonObject{{"group_0", std::move(group)}};
  config["ignore"] = Ignored(plan);
  config["quant_algo"] = Algorithm(plan);
  if (plan.recipe.kv_cache == KvCacheFormat::kFp8Cast) {
    config["kv_cache_scheme"] = JsonObject{{"dynamic", false}, {"num_bits", 8}, {"type", "float"}};
  }
  config["producer"] = Producer();
  config["quant_method"] = "modelopt";
  return config;
}

std::string HfQuantConfigText(const Plan& plan) {
  base::JsonValue kv_cache = nullptr;
  if (plan.recipe.kv_cache == KvCacheFormat::kFp8Cast) kv_cache = "FP8";
  const JsonObject text = {{"producer", Producer()},
                           {"quantization",
                            {{"quant_algo", Algorithm(plan)},
                             {"kv_cache_quant_algo", kv_cache},
                             {"group_size", tensor::kNvfp4Block},
                             {"exclude_modules", Ignored(plan)}}}};
  return base::DumpJson(text, 4);
}

Result<Companions> QuantizedCompanions(const Plan& plan, const std::string& config_text,
                                       const std::string& model_dir) {
  Companions companions;
  companions.texts.emplace_back(kHfQuantConfigName, HfQuantConfigText(plan));
  companions.texts.emplace_back(
      model::kConfigName,
      base::WithJsonMember(config_text, "quantization_config", QuantizationConfig(plan)));
  GLIMMER_ASSIGN(const std::vector<std::string> names, base::ListFolder(model_dir));
  for (const std::string& name : names) {
    const std::string path = base::JoinPath(model_dir, name);
    if (TravelsWithWeights(name) && base::FileExists(path)) {
      companions.copies.emplace_back(name, path);
    }
  }
  return companions;
}

}  // namespace glimmer::quant
