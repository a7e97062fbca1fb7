// Packing speed in cache and from memory, on every instruction set of this processor.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "kernels/nvfp4_pack.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels {
namespace {

std::vector<tensor::Bf16> GaussianWeights(size_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.02f);
  std::vector<tensor::Bf16> weights(count);
  for (auto& w : weights) w = tensor::F32ToBf16(normal(random));
  return weights;
}

void Pack(benchmark::State& state, Isa isa) {
  const auto weights = GaussianWeights(static_cast<size_t>(state.range(0)));
  const float scale = 0.1f / tensor::kNvfp4AmaxToScale;
  std::vector<uint8_t> codes(weights.size() / 2), scales(weights.size() / 16);
  std::vector<uint8_t> expected_codes(codes.size()), expected_scales(scales.size());
  PackNvfp4On(isa, weights, scale, codes, scales);
  PackNvfp4On(Isa::kScalar, weights, scale, expected_codes, expected_scales);
  if (codes != expected_codes || scales != expected_scales) {
    return state.SkipWithError("wrong bytes");
  }
  for (auto _ : state) {
    PackNvfp4On(isa, weights, scale, codes, scales);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(weights.size() * sizeof(tensor::Bf16)));
}

}  // namespace
}  // namespace glimmer::kernels

int main(int argc, char** argv) {
  using glimmer::kernels::AvailableIsas;
  for (const auto isa : AvailableIsas()) {
    benchmark::RegisterBenchmark(("PackNvfp4/" + std::string(IsaName(isa))).c_str(),
                                 glimmer::kernels::Pack, isa)
        ->Arg(1 << 16)
        ->Arg(1 << 24);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
