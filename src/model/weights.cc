#include "model/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/text.h"
#include "model/agreement.h"
#include "model/loaded_checkpoint.h"
#include "tensor/bf16.h"
#include "tensor/nvfp4.h"

namespace glimmer::model {
namespace {

using base::Corrupt;
using base::Quoted;
using base::Result;
using base::Status;
using kernels::Format;
using tensor::DType;

class Binder {
 public:
  Binder(const LoadedCheckpoint& checkpoint, const Settings& settings)
      : checkpoint_(checkpoint), settings_(settings) {}

  Result<Weights> Run() {
    for (const io::Shard& shard : checkpoint_.weights.shards()) {
      GLIMMER_ASSIGN(base::MappedFile file, base::MappedFile::Map(shard.file));
      weights_.files.push_back(std::move(file));
    }
    MakeRoom();
    GLIMMER_TRY(CheckAnnouncement(checkpoint_));
    if (settings_.activations == Activations::kNvfp4 && checkpoint_.format == WeightFormat::kBf16) {
      return base::Invalid(Quoted(checkpoint_.weights.folder()) +
                           ": NVFP4 activations need a checkpoint with NVFP4 weights and input "
                           "scales, and this one is BF16");
    }
    for (const TensorSpec& spec : checkpoint_.specs) {
      if (spec.mtp && weights_.mtp.empty()) continue;
      GLIMMER_TRY(spec.shape.size() == 1 ? BindVector(spec, *VectorOf(spec))
                                         : BindMatrix(spec, *MatrixOf(spec)));
    }
    GLIMMER_TRY(CheckNothingElse(checkpoint_));
    if (settings_.expert_input_scale == ExpertInputScale::kLayer) ShareExpertScales();
    return std::move(weights_);
  }

 private:
  void MakeRoom() {
    const Config& c = checkpoint_.config;
    weights_.layers.resize(c.num_hidden_layers);
    weights_.mtp.resize(HasMtp() ? c.num_nextn_predict_layers : 0);
    for (uint64_t i = 0; i < weights_.layers.size() + weights_.mtp.size(); ++i) {
      LayerWeights& layer = LayerAt(i);
      if (c.indexer_kind(i) == IndexerKind::kFull) layer.attention.indexer.emplace();
      if (c.mlp_kind(i) == MlpKind::kSparse) {
        layer.mlp.emplace<MoeWeights>().experts.resize(c.n_routed_experts);
      }
    }
  }

  bool HasMtp() const {
    return std::any_of(checkpoint_.specs.begin(), checkpoint_.specs.end(),
                       [&](const TensorSpec& spec) {
                         return spec.mtp && checkpoint_.weights.Find(spec.name).info != nullptr;
                       });
  }

  LayerWeights& LayerAt(uint64_t index) {
    const uint64_t main = weights_.layers.size();
    return index < main ? weights_.layers[index] : weights_.mtp[index - main].layer;
  }

  // Where a matrix of the inventory belongs.
  Weight* MatrixOf(const TensorSpec& spec) {
    if (spec.kind == ModuleKind::kEmbedding) return &weights_.embed_tokens;
    if (spec.kind == ModuleKind::kLmHead) return &weights_.lm_head;
    if (spec.kind == ModuleKind::kEhProj) {
      return &weights_.mtp[spec.layer - weights_.layers.size()].eh_proj;
    }
    LayerWeights& layer = LayerAt(spec.layer);
    AttentionWeights& attention = layer.attention;
    auto* moe = std::get_if<MoeWeights>(&layer.mlp);
    switch (spec.kind) {
      case ModuleKind::kQAProj:
        return &attention.q_a_proj;
      case ModuleKind::kQBProj:
        return &attention.q_b_proj;
      case ModuleKind::kKvAProj:
        return &attention.kv_a_proj;
      case ModuleKind::kKvBProj:
        return &attention.kv_b_proj;
      case ModuleKind::kOProj:
        return &attention.o_proj;
      case ModuleKind::kIndexerWqB:
        return &attention.indexer->wq_b;
      case ModuleKind::kIndexerWk:
        return &attention.indexer->wk;
      case ModuleKind::kIndexerWeightsProj:
        return &attention.indexer->weights_proj;
      case ModuleKind::kDenseGate:
        return &std::get<MlpWeights>(layer.mlp).gate_proj;
      case ModuleKind::kDenseUp:
        return &std::get<MlpWeights>(layer.mlp).up_proj;
      case ModuleKind::kDenseDown:
        return &std::get<MlpWeights>(layer.mlp).down_proj;
      case ModuleKind::kRouter:
        return &moe->router;
      case ModuleKind::kExpertGate:
        return &moe->experts[spec.expert].gate_proj;
      case ModuleKind::kExpertUp:
        return &moe->experts[spec.expert].up_proj;
      case ModuleKind::kExpertDown:
        return &moe->experts[spec.expert].down_proj;
      case ModuleKind::kSharedGate:
        return &moe->shared.gate_proj;
      case ModuleKind::kSharedUp:
        return &moe->shared.up_proj;
      case ModuleKind::kSharedDown:
        return &moe->shared.down_proj;
      default:
        GLIMMER_CHECK(false);
    }
  }

  Vector* VectorOf(const TensorSpec& spec) {
    if (spec.layer == kNoLayer) return &weights_.norm;
    LayerWeights& layer = LayerAt(spec.layer);
    const std::string_view name =
        std::string_view(spec.name).substr(LayerPrefix(spec.layer).size());
    if (name == "input_layernorm.weight") return &layer.input_norm;
    if (name == "post_attention_layernorm.weight") return &layer.post_attention_norm;
    if (name == "self_attn.q_a_layernorm.weight") return &layer.attention.q_a_norm;
    if (name == "self_attn.kv_a_layernorm.weight") return &layer.attention.kv_a_norm;
    if (name == "self_attn.indexer.k_norm.weight") return &layer.attention.indexer->k_norm_weight;
    if (name == "self_attn.indexer.k_norm.bias") return &layer.attention.indexer->k_norm_bias;
    if (spec.kind == ModuleKind::kRouterBias) return &std::get<MoeWeights>(layer.mlp).router_bias;
    GLIMMER_CHECK(spec.mtp);
    MtpWeights& mtp = weights_.mtp[spec.layer - weights_.layers.size()];
    if (name == "enorm.weight") return &mtp.enorm;
    if (name == "hnorm.weight") return &mtp.hnorm;
    GLIMMER_CHECK(name == "shared_head.norm.weight");
    return &mtp.head_norm;
  }

  // The tensor, which must have one of these types and this shape.
  Result<io::TensorRef> Expect(const std::string& name, std::initializer_list<DType> types,
                               const tensor::Shape& shape) const {
    const io::TensorRef found = checkpoint_.weights.Find(name);
    if (found.info == nullptr) {
      return Corrupt(fmt::format("{}: tensor {}, which {} asks for, is missing",
                                 Quoted(checkpoint_.weights.folder()), Quoted(name), kConfigName));
    }
    const bool right_type = std::find(types.begin(), types.end(), found.info->dtype) != types.end();
    if (right_type && found.info->shape == shape) return found;
    return Corrupt(
        fmt::format("{}: tensor {}: expected {} {}, found {} {}", Quoted(found.shard->file.path()),
                    Quoted(name), tensor::Name(*types.begin()), tensor::ToString(shape),
                    tensor::Name(found.info->dtype), tensor::ToString(found.info->shape)));
  }

  std::span<const std::byte> BytesOf(const io::TensorRef& tensor) const {
    const auto shard = static_cast<size_t>(tensor.shard - checkpoint_.weights.shards().data());
    return weights_.files[shard].bytes().subspan(tensor.info->offset, tensor.info->size_bytes);
  }

  // The tensor's bytes at an address that its elements can be read from.
  const std::byte* Aligned(const io::TensorRef& tensor) {
    const std::span<const std::byte> bytes = BytesOf(tensor);
    const uint64_t element_bytes = tensor::BitsOf(tensor.info->dtype) / 8;
    if (reinterpret_cast<uintptr_t>(bytes.data()) % element_bytes == 0) return bytes.data();
    base::HugeBytes& copy = weights_.copies.emplace_back(base::AllocateHugeBytes(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), copy.get());
    return copy.get();
  }

  Status BindVector(const TensorSpec& spec, Vector& target) {
    GLIMMER_ASSIGN(const io::TensorRef found,
                   Expect(spec.name, {spec.dtype, DType::kF32, DType::kBF16}, spec.shape));
    const std::byte* data = Aligned(found);
    target.resize(spec.shape[0]);
    if (found.info->dtype == DType::kF32) {
      std::memcpy(target.data(), data, target.size() * sizeof(float));
    } else {
      const auto* bf16 = reinterpret_cast<const tensor::Bf16*>(data);
      std::transform(bf16, bf16 + target.size(), target.begin(), tensor::Bf16ToF32);
    }
    const auto bad =
        std::find_if(target.begin(), target.end(), [](float x) { return !std::isfinite(x); });
    if (bad != target.end()) {
      return Corrupt(fmt::format("{}: tensor {}: element {} is {}, expected finite numbers",
                                 Quoted(found.shard->file.path()), Quoted(spec.name),
                                 bad - target.begin(), *bad));
    }
    return {};
  }

  Status BindMatrix(const TensorSpec& spec, Weight& target) {
    target.id = static_cast<uint32_t>(&spec - checkpoint_.specs.data());
    target.rows = spec.shape[0];
    target.cols = target.stride = spec.shape[1];
    if (IsPacked(checkpoint_, spec)) return BindNvfp4(spec, target);
    GLIMMER_ASSIGN(const io::TensorRef found,
                   Expect(spec.name, {DType::kBF16, DType::kF32}, spec.shape));
    target.format = found.info->dtype == DType::kF32 ? Format::kF32 : Format::kBf16;
    target.data = Aligned(found);
    return {};
  }

  Status BindNvfp4(const TensorSpec& spec, Weight& target) {
    if (target.cols % tensor::kNvfp4Block != 0) {
      return Corrupt(
          fmt::format("{}: tensor {}: has block scales, but {} columns are not whole "
                      "blocks of {}",
                      Quoted(checkpoint_.weights.folder()), Quoted(spec.name), target.cols,
                      tensor::kNvfp4Block));
    }
    GLIMMER_ASSIGN(const io::TensorRef codes,
                   Expect(spec.name, {DType::kU8}, {target.rows, target.cols / 2}));
    GLIMMER_ASSIGN(const io::TensorRef scales,
                   Expect(PartName(spec.name, Part::kWeightScale), {DType::kF8E4M3},
                          {target.rows, target.cols / tensor::kNvfp4Block}));
    target.format = Format::kNvfp4;
    target.data = BytesOf(codes).data();
    target.block_scales = reinterpret_cast<const uint8_t*>(BytesOf(scales).data());
    GLIMMER_ASSIGN(target.tensor_scale, Scale(PartName(spec.name, Part::kWeightScale2)));
    if (settings_.activations == Activations::kNvfp4 && spec.kind != ModuleKind::kKvBProj) {
      return BindInputScale(spec, target);
    }
    return {};
  }

  Status BindInputScale(const TensorSpec& spec, Weight& target) {
    const std::string name = PartName(spec.name, Part::kInputScale);
    if (checkpoint_.weights.Find(name).info == nullptr) {
      return base::Invalid(fmt::format(
          "{}: tensor {} is missing: NVFP4 activations need a checkpoint with calibrated input "
          "scales{}",
          Quoted(checkpoint_.weights.folder()), Quoted(name),
          HasInputScales() ? "" : ", and this one has quantized weights only"));
    }
    GLIMMER_ASSIGN(target.input_scale, Scale(name));
    return {};
  }

  bool HasInputScales() const {
    return std::any_of(checkpoint_.specs.begin(), checkpoint_.specs.end(), [&](const auto& spec) {
      return checkpoint_.weights.Find(PartName(spec.name, Part::kInputScale)).info != nullptr;
    });
  }

  Result<float> Scale(const std::string& name) const {
    GLIMMER_ASSIGN(const io::TensorRef found, Expect(name, {DType::kF32}, {}));
    float scale = 0;
    std::memcpy(&scale, BytesOf(found).data(), sizeof scale);
    if (std::isfinite(scale) && scale > 0) return scale;
    return Corrupt(fmt::format("{}: tensor {}: expected a finite number above 0, found {}",
                               Quoted(found.shard->file.path()), Quoted(name), scale));
  }

  // Gives every expert of a layer the largest input scale of each projection.
  void ShareExpertScales() {
    for (uint64_t i = 0; i < weights_.layers.size() + weights_.mtp.size(); ++i) {
      auto* moe = std::get_if<MoeWeights>(&LayerAt(i).mlp);
      if (moe == nullptr) continue;
      for (Weight MlpWeights::*projection :
           {&MlpWeights::gate_proj, &MlpWeights::up_proj, &MlpWeights::down_proj}) {
        float largest = 0;
        for (MlpWeights& expert : moe->experts) {
          largest = std::max(largest, (expert.*projection).input_scale);
        }
        for (MlpWeights& expert : moe->experts) (expert.*projection).input_scale = largest;
      }
    }
  }

  const LoadedCheckpoint& checkpoint_;
  const Settings& settings_;
  Weights weights_;
};

}  // namespace

Result<Weights> MapWeights(const LoadedCheckpoint& checkpoint, const Settings& settings) {
  return Binder(checkpoint, settings).Run();
}

}  // namespace glimmer::model
