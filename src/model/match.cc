#include "model/match.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/text.h"

namespace glimmer::model {
namespace {

using base::Corrupt;
using base::Quoted;
using base::Result;
using base::Status;
using base::Unsupported;
using tensor::DType;

// What a checkpoint with such a tensor is, when its name gives it away.
std::string GuessFromName(std::string_view name) {
  if (name.ends_with(".weight_scale_inv")) return "the weights are FP8 in 128x128 blocks";
  if (name.ends_with(".weight_scale") || name.ends_with(".weight_scale_2") ||
      name.ends_with(".input_scale") || name.ends_with(".weight_packed") ||
      name.ends_with(".qweight")) {
    return "the checkpoint is already quantized";
  }
  return "";
}

std::string GuessFromType(DType dtype) {
  switch (dtype) {
    case DType::kF8E4M3:
    case DType::kF8E5M2:
      return "the weights are FP8";
    case DType::kF16:
      return "the weights are F16";
    case DType::kU8:
    case DType::kI8:
    case DType::kI32:
      return "the checkpoint is already quantized";
    default:
      return "";
  }
}

std::string Because(const std::string& guess) {
  return guess.empty() ? "" : fmt::format(" ({}; glimmer converts BF16)", guess);
}

base::Error UnknownTensor(const Config& config, std::string_view name, const std::string& where) {
  if (const std::string guess = GuessFromName(name); !guess.empty()) {
    return Unsupported(
        fmt::format("{}: tensor {}: {}; expected a BF16 checkpoint", where, Quoted(name), guess));
  }
  const std::string next = LayerPrefix(config.total_layers());
  const std::string hint =
      name.starts_with(next) && config.num_nextn_predict_layers == 0
          ? fmt::format(" (it looks like an MTP layer, but num_nextn_predict_layers in {} is 0)",
                        kConfigName)
          : "";
  return Corrupt(fmt::format("{}: tensor {} is no part of the model that {} describes{}", where,
                             Quoted(name), kConfigName, hint));
}

base::Error MissingTensors(const Config& config, const std::vector<const TensorSpec*>& missing,
                           const std::string& where) {
  const auto mtp = std::count_if(missing.begin(), missing.end(), [](auto* s) { return s->mtp; });
  if (static_cast<size_t>(mtp) == missing.size() && config.num_nextn_predict_layers > 0) {
    return Corrupt(
        fmt::format("{}: {} tensors of the MTP layer are missing, first {}, but "
                    "num_nextn_predict_layers in {} is {}",
                    where, missing.size(), Quoted(missing[0]->name), kConfigName,
                    config.num_nextn_predict_layers));
  }
  return Corrupt(fmt::format("{}: {} tensors that {} asks for are missing, first {}", where,
                             missing.size(), kConfigName, Quoted(missing[0]->name)));
}

Status CheckTensor(const TensorSpec& spec, const io::TensorRef& found, const std::string& folder) {
  const std::string where = fmt::format(
      "{}: tensor {}", Quoted(base::JoinPath(folder, found.shard->name)), Quoted(spec.name));
  const DType dtype = found.info->dtype;
  if (dtype != spec.dtype && dtype != spec.alternative_dtype()) {
    return Unsupported(fmt::format("{}: expected {}, found {}{}", where, tensor::Name(spec.dtype),
                                   tensor::Name(dtype), Because(GuessFromType(dtype))));
  }
  if (found.info->shape != spec.shape) {
    return Corrupt(fmt::format("{}: expected shape {} from {}, found {}", where,
                               tensor::ToString(spec.shape), kConfigName,
                               tensor::ToString(found.info->shape)));
  }
  return {};
}

// A copy of the embedding or head inside the MTP layer.
TensorSpec OptionalSpec(const Config& config, const io::TensorInfo& info) {
  TensorSpec spec;
  spec.name = info.name;
  spec.kind =
      info.name.ends_with("embed_tokens.weight") ? ModuleKind::kEmbedding : ModuleKind::kLmHead;
  spec.layer = static_cast<uint32_t>(config.num_hidden_layers);
  spec.input_group = UINT32_MAX;
  spec.shape = {config.vocab_size, config.hidden_size};
  spec.mtp = true;
  return spec;
}

}  // namespace

Result<std::vector<TensorSpec>> MatchBf16(const Config& config, const io::Checkpoint& checkpoint) {
  std::vector<TensorSpec> specs = ListTensors(config);
  std::vector<const TensorSpec*> missing;
  std::unordered_set<std::string_view> known;
  const std::string where = Quoted(checkpoint.folder());
  for (TensorSpec& spec : specs) {
    known.insert(spec.name);
    const io::TensorRef found = checkpoint.Find(spec.name);
    if (found.info == nullptr) {
      missing.push_back(&spec);
      continue;
    }
    GLIMMER_TRY(CheckTensor(spec, found, checkpoint.folder()));
    spec.dtype = found.info->dtype;
  }
  std::vector<TensorSpec> optional;
  for (const io::Shard& shard : checkpoint.shards()) {
    for (const io::TensorInfo& info : shard.tensors) {
      if (known.contains(info.name)) continue;
      if (!IsOptionalMtpTensor(config, info.name)) return UnknownTensor(config, info.name, where);
      optional.push_back(OptionalSpec(config, info));
      GLIMMER_TRY(CheckTensor(optional.back(), {&shard, &info}, checkpoint.folder()));
    }
  }
  if (!missing.empty()) return MissingTensors(config, missing, where);
  specs.insert(specs.end(), optional.begin(), optional.end());
  return specs;
}

Status MatchNames(const Config& config, const std::vector<std::string>& names,
                  const std::string& where) {
  const std::unordered_set<std::string_view> present(names.begin(), names.end());
  std::unordered_set<std::string_view> known;
  std::vector<const TensorSpec*> missing;
  const std::vector<TensorSpec> specs = ListTensors(config);
  for (const TensorSpec& spec : specs) {
    known.insert(spec.name);
    if (!present.contains(spec.name)) missing.push_back(&spec);
  }
  for (const std::string& name : names) {
    if (!known.contains(name) && !IsOptionalMtpTensor(config, name)) {
      return UnknownTensor(config, name, where);
    }
  }
  if (!missing.empty()) return MissingTensors(config, missing, where);
  return {};
}

}  // namespace glimmer::model
