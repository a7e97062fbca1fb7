// Products with weights on the shapes of the 5 B benchmark model's experts, on every instruction
// set of this processor, one thread, weights in a second-level cache. `peak` is the best call's
// share of the F32 peak measured around the loop, which whole numbers may exceed; operations count
// a multiply-add as two. `gb_per_s` is the rate at which weights are read.
#include <benchmark/benchmark.h>

#include <vector>

#include "kernel_timing.h"
#include "kernels/activations.h"
#include "kernels/matmul.h"
#include "kernels/nvfp4_pack.h"
#include "tensor/bf16.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels {
namespace {

using tensor::OwnedMatrix;

constexpr size_t kOutputs = 96, kInputs = 2048;

struct Weights {
  explicit Weights(Format format) : bf16(kOutputs * kInputs) {
    const OwnedMatrix values = Random(kOutputs, kInputs);
    for (size_t i = 0; i < bf16.size(); ++i) bf16[i] = tensor::F32ToBf16(values.elements()[i]);
    weight = {.format = format, .rows = kOutputs, .cols = kInputs, .stride = kInputs};
    weight.data = bf16.data();
    size_bytes = bf16.size() * sizeof(tensor::Bf16);
    if (format == Format::kBf16) return;
    codes.resize(bf16.size() / 2);
    scales.resize(bf16.size() / tensor::kNvfp4Block);
    weight.tensor_scale = tensor::Nvfp4TensorScale(5.0f, tensor::ScaleRule::kCpu);
    PackNvfp4(bf16, weight.tensor_scale, codes, scales);
    weight.data = codes.data();
    weight.block_scales = scales.data();
    size_bytes = codes.size() + scales.size();
  }
  std::vector<tensor::Bf16> bf16;
  std::vector<uint8_t> codes, scales;
  Weight weight;
  size_t size_bytes;
};

void Product(benchmark::State& state, Isa isa, Format format, ActivationType type) {
  const auto rows = static_cast<size_t>(state.range(0));
  const Weights weights(format);
  const OwnedMatrix x = Random(rows, kInputs), y(rows, kOutputs), expected(rows, kOutputs);
  if (type == ActivationType::kBf16) RoundToBf16(x.elements(), x.elements());
  base::ThreadPool pool(1);
  const RowForm form = FormFor(format, type, rows, isa);
  const RowForm scalar_form = FormFor(format, type, rows, Isa::kScalar);
  MatMulHere(PackRows(pool, x, scalar_form, Isa::kScalar), weights.weight, expected, Isa::kScalar);
  const PackedRows packed = PackRows(pool, x, form, isa);
  MatMulHere(packed, weights.weight, y, isa);
  if (Distance(y, expected) > kTolerance) return state.SkipWithError("wrong product");
  Time(state, 2.0 * static_cast<double>(rows * kOutputs * kInputs),
       [&] { MatMulHere(packed, weights.weight, y, isa); });
  state.counters["gb_per_s"] =
      static_cast<double>(weights.size_bytes) / 1e3 / state.counters["best_us"];
}

void Packing(benchmark::State& state, Isa isa, RowForm form) {
  const OwnedMatrix x = Random(96, kInputs);
  base::ThreadPool pool(1);
  Time(state, static_cast<double>(x.elements().size()),
       [&] { benchmark::DoNotOptimize(PackRows(pool, x, form, isa)); });
  state.counters["ns_per_element"] =
      state.counters["best_us"] * 1e3 / static_cast<double>(x.elements().size());
}

int Register() {
  for (const Isa isa : AvailableIsas()) {
    if (isa == Isa::kScalar) continue;
    const std::string on = "/" + std::string(IsaName(isa));
    const auto product = [&](const char* name, Format format, ActivationType type) {
      benchmark::RegisterBenchmark((name + on).c_str(), Product, isa, format, type)
          ->Arg(1)
          ->Arg(2)
          ->Arg(4)
          ->Arg(6)
          ->Arg(16)
          ->Arg(64)
          ->Arg(512);
    };
    product("nvfp4_f32", Format::kNvfp4, ActivationType::kF32);
    product("nvfp4_bf16", Format::kNvfp4, ActivationType::kBf16);
    product("nvfp4_int8", Format::kNvfp4, ActivationType::kInt8);
    product("bf16_bf16", Format::kBf16, ActivationType::kBf16);
    benchmark::RegisterBenchmark(("pack_groups" + on).c_str(), Packing, isa, RowForm::kGroups);
    benchmark::RegisterBenchmark(("pack_int16" + on).c_str(), Packing, isa, RowForm::kInt16);
    benchmark::RegisterBenchmark(("pack_int8" + on).c_str(), Packing, isa, RowForm::kInt8);
    benchmark::RegisterBenchmark(("pack_int16_groups" + on).c_str(), Packing, isa,
                                 RowForm::kInt16Groups);
    benchmark::RegisterBenchmark(("pack_int8_groups" + on).c_str(), Packing, isa,
                                 RowForm::kInt8Groups);
  }
  return 0;
}
[[maybe_unused]] const int kRegistered = Register();

}  // namespace
}  // namespace glimmer::kernels

BENCHMARK_MAIN();
