// Every tensor that a checkpoint of a given Config holds, in the order of the model's modules,
// with its shape, its type and the place of its module. The only file that knows Hugging Face's
// tensor names.
// Source: docs/model.md#tensors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace glimmer::model {

// What a tensor belongs to. The names of ModuleKindName() are what reports group by.
enum class ModuleKind {
  kEmbedding,
  kNorm,  // RMSNorm weights, and the indexer's LayerNorm weight and bias
  kQAProj,
  kQBProj,
  kKvAProj,
  kKvBProj,
  kOProj,
  kIndexerWqB,
  kIndexerWk,
  kIndexerWeightsProj,
  kDenseGate,
  kDenseUp,
  kDenseDown,
  kRouter,      // mlp.gate.weight: a bare parameter, not an nn.Linear
  kRouterBias,  // mlp.gate.e_score_correction_bias
  kExpertGate,
  kExpertUp,
  kExpertDown,
  kSharedGate,
  kSharedUp,
  kSharedDown,
  kEhProj,  // MTP: joins embedding and hidden state
  kLmHead,
};
constexpr size_t kModuleKinds = static_cast<size_t>(ModuleKind::kLmHead) + 1;

// "q_a_proj", "indexer.wk", "experts.gate_proj", …
std::string_view ModuleKindName(ModuleKind kind);
// Whether the module is an nn.Linear, which a recipe may quantize outside the MTP layers.
bool IsLinear(ModuleKind kind);

constexpr uint32_t kNoLayer = UINT32_MAX;
constexpr uint32_t kNoExpert = UINT32_MAX;

struct TensorSpec {
  std::string name;
  ModuleKind kind;
  uint32_t layer = kNoLayer;
  uint32_t expert = kNoExpert;
  // Linears that read the same input tensor carry the same number; modelopt gives the quantized
  // ones of them one weight_scale_2 and one input_scale. Unique where nothing is shared.
  uint32_t input_group = 0;
  tensor::DType dtype = tensor::DType::kBF16;  // as the BF16 release stores it
  tensor::Shape shape;                         // linears: [out, in]
  bool mtp = false;

  // Another type that re-exported checkpoints use for this tensor, or `dtype` itself.
  tensor::DType alternative_dtype() const;
};

// "model.layers.3.mlp.gate.weight" -> "model.layers.3.mlp.gate".
std::string_view ModuleName(std::string_view tensor_name);
// What a linear is stored in: one tensor kCopy when it is not quantized, otherwise the others.
enum class Part { kCopy, kWeight, kWeightScale, kWeightScale2, kInputScale };
constexpr size_t kParts = 5;
// The name of such a tensor: "….weight_scale" for "….weight".
std::string PartName(const std::string& weight_name, Part part);

// "model.layers.78."
std::string LayerPrefix(uint64_t layer);

std::vector<TensorSpec> ListTensors(const Config& config);

// Copies of the main embedding and head that some releases keep inside the MTP layer. They are not
// part of the inventory, but a source may hold them.
bool IsOptionalMtpTensor(const Config& config, std::string_view name);

}  // namespace glimmer::model
