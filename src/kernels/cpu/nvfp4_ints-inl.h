// NVFP4 in whole numbers: what products with few and many rows and sums over rows begin with.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind vec-inl.h.

// An E4M3 code shifted to where F32 has exponent and mantissa means 2^-120 of itself, also where it
// is subnormal; weights are doubled.
constexpr int kScaleShift = 20;
constexpr float kIntFactor = 0x1p120f * 0.5f;
constexpr int kLargestScale = 0x7E << kScaleShift;

// Codes so shifted; NaN where they are not those of a number from 0 up.
inline __m256 ScalesOf(__m256i shifted) {
  const __m256i invalid = _mm256_cmpgt_epi32(shifted, _mm256_set1_epi32(kLargestScale));
  return _mm256_castsi256_ps(_mm256_or_si256(shifted, invalid));
}

inline __m256i LoadInts(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
inline void StoreInts(void* to, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(to), v); }

// Weights plus 12, doubled, by code.
inline __m256i LiftedValues() {
  return _mm256_broadcastsi128_si256(
      _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0));
}
