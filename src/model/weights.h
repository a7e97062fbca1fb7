// All weights of a model in the order of its blocks: matrices as views of the mapped checkpoint,
// vectors in F32. Mapping touches headers, vectors and scalars only, so a checkpoint larger than
// memory starts as fast as a small one; base/preload.h brings the rest into memory where it fits.
// Source: docs/model.md#tensors.
#pragma once

#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "base/huge_pages.h"
#include "base/mapped_file.h"
#include "base/result.h"
#include "kernels/weight.h"
#include "model/settings.h"

namespace glimmer::model {

struct LoadedCheckpoint;  // model/loaded_checkpoint.h

using kernels::Weight;  // its `id` is the matrix's position in ListTensors()
using Vector = std::vector<float>;

struct IndexerWeights {
  Weight wq_b;          // [index_n_heads * index_head_dim, q_lora_rank]
  Weight wk;            // [index_head_dim, H]
  Weight weights_proj;  // [index_n_heads, H]
  Vector k_norm_weight, k_norm_bias;
};

struct AttentionWeights {
  Weight q_a_proj;  // [q_lora_rank, H]
  Vector q_a_norm;
  Weight q_b_proj;   // [N (Dn + Dr), q_lora_rank], a head's rows: Dn unrotated, Dr rotated
  Weight kv_a_proj;  // [R + Dr, H]
  Vector kv_a_norm;
  Weight kv_b_proj;  // [N (Dn + Dv), R], a head's rows: Dn of keys, Dv of values
  Weight o_proj;     // [H, N Dv]
  std::optional<IndexerWeights> indexer;  // absent where a layer shares the last full one's
};

struct MlpWeights {
  Weight gate_proj, up_proj;  // [F, H]
  Weight down_proj;           // [H, F]
};

struct MoeWeights {
  Weight router;       // [E, H]
  Vector router_bias;  // [E], e_score_correction_bias
  std::vector<MlpWeights> experts;
  MlpWeights shared;
};

struct LayerWeights {
  Vector input_norm, post_attention_norm;
  AttentionWeights attention;
  std::variant<MlpWeights, MoeWeights> mlp;
};

struct MtpWeights {
  Vector enorm, hnorm;
  Weight eh_proj;  // [H, 2 H]
  LayerWeights layer;
  Vector head_norm;
};

struct Weights {
  Weight embed_tokens;  // [V, H]
  std::vector<LayerWeights> layers;
  Vector norm;
  Weight lm_head;  // [V, H]
  // Empty when the checkpoint holds none, as modelopt's own exports do whatever the config says.
  std::vector<MtpWeights> mtp;

  // Where the views point.
  std::vector<base::MappedFile> files;
  // Of tensors that a file holds at odd addresses, and of an lm_head packed at load.
  std::deque<base::HugeBytes> copies;
};

// Errors: kCorrupt for tensors that are missing or not what the config says, and for scales that
// are not finite and positive; kInvalid when Activations::kNvfp4 is asked of a checkpoint without
// input scales; kIo.
base::Result<Weights> MapWeights(const LoadedCheckpoint& checkpoint, const Settings& settings);

}  // namespace glimmer::model
