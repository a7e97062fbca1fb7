#include "model/pass.h"

#include <fmt/format.h>

#include "model/inventory.h"

#include <cmath>

namespace glimmer::model {

void Faults::Report(size_t layer, const char* module, const char* what) {
  const std::lock_guard lock(mutex_);
  if (first_) return;
  first_ = fmt::format("{}{}: its {} are not finite numbers", LayerPrefix(layer), module, what);
}

base::Status Faults::status() const {
  const std::lock_guard lock(mutex_);
  if (first_) return base::Corrupt(*first_);
  return {};
}

kernels::ActivationType TypeOutsideLinears(const Pass& pass) {
  const Activations activations = pass.model.settings.activations;
  const bool rounded = activations == Activations::kBf16 || activations == Activations::kInt8;
  return rounded ? kernels::ActivationType::kBf16 : kernels::ActivationType::kF32;
}

bool AreFinite(std::span<const float> values) {
  // The sum of 0 x is 0 unless an x is infinite or NaN.
  float sum = 0;
  for (const float x : values) sum += 0.0f * x;
  return sum == 0.0f;
}

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
