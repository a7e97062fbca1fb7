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

thread_local volatile float t_sink;  // keeps results alive

// 1, which the compiler does not know.
float One() {
  volatile float one = 1;
  return one;
}

double RunScalar(size_t steps) {
  std::array<float, kSums> sums{};
  const float a = One(), b = One();
  for (size_t i = 0; i < steps; ++i) {
    for (float& sum : sums) sum += a * b;
  }
  for (const float sum : sums) t_sink = sum;
  return 2.0 * kSums * static_cast<double>(steps);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) double RunAvx2(size_t steps) {
  __m256 sums[kSums];
  for (__m256& sum : sums) sum = _mm256_setzero_ps();
  const __m256 a = _mm256_set1_ps(One()), b = _mm256_set1_ps(One());
  for (size_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(a, b, sum);
  }
  for (const __m256& sum : sums) t_sink = _mm256_cvtss_f32(sum);
  return 2.0 * 8 * kSums * static_cast<double>(steps);
}

__attribute__((target("avx512f"))) double RunAvx512(size_t steps) {
  __m512 sums[kSums];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  const __m512 a = _mm512_set1_ps(One()), b = _mm512_set1_ps(One());
  for (size_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(a, b, sum);
  }
  for (const __m512& sum : sums) t_sink = _mm512_cvtss_f32(sum);
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
  for (const __m512& sum : sums) t_sink = _mm512_cvtss_f32(sum);
  return 2.0 * 32 * kSums * static_cast<double>(steps);
}

// Without VNNI: pairs to INT16, pairs of these to INT32, and the sum.
__attribute__((target("avx2"))) double RunAvx2Int8(size_t steps) {
  __m256i sums[kSums];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  __m256i a = _mm256_set1_epi8(1), b = a;
  const __m256i ones = _mm256_set1_epi16(1);
  for (size_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (__m256i& sum : sums) {
      asm volatile("" : "+x"(a), "+x"(b));  // the product is the same each time, and must be made
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
    }
  }
  for (const __m256i& sum : sums) t_sink = static_cast<float>(_mm256_extract_epi32(sum, 0));
  return 2.0 * 32 * kSums * static_cast<double>(steps);
}

__attribute__((target("avx512f,avx512vnni"))) double RunAvx512Int8(size_t steps) {
  __m512i sums[kSums];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  const __m512i a = _mm512_set1_epi8(1);
  for (size_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (__m512i& sum : sums) sum = _mm512_dpbusd_epi32(sum, a, a);
  }
  for (const __m512i& sum : sums) t_sink = static_cast<float>(_mm512_cvtsi512_si32(sum));
  return 2.0 * 64 * kSums * static_cast<double>(steps);
}

bool HasVnni() { return __builtin_cpu_supports("avx512vnni"); }
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
  if (kind == PeakKind::kInt8 && HasVnni()) return RunAvx512Int8(products / (64 * kSums));
  if (kind == PeakKind::kInt8 && __builtin_cpu_supports("avx2")) {
    return RunAvx2Int8(products / (32 * kSums));
  }
  if (__builtin_cpu_supports("avx512f")) return RunAvx512(products / (16 * kSums));
  if (__builtin_cpu_supports("fma")) return RunAvx2(products / (8 * kSums));
#endif
  return RunScalar(products / kSums);
}

std::string_view PeakInstruction(PeakKind kind) {
#if defined(__x86_64__)
  if (kind == PeakKind::kBf16 && HasBf16Products()) return "vdpbf16ps";
  if (kind == PeakKind::kInt8 && HasVnni()) return "vpdpbusd";
  if (kind == PeakKind::kInt8 && __builtin_cpu_supports("avx2")) return "vpmaddubsw";
  if (__builtin_cpu_supports("fma")) return "vfmadd231ps";
#endif
  return "multiply and add";
}

uint64_t ReadOnce(std::span<const uint64_t> words) {
  constexpr size_t kWordsOfLine = 8;
  constexpr size_t kLines = 8;  // with independent sums
  std::array<uint64_t, kLines> sums{};
  const size_t whole = words.size() / (kWordsOfLine * kLines) * (kWordsOfLine * kLines);
  for (size_t i = 0; i < whole; i += kWordsOfLine * kLines) {
    for (size_t line = 0; line < kLines; ++line) sums[line] += words[i + line * kWordsOfLine];
  }
  uint64_t sum = 0;
  for (const uint64_t part : sums) sum += part;
  for (size_t i = whole; i < words.size(); i += kWordsOfLine) sum += words[i];
  return sum;
}

}  // namespace glimmer::kernels
