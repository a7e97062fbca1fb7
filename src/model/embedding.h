// Token ids to rows of the embedding, checked.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "model/model.h"
#include "tensor/matrix.h"

namespace glimmer::model {

// Errors: kInvalid, naming position and id, for one outside the vocabulary.
base::Status CheckIds(const Config& config, std::span<const int32_t> ids);
// The same, and for a text of more tokens than the model has positions: `ids` come behind `length`
// others.
base::Status CheckText(const Config& config, size_t length, std::span<const int32_t> ids);

// rows [ids.size(), H]. REQUIRES: CheckIds passed.
void Embed(const Model& model, std::span<const int32_t> ids, tensor::Matrix rows);

}  // namespace glimmer::model
