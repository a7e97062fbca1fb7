#include "model/inventory.h"

#include <fmt/format.h>

#include <array>

namespace glimmer::model {
namespace {

using tensor::DType;
using tensor::Shape;

constexpr std::array<std::string_view, kModuleKinds> kNames = {
    "embed_tokens",
    "norm",
    "q_a_proj",
    "q_b_proj",
    "kv_a_proj_with_mqa",
    "kv_b_proj",
    "o_proj",
    "indexer.wq_b",
    "indexer.wk",
    "indexer.weights_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
    "mlp.gate",
    "mlp.gate.e_score_correction_bias",
    "experts.gate_proj",
    "experts.up_proj",
    "experts.down_proj",
    "shared_experts.gate_proj",
    "shared_experts.up_proj",
    "shared_experts.down_proj",
    "eh_proj",
    "lm_head",
};

// Appends tensors layer by layer and numbers the groups of equal input.
class Lister {
 public:
  explicit Lister(const Config& config) : c_(config) {}

  std::vector<TensorSpec> Run() {
    Add("model.embed_tokens.weight", ModuleKind::kEmbedding, {c_.vocab_size, c_.hidden_size});
    for (uint64_t layer = 0; layer < c_.num_hidden_layers; ++layer) AddLayer(layer);
    LeaveLayers();
    Add("model.norm.weight", ModuleKind::kNorm, {c_.hidden_size});
    Add("lm_head.weight", ModuleKind::kLmHead, {c_.vocab_size, c_.hidden_size});
    for (uint64_t layer = c_.num_hidden_layers; layer < c_.total_layers(); ++layer) AddMtp(layer);
    return std::move(tensors_);
  }

 private:
  void LeaveLayers() {
    prefix_.clear();
    layer_ = kNoLayer;
    mtp_ = false;
  }

  void EnterLayer(uint64_t layer) {
    prefix_ = LayerPrefix(layer);
    layer_ = static_cast<uint32_t>(layer);
    mtp_ = c_.IsMtpLayer(layer);
  }

  uint32_t NewGroup() { return next_group_++; }

  TensorSpec& Add(std::string_view name, ModuleKind kind, Shape shape, uint32_t group) {
    TensorSpec& spec = tensors_.emplace_back();
    spec.name = prefix_ + std::string(name);
    spec.kind = kind;
    spec.layer = layer_;
    spec.expert = expert_;
    spec.input_group = group;
    spec.shape = std::move(shape);
    spec.mtp = mtp_;
    return spec;
  }
  TensorSpec& Add(std::string_view name, ModuleKind kind, Shape shape) {
    return Add(name, kind, std::move(shape), NewGroup());
  }

  void AddLayer(uint64_t layer) {
    EnterLayer(layer);
    AddAttention(c_.indexer_kind(layer) == IndexerKind::kFull);
    if (c_.mlp_kind(layer) == MlpKind::kDense) {
      AddMlp("mlp.", c_.intermediate_size, ModuleKind::kDenseGate);
    } else {
      AddMoe();
    }
    Add("input_layernorm.weight", ModuleKind::kNorm, {c_.hidden_size});
    Add("post_attention_layernorm.weight", ModuleKind::kNorm, {c_.hidden_size});
  }

  void AddMtp(uint64_t layer) {
    AddLayer(layer);
    Add("enorm.weight", ModuleKind::kNorm, {c_.hidden_size});
    Add("hnorm.weight", ModuleKind::kNorm, {c_.hidden_size});
    Add("eh_proj.weight", ModuleKind::kEhProj, {c_.hidden_size, 2 * c_.hidden_size});
    Add("shared_head.norm.weight", ModuleKind::kNorm, {c_.hidden_size});
  }

  void AddAttention(bool own_indexer) {
    const uint64_t heads = c_.num_attention_heads;
    const uint32_t reads_hidden = NewGroup(), reads_q_latent = NewGroup();
    Add("self_attn.q_a_proj.weight", ModuleKind::kQAProj, {c_.q_lora_rank, c_.hidden_size},
        reads_hidden);
    Add("self_attn.q_a_layernorm.weight", ModuleKind::kNorm, {c_.q_lora_rank});
    Add("self_attn.q_b_proj.weight", ModuleKind::kQBProj,
        {heads * c_.qk_head_dim(), c_.q_lora_rank}, reads_q_latent);
    Add("self_attn.kv_a_proj_with_mqa.weight", ModuleKind::kKvAProj,
        {c_.kv_lora_rank + c_.qk_rope_head_dim, c_.hidden_size}, reads_hidden);
    Add("self_attn.kv_a_layernorm.weight", ModuleKind::kNorm, {c_.kv_lora_rank});
    Add("self_attn.kv_b_proj.weight", ModuleKind::kKvBProj,
        {heads * (c_.qk_nope_head_dim + c_.v_head_dim), c_.kv_lora_rank});
    Add("self_attn.o_proj.weight", ModuleKind::kOProj, {c_.hidden_size, heads * c_.v_head_dim});
    if (!own_indexer) return;
    Add("self_attn.indexer.wq_b.weight", ModuleKind::kIndexerWqB,
        {c_.index_n_heads * c_.index_head_dim, c_.q_lora_rank}, reads_q_latent);
    Add("self_attn.indexer.wk.weight", ModuleKind::kIndexerWk, {c_.index_head_dim, c_.hidden_size},
        reads_hidden);
    Add("self_attn.indexer.k_norm.weight", ModuleKind::kNorm, {c_.index_head_dim});
    Add("self_attn.indexer.k_norm.bias", ModuleKind::kNorm, {c_.index_head_dim});
    Add("self_attn.indexer.weights_proj.weight", ModuleKind::kIndexerWeightsProj,
        {c_.index_n_heads, c_.hidden_size}, reads_hidden);
  }

  // `gate` is the first of three consecutive kinds: gate, up, down.
  void AddMlp(const std::string& module, uint64_t width, ModuleKind gate) {
    const auto kind = [&](int step) {
      return static_cast<ModuleKind>(static_cast<int>(gate) + step);
    };
    const uint32_t reads_hidden = NewGroup();
    Add(module + "gate_proj.weight", kind(0), {width, c_.hidden_size}, reads_hidden);
    Add(module + "up_proj.weight", kind(1), {width, c_.hidden_size}, reads_hidden);
    Add(module + "down_proj.weight", kind(2), {c_.hidden_size, width});
  }

  void AddMoe() {
    for (uint64_t expert = 0; expert < c_.n_routed_experts; ++expert) {
      expert_ = static_cast<uint32_t>(expert);
      AddMlp(fmt::format("mlp.experts.{}.", expert), c_.moe_intermediate_size,
             ModuleKind::kExpertGate);
    }
    expert_ = kNoExpert;
    Add("mlp.gate.weight", ModuleKind::kRouter, {c_.n_routed_experts, c_.hidden_size});
    Add("mlp.gate.e_score_correction_bias", ModuleKind::kRouterBias, {c_.n_routed_experts}).dtype =
        DType::kF32;
    AddMlp("mlp.shared_experts.", c_.moe_intermediate_size * c_.n_shared_experts,
           ModuleKind::kSharedGate);
  }

  const Config& c_;
  std::vector<TensorSpec> tensors_;
  std::string prefix_;
  uint32_t layer_ = kNoLayer;
  uint32_t expert_ = kNoExpert;
  uint32_t next_group_ = 0;
  bool mtp_ = false;
};

}  // namespace

std::string_view ModuleKindName(ModuleKind kind) { return kNames[static_cast<size_t>(kind)]; }

bool IsLinear(ModuleKind kind) {
  switch (kind) {
    case ModuleKind::kEmbedding:
    case ModuleKind::kNorm:
    case ModuleKind::kRouter:
    case ModuleKind::kRouterBias:
      return false;
    default:
      return true;
  }
}

DType TensorSpec::alternative_dtype() const {
  if (kind == ModuleKind::kRouterBias) return DType::kBF16;
  if (kind == ModuleKind::kIndexerWeightsProj) return DType::kF32;
  return dtype;
}

std::string_view ModuleName(std::string_view tensor_name) {
  return tensor_name.substr(0, tensor_name.rfind('.'));
}

std::string PartName(const std::string& weight_name, Part part) {
  const std::string module(ModuleName(weight_name));
  switch (part) {
    case Part::kWeightScale:
      return module + ".weight_scale";
    case Part::kWeightScale2:
      return module + ".weight_scale_2";
    case Part::kInputScale:
      return module + ".input_scale";
    default:
      return weight_name;
  }
}

std::string LayerPrefix(uint64_t layer) { return fmt::format("model.layers.{}.", layer); }

std::vector<TensorSpec> ListTensors(const Config& config) { return Lister(config).Run(); }

bool IsOptionalMtpTensor(const Config& config, std::string_view name) {
  for (uint64_t layer = config.num_hidden_layers; layer < config.total_layers(); ++layer) {
    const std::string prefix = LayerPrefix(layer);
    if (name == prefix + "embed_tokens.weight" || name == prefix + "shared_head.head.weight") {
      return true;
    }
  }
  return false;
}

}  // namespace glimmer::model
