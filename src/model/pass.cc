#include "model/pass.h"

namespace glimmer::model {

Pass MakePass(const Model& model, base::ThreadPool& pool, Observer* observer,
              std::vector<Span> spans) {
  std::vector<uint64_t> positions;
  for (Span& span : spans) {
    span.first_row = positions.size();
    for (size_t i = 0; i < span.count; ++i) positions.push_back(span.first_position + i);
  }
  return {model, pool, observer, std::move(spans),
          kernels::RopeTable(model.config.qk_rope_head_dim, model.config.rope_theta, positions)};
}

void ForEachRow(const Pass& pass, size_t rows, const std::function<void(size_t row)>& body) {
  base::RunRanges(pass.pool, rows, 1, [&](size_t first, size_t last, size_t) {
    for (size_t row = first; row < last; ++row) body(row);
  });
}

}  // namespace glimmer::model
