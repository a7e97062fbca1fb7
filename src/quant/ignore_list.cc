#include "quant/ignore_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "quant/plan.h"

namespace glimmer::quant {
namespace {

using base::Result;
using base::Status;
using base::Unsupported;
using model::ModuleKind;

// Quantized and other linears of one part of a layer.
struct Tally {
  size_t quantized = 0, kept = 0;
  bool none() const { return quantized == 0 && kept > 0; }
};

struct LayerTally {
  std::map<ModuleKind, Tally> kinds;

  Tally Of(std::initializer_list<ModuleKind> wanted) const {
    Tally sum;
    for (const ModuleKind kind : wanted) {
      const auto found = kinds.find(kind);
      if (found == kinds.end()) continue;
      sum.quantized += found->second.quantized;
      sum.kept += found->second.kept;
    }
    return sum;
  }
  bool Keeps(ModuleKind kind) const { return Of({kind}).kept > 0; }
};

constexpr auto kAttention = {ModuleKind::kQAProj,    ModuleKind::kQBProj,
                             ModuleKind::kKvAProj,   ModuleKind::kKvBProj,
                             ModuleKind::kOProj,     ModuleKind::kIndexerWqB,
                             ModuleKind::kIndexerWk, ModuleKind::kIndexerWeightsProj};
constexpr auto kIndexer = {ModuleKind::kIndexerWqB, ModuleKind::kIndexerWk,
                           ModuleKind::kIndexerWeightsProj};
constexpr auto kDense = {ModuleKind::kDenseGate, ModuleKind::kDenseUp, ModuleKind::kDenseDown};
constexpr auto kExperts = {ModuleKind::kExpertGate, ModuleKind::kExpertUp, ModuleKind::kExpertDown};
constexpr auto kShared = {ModuleKind::kSharedGate, ModuleKind::kSharedUp, ModuleKind::kSharedDown};

struct NamedLinear {
  ModuleKind kind;
  const char* name;  // below its parent
};
constexpr NamedLinear kAttentionNames[] = {{ModuleKind::kQAProj, "q_a_proj"},
                                           {ModuleKind::kQBProj, "q_b_proj"},
                                           {ModuleKind::kKvAProj, "kv_a_proj_with_mqa"},
                                           {ModuleKind::kKvBProj, "kv_b_proj"},
                                           {ModuleKind::kOProj, "o_proj"}};
constexpr NamedLinear kIndexerNames[] = {{ModuleKind::kIndexerWqB, "wq_b"},
                                         {ModuleKind::kIndexerWk, "wk"},
                                         {ModuleKind::kIndexerWeightsProj, "weights_proj"}};
constexpr NamedLinear kDenseNames[] = {{ModuleKind::kDenseGate, "gate_proj"},
                                       {ModuleKind::kDenseUp, "up_proj"},
                                       {ModuleKind::kDenseDown, "down_proj"}};
constexpr NamedLinear kSharedNames[] = {{ModuleKind::kSharedGate, "gate_proj"},
                                        {ModuleKind::kSharedUp, "up_proj"},
                                        {ModuleKind::kSharedDown, "down_proj"}};

class Deriver {
 public:
  explicit Deriver(Plan& plan) : plan_(plan), layers_(plan.config.num_hidden_layers) {}

  Result<std::vector<std::string>> Run() {
    Count();
    if (!lm_head_quantized_) list_.push_back("lm_head");
    for (size_t layer = 0; layer < layers_.size(); ++layer) {
      prefix_ = model::LayerPrefix(layer);
      AddAttention(layers_[layer]);
      GLIMMER_TRY(AddMlp(layers_[layer], plan_.config.mlp_kind(layer)));
      WarnOfSplitPairs(layers_[layer]);
      WarnOfPartlyKeptKvA(layers_[layer]);
    }
    NoteRefusals();
    for (uint64_t layer = plan_.config.num_hidden_layers; layer < plan_.config.total_layers();
         ++layer) {
      list_.push_back(fmt::format("model.layers.{}*", layer));
    }
    return std::move(list_);
  }

 private:
  void Count() {
    for (size_t i = 0; i < plan_.specs.size(); ++i) {
      const model::TensorSpec& spec = plan_.specs[i];
      if (spec.mtp || !model::IsLinear(spec.kind)) continue;
      const bool quantized = plan_.tensors[i].format == LinearFormat::kNvfp4;
      if (spec.kind == ModuleKind::kLmHead) {
        lm_head_quantized_ = quantized;
        continue;
      }
      Tally& tally = layers_[spec.layer].kinds[spec.kind];
      ++(quantized ? tally.quantized : tally.kept);
    }
  }

  // Whether every layer that has this module keeps it.
  bool KeptEverywhere(ModuleKind kind) const {
    return std::all_of(layers_.begin(), layers_.end(),
                       [&](const LayerTally& layer) { return layer.Of({kind}).quantized == 0; });
  }

  template <size_t kCount>
  void AddKept(const LayerTally& layer, const char* parent, const NamedLinear (&names)[kCount]) {
    for (const NamedLinear& linear : names) {
      if (layer.Keeps(linear.kind)) list_.push_back(prefix_ + parent + linear.name);
    }
  }

  void AddAttention(const LayerTally& layer) {
    if (layer.Of(kAttention).none()) {
      list_.push_back(prefix_ + "self_attn*");
      return;
    }
    AddKept(layer, "self_attn.", kAttentionNames);
    // SGLang takes an exact q_b_proj or kv_b_proj to mean that module of every layer.
    for (const ModuleKind kind : {ModuleKind::kQBProj, ModuleKind::kKvBProj}) {
      if (!layer.Keeps(kind) || KeptEverywhere(kind)) continue;
      const std::string name = prefix_ + "self_attn." + std::string(model::ModuleKindName(kind));
      *std::find(list_.begin(), list_.end(), name) += "*";
    }
    if (layer.Of(kIndexer).none()) {
      list_.push_back(prefix_ + "self_attn.indexer*");
    } else {
      AddKept(layer, "self_attn.indexer.", kIndexerNames);
    }
  }

  Status AddMlp(const LayerTally& layer, model::MlpKind kind) {
    if (kind == model::MlpKind::kDense) {
      if (layer.Of(kDense).none()) {
        list_.push_back(prefix_ + "mlp*");
      } else {
        AddKept(layer, "mlp.", kDenseNames);
      }
      return {};
    }
    const Tally experts = layer.Of(kExperts);
    if (experts.quantized > 0 && experts.kept > 0) {
      return Unsupported(fmt::format(
          "recipe {}: {}mlp.experts: {} of {} expert linears would be "
          "quantized; engines load a layer's experts as one block, "
          "which is NVFP4 as a whole or not at all",
          plan_.recipe.name, prefix_, experts.quantized, experts.quantized + experts.kept));
    }
    if (experts.none() && layer.Of(kShared).none()) {
      list_.push_back(prefix_ + "mlp*");
      return {};
    }
    list_.push_back(prefix_ + "mlp.gate");
    if (experts.none()) list_.push_back(prefix_ + "mlp.experts*");
    if (layer.Of(kShared).none()) {
      list_.push_back(prefix_ + "mlp.shared_experts*");
    } else {
      AddKept(layer, "mlp.shared_experts.", kSharedNames);
    }
    return {};
  }

  // What the released engines refuse or compute wrongly when it is NVFP4 (rules V20, V24, S20,
  // S21).
  void NoteRefusals() {
    std::string refused;
    for (const ModuleKind kind :
         {ModuleKind::kIndexerWk, ModuleKind::kIndexerWeightsProj, ModuleKind::kKvBProj}) {
      const bool quantized =
          std::any_of(layers_.begin(), layers_.end(),
                      [&](const LayerTally& layer) { return layer.Of({kind}).quantized > 0; });
      if (!quantized) continue;
      refused += (refused.empty() ? "" : ", ") + std::string(model::ModuleKindName(kind));
    }
    if (refused.empty()) return;
    plan_.notes.push_back(
        fmt::format("vLLM and SGLang do not serve {} in NVFP4; the recipe "
                    "nvfp4-serve keeps what they need (docs/engines.md)",
                    refused));
  }

  // An exact name of kv_a_proj_with_mqa means that module of every layer to SGLang, and a pattern
  // does not reach it inside the linear that engines join it into.
  void WarnOfPartlyKeptKvA(const LayerTally& layer) {
    if (!layer.Keeps(ModuleKind::kKvAProj) || KeptEverywhere(ModuleKind::kKvAProj)) return;
    plan_.warnings.push_back(
        fmt::format("recipe {}: {}self_attn.kv_a_proj_with_mqa stays BF16 here "
                    "but not in every layer; SGLang takes the entry to mean "
                    "all layers and refuses to load it",
                    plan_.recipe.name, prefix_));
  }

  // Engines join these pairs into one linear, which is either quantized or not.
  void WarnOfSplitPairs(const LayerTally& layer) {
    constexpr std::pair<ModuleKind, ModuleKind> kPairs[] = {
        {ModuleKind::kQAProj, ModuleKind::kKvAProj},
        {ModuleKind::kDenseGate, ModuleKind::kDenseUp},
        {ModuleKind::kSharedGate, ModuleKind::kSharedUp}};
    for (const auto& [a, b] : kPairs) {
      if (layer.Keeps(a) == layer.Keeps(b)) continue;
      plan_.warnings.push_back(fmt::format(
          "recipe {}: {}* has one of {} and {} quantized; vLLM and "
          "SGLang join the two and refuse to load it",
          plan_.recipe.name, prefix_, model::ModuleKindName(a), model::ModuleKindName(b)));
    }
  }

  Plan& plan_;
  std::vector<LayerTally> layers_;
  bool lm_head_quantized_ = false;
  std::string prefix_;
  std::vector<std::string> list_;
};

}  // namespace

Result<std::vector<std::string>> DeriveIgnoreList(Plan& plan) { return Deriver(plan).Run(); }

}  // namespace glimmer::quant
