#include "model/embedding.h"

#include <fmt/format.h>

#include "kernels/matmul.h"

namespace glimmer::model {

base::Status CheckIds(const Config& config, std::span<const int32_t> ids) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0 && static_cast<uint64_t>(ids[i]) < config.vocab_size) continue;
    return base::Invalid(
        fmt::format("token {} is {}: expected an id from 0 to {}, as vocab_size in {} says", i,
                    ids[i], config.vocab_size - 1, kConfigName));
  }
  return {};
}

base::Status CheckText(const Config& config, size_t length, std::span<const int32_t> ids) {
  GLIMMER_TRY(CheckIds(config, ids));
  if (length + ids.size() <= config.max_position_embeddings) return {};
  return base::Invalid(fmt::format(
      "the text has {} tokens: expected at most {}, as max_position_embeddings in {} says",
      length + ids.size(), config.max_position_embeddings, kConfigName));
}

void Embed(const Model& model, std::span<const int32_t> ids, tensor::Matrix rows) {
  for (size_t i = 0; i < ids.size(); ++i) {
    kernels::DecodeRows(model.weights.embed_tokens, static_cast<size_t>(ids[i]), rows.Rows(i, 1));
  }
}

}  // namespace glimmer::model
