#include "kernels/elementwise.h"

#include "base/check.h"
#include "kernels/dispatch.h"

namespace glimmer::kernels {
namespace {

const ElementwiseTable& Active() { return *ActiveTable().elementwise; }

}  // namespace

void RmsNorm(std::span<const float> x, std::span<const float> weight, float eps,
             std::span<float> y) {
  GLIMMER_CHECK(weight.size() == x.size() && y.size() == x.size());
  Active().rms_norm(x.data(), weight.data(), x.size(), eps, y.data());
}

void LayerNorm(std::span<const float> x, std::span<const float> weight, std::span<const float> bias,
               float eps, std::span<float> y) {
  GLIMMER_CHECK(weight.size() == x.size() && bias.size() == x.size() && y.size() == x.size());
  Active().layer_norm(x.data(), weight.data(), bias.data(), x.size(), eps, y.data());
}

void SiluMul(std::span<const float> gate, std::span<const float> up, std::span<float> y) {
  GLIMMER_CHECK(gate.size() == y.size() && up.size() == y.size());
  Active().silu_mul(gate.data(), up.data(), y.size(), y.data());
}

void AddScaled(float scale, std::span<const float> x, std::span<float> y) {
  GLIMMER_CHECK(x.size() == y.size());
  Active().add_scaled(scale, x.data(), y.size(), y.data());
}

void Softmax(float scale, std::span<float> x) { Active().softmax(scale, x.data(), x.size()); }

void WeighLogits(std::span<const float> logits, float max, double inverse_temperature,
                 std::span<uint64_t> weights) {
  GLIMMER_CHECK(weights.size() == logits.size());
  Active().weigh_logits(logits.data(), logits.size(), max, inverse_temperature, weights.data());
}

}  // namespace glimmer::kernels
