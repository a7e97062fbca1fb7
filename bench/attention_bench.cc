// Attention, indexer and the small kernels on the shapes of the 5 B benchmark model, on every
// instruction set of this processor, one thread, blocks in cache. `peak` is the best call's
// share of the F32 peak measured around the loop; operations count a multiply-add as two.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "kernel_timing.h"
#include "kernels/activations.h"
#include "kernels/attention.h"
#include "kernels/dispatch.h"
#include "kernels/head_products.h"
#include "kernels/index_scores.h"
#include "kernels/nvfp4_pack.h"
#include "kernels/top_k.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels {
namespace {

using tensor::OwnedMatrix;

constexpr size_t kHeads = 16, kRank = 512, kRotated = 64, kHeadDim = 256;
constexpr size_t kIndexHeads = 32, kIndexDim = 128;

// Rows of a cache in one format.
struct Cache {
  Cache(CacheFormat format, size_t count, size_t cols)
      : bytes(count * CacheRowBytes(format, cols)) {
    const OwnedMatrix values = Random(count, cols);
    for (size_t u = 0; u < count; ++u) {
      std::byte* row = bytes.data() + u * CacheRowBytes(format, cols);
      StoreCacheRow(format, values.view().row_span(u), row);
      rows.push_back(row);
    }
    cached = {format, cols, rows};
  }
  std::vector<std::byte> bytes;
  std::vector<const std::byte*> rows;
  CachedRows cached;
};

void Absorbed(benchmark::State& state, Isa isa, CacheFormat format, size_t heads) {
  constexpr size_t kPositions = 2048, kAtOnce = 256;
  const Cache cache(format, kPositions, kRank + kRotated);
  const OwnedMatrix queries = Random(heads, kRank + kRotated);
  const auto run = [&](Isa on, const OwnedMatrix& y) {
    SoftmaxSums all(on, queries, kRank, 0.06f);
    for (size_t first = 0; first < kPositions; first += kAtOnce) {
      SoftmaxSums sums(on, queries, kRank, 0.06f);
      sums.Add({format, kRank + kRotated, std::span(cache.rows).subspan(first, kAtOnce)});
      all.Merge(sums);
    }
    all.Finish(y);
  };
  const OwnedMatrix y(heads, kRank), expected(heads, kRank);
  run(isa, y);
  run(Isa::kScalar, expected);
  if (Distance(y, expected) > kTolerance) return state.SkipWithError("wrong sums");
  Time(state, 2.0 * static_cast<double>(heads * kPositions * (2 * kRank + kRotated)),
       [&] { run(isa, y); });
}

void Expanded(benchmark::State& state, Isa isa) {
  constexpr size_t kQueries = 128, kPositions = 2048, kNope = kHeadDim - kRotated;
  const OwnedMatrix queries = Random(kQueries, kHeadDim);
  const OwnedMatrix expanded = Random(kPositions, kNope + kHeadDim);
  const OwnedMatrix rotated = Random(kPositions, kRotated);
  const std::vector<uint64_t> all(kQueries, ~uint64_t{0});
  const auto run = [&](Isa on, const OwnedMatrix& y) {
    SoftmaxSums sums(on, queries, kHeadDim, 0.06f);
    for (size_t u = 0; u < kPositions; u += kAttentionBlock) {
      const auto rows = expanded.view().Rows(u, kAttentionBlock);
      sums.Add({rows.Cols(0, kNope), rotated.view().Rows(u, kAttentionBlock),
                rows.Cols(kNope, kHeadDim)},
               all);
    }
    sums.Finish(y);
  };
  const OwnedMatrix y(kQueries, kHeadDim), expected(kQueries, kHeadDim);
  run(isa, y);
  run(Isa::kScalar, expected);
  if (Distance(y, expected) > kTolerance) return state.SkipWithError("wrong sums");
  Time(state, 2.0 * kQueries * kPositions * 2 * kHeadDim, [&] { run(isa, y); });
}

// Queries and keys may be taken as whole numbers of 16 bits.
constexpr double kWordTolerance = 1e-3;

void Index(benchmark::State& state, Isa isa, CacheFormat format, size_t rows) {
  constexpr size_t kKeys = 256;
  const Cache keys(format, kKeys, kIndexDim);
  const OwnedMatrix queries = Random(rows, kIndexHeads * kIndexDim);
  const OwnedMatrix weights = Random(rows, kIndexHeads);
  const OwnedMatrix scores(rows, kKeys), expected(rows, kKeys);
  const ActivationType type = ActivationType::kBf16;
  RoundToBf16(queries.elements(), queries.elements());
  ScoreKeysOn(isa, queries, type, weights, keys.cached, scores);
  ScoreKeysOn(Isa::kScalar, queries, type, weights, keys.cached, expected);
  const double tolerance = format == CacheFormat::kScaledE4m3 ? kWordTolerance : kTolerance;
  if (Distance(scores, expected) > tolerance) return state.SkipWithError("wrong scores");
  Time(state, 2.0 * static_cast<double>(rows) * kKeys * kIndexHeads * kIndexDim,
       [&] { ScoreKeysOn(isa, queries, type, weights, keys.cached, scores); });
}

void Choose(benchmark::State& state, Isa isa, size_t count, size_t k) {
  const OwnedMatrix scores = Random(1, count);
  if (TopKOn(isa, scores.elements(), k) != TopKOn(Isa::kScalar, scores.elements(), k)) {
    return state.SkipWithError("wrong choice");
  }
  Time(state, static_cast<double>(count),
       [&] { benchmark::DoNotOptimize(TopKOn(isa, scores.elements(), k)); });
}

// W_K for one query and W_V for one sum, of one head.
void HeadProducts(benchmark::State& state, Isa isa, Format format, size_t rows) {
  constexpr size_t kNope = kHeadDim - kRotated;
  const OwnedMatrix values = Random(kNope + kHeadDim, kRank);
  std::vector<tensor::Bf16> bf16;
  for (const float x : values.elements()) bf16.push_back(tensor::F32ToBf16(x));
  std::vector<uint8_t> codes(bf16.size() / 2), scales(bf16.size() / 16);
  Weight w = {.format = format, .rows = values.rows(), .cols = kRank, .stride = kRank};
  w.data = bf16.data();
  if (format == Format::kNvfp4) {
    w.tensor_scale = tensor::Nvfp4TensorScale(4.0f, tensor::ScaleRule::kCpu);
    PackNvfp4(bf16, w.tensor_scale, codes, scales);
    w.data = codes.data();
    w.block_scales = scales.data();
  }
  const OwnedMatrix queries = Random(rows, kNope), sums = Random(rows, kRank);
  const ActivationType type = ActivationType::kBf16;
  const auto run = [&](Isa on, const OwnedMatrix& y) {
    SumOfRowsOn(on, queries, type, RowsOf(w, 0, kNope), y.view().Cols(0, kRank));
    DotRowsOn(on, sums, type, RowsOf(w, kNope, kHeadDim), y.view().Cols(kRank, kHeadDim));
  };
  const OwnedMatrix y(rows, kRank + kHeadDim), expected(rows, kRank + kHeadDim);
  run(isa, y);
  run(Isa::kScalar, expected);
  if (Distance(y, expected) > kTolerance) return state.SkipWithError("wrong products");
  Time(state, 2.0 * static_cast<double>(rows * kRank * (kNope + kHeadDim)), [&] { run(isa, y); });
}

// What one token of the model needs in one layer, one after the other; see the counts.
void Small(benchmark::State& state, Isa isa) {
  const ElementwiseTable& t = *TableOf(isa).elementwise;
  const OwnedMatrix x = Random(1, 6144), weight = Random(1, 6144), y = Random(1, 6144);
  const OwnedMatrix heads = Random(kHeads + kIndexHeads, kRotated), turns = Random(1, kRotated);
  std::vector<uint8_t> row(4 * (kRank + kRotated));
  const auto run = [&](const ElementwiseTable& on) {
    for (int i = 0; i < 2; ++i) on.rms_norm(x.row(0), weight.row(0), 2048, 1e-5f, y.row(0));
    on.rms_norm(x.row(0), weight.row(0), 768, 1e-5f, y.row(0));
    on.rms_norm(x.row(0), weight.row(0), kRank, 1e-5f, y.row(0));
    on.layer_norm(x.row(0), weight.row(0), weight.row(0), kIndexDim, 1e-6f, y.row(0));
    for (int i = 0; i < 9; ++i) on.silu_mul(x.row(0), weight.row(0), 1024, y.row(0));
    for (int i = 0; i < 11; ++i) on.add_scaled(0.1f, x.row(0), 2048, y.row(0));
    for (size_t h = 0; h < heads.rows(); ++h) {
      on.rotate_interleaved(turns.row(0), turns.row(0) + kRotated / 2, kRotated / 2, heads.row(h));
    }
    for (int i = 0; i < 9; ++i) on.round_to_bf16(x.row(0), 2048, y.row(0));
    on.store_row(CacheFormat::kE4m3, x.row(0), kRank + kRotated, row.data());
    on.store_row(CacheFormat::kScaledE4m3, x.row(0), kIndexDim, row.data());
  };
  Time(state, 1, [&] { run(t); });
}

void RegisterAll(Isa isa) {
  const auto add = [&](const std::string& name, auto... args) {
    benchmark::RegisterBenchmark((name + "/" + std::string(IsaName(isa))).c_str(), args...);
  };
  const std::pair<CacheFormat, std::string> formats[] = {
      {CacheFormat::kF32, "f32"}, {CacheFormat::kBf16, "bf16"}, {CacheFormat::kE4m3, "e4m3"}};
  for (const auto& [format, name] : formats) add("Absorbed/" + name, Absorbed, isa, format, kHeads);
  add("Absorbed64Heads/e4m3", Absorbed, isa, CacheFormat::kE4m3, size_t{64});
  add("Expanded", Expanded, isa);
  for (const size_t rows : {1u, 32u}) {
    const std::string name = "Index/rows" + std::to_string(rows);
    add(name + "/bf16", Index, isa, CacheFormat::kBf16, rows);
    add(name + "/e4m3", Index, isa, CacheFormat::kScaledE4m3, rows);
  }
  add("Choose2048Of131072", Choose, isa, size_t{131072}, size_t{2048});
  add("Choose8Of64", Choose, isa, size_t{64}, size_t{8});
  for (const size_t rows : {1u, 64u}) {
    const std::string name = "HeadProducts/rows" + std::to_string(rows);
    add(name + "/bf16", HeadProducts, isa, Format::kBf16, rows);
    add(name + "/nvfp4", HeadProducts, isa, Format::kNvfp4, rows);
  }
  add("SmallKernelsOfALayer", Small, isa);
}

}  // namespace
}  // namespace glimmer::kernels

int main(int argc, char** argv) {
  for (const auto isa : glimmer::kernels::AvailableIsas()) glimmer::kernels::RegisterAll(isa);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
