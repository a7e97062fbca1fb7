#include "kernels/peak.h"

#include <array>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace glimmer::kernels {
namespace {

// Independent sums: more than latency times throughput on any processor so far. Also the number in
// `#pragma GCC unroll` below, which keeps them in registers.
constexpr size_t kSums = 12;

volatile float g_sink;  // keeps results alive

double RunScalar(size_t steps) {
  std::array<float, kSums> sums{};
  volatile float start = 1;
  const float a = start, b = start;
  for (size_t i = 0; i < steps; ++i) {
    for (float& sum : sums) sum += a * b;
  }
  for (const float sum : sums) g_sink = sum;
  return 2.0 * kSums * static_cast<double>(steps);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) double RunAvx2(size_t steps) {
  __m256 sums[kSums];
  for (__m256& sum : sums) sum = _mm256_setzero_ps();
  const __m256 a = _mm256_set1_ps(g_sink), b = _mm256_set1_ps(g_sink);
  for (size_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(a, b, sum);
  }
  for (const __m256& sum : sums) g_sink = _mm256_cvtss_f32(sum);
  return 2.0 * 8 * kSums * static_cast<double>(steps);
}

__attribute__((target("avx512f"))) double RunAvx512(size_t steps) {
  __m512 sums[kSums];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  const __m512 a = _mm512_set1_ps(g_sink), b = _mm512_set1_ps(g_sink);
  for (size_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(a, b, sum);
  }
  for (const __m512& sum : sums) g_sink = _mm512_cvtss_f32(sum);
  return 2.0 * 16 * kSums * static_cast<double>(steps);
}

__attribute__((target("avx512f,avx512bf16"))) double RunAvx512Bf16(size_t steps) {
  __m512 sums[kSums];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  const __m512bh a = _mm512_cvtne2ps_pbh(sums[0], sums[0]);
  for (size_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, a, a);
  }
  for (const __m512& sum : sums) g_sink = _mm512_cvtss_f32(sum);
  return 2.0 * 32 * kSums * static_cast<double>(steps);
}
#endif

}  // namespace

bool HasBf16Products() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

double RunPeak(PeakKind kind, size_t millions) {
  const size_t products = millions * 1'000'000;
#if defined(__x86_64__)
  if (kind == PeakKind::kBf16 && HasBf16Products()) return RunAvx512Bf16(products / (32 * kSums));
  if (__builtin_cpu_supports("avx512f")) return RunAvx512(products / (16 * kSums));
  if (__builtin_cpu_supports("fma")) return RunAvx2(products / (8 * kSums));
#endif
  return RunScalar(products / kSums);
}

}  // namespace glimmer::kernels
