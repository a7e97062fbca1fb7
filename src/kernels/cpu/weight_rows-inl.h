// Rows of W as stored, read sixteen elements at a time as F32.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind vec-inl.h.

// Sixteen numbers of a row of W as two eights.
struct Pair {
  __m256 lo, hi;
};

inline Pair FromBytes(__m128i bytes, __m256 scale) {
  const __m256i lo = _mm256_cvtepi8_epi32(bytes);
  const __m256i hi = _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8));
  return {_mm256_mul_ps(_mm256_cvtepi32_ps(lo), scale),
          _mm256_mul_ps(_mm256_cvtepi32_ps(hi), scale)};
}

inline void PrefetchLine(const void* p) {
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0);
  // Or GCC takes a function that does nothing else for one without effects, and leaves it out.
  asm volatile("" : : "r"(p));
}

// A row of W: Load(k) gives elements k to k + 15, At(k) one; Prefetch(k) asks for them, also where
// there are none.
struct F32Row {
  const float* w;
  Pair Load(size_t k) const { return {_mm256_loadu_ps(w + k), _mm256_loadu_ps(w + k + 8)}; }
  float At(size_t k) const { return w[k]; }
  void Prefetch(size_t k) const { PrefetchLine(w + k); }
};
struct Bf16Row {
  const uint16_t* w;
  Pair Load(size_t k) const {
    const auto* p = reinterpret_cast<const __m128i*>(w + k);
    return {Widen(_mm_loadu_si128(p)), Widen(_mm_loadu_si128(p + 1))};
  }
  float At(size_t k) const { return F32OfBits(uint32_t{w[k]} << 16); }
  void Prefetch(size_t k) const { PrefetchLine(w + k); }
  static __m256 Widen(__m128i eight) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(eight), 16));
  }
};
struct Nvfp4Row {
  const uint8_t* codes;
  const uint8_t* scales;
  const float* e4m3_values;
  Pair Load(size_t k) const {
    const __m128i doubled = _mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
    const __m128i bytes = _mm_shuffle_epi8(doubled, Nibbles(codes + k / 2));
    return FromBytes(bytes, _mm256_set1_ps(0.5f * e4m3_values[scales[k / 16]]));
  }
  float At(size_t) const { return 0; }  // never called: rows are whole blocks
  void Prefetch(size_t k) const { PrefetchLine(codes + k / 2); }
};
struct E4m3Row {
  const uint8_t* w;
  const float*
      scale;  // of the row; read with its elements, so that a row behind the last can be asked for
  const float* e4m3_values;
  Pair Load(size_t k) const {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(w + k));
    // Moved to where F16 has exponent and mantissa a code means 2^-8 of itself; the sign stands in
    // every bit above them, of which F16 wants the highest alone.
    const __m256i moved = _mm256_slli_epi16(_mm256_cvtepi8_epi16(bytes), 7);
    const __m256i halves = _mm256_and_si256(moved, _mm256_set1_epi16(static_cast<short>(0xBF80)));
    return {Eight(_mm256_castsi256_si128(halves)), Eight(_mm256_extracti128_si256(halves, 1))};
  }
  float At(size_t k) const { return e4m3_values[w[k]] * *scale; }
  void Prefetch(size_t k) const { PrefetchLine(w + k); }
  __m256 Eight(__m128i halves) const {
    return _mm256_mul_ps(_mm256_cvtph_ps(halves), _mm256_set1_ps(256.0f * *scale));
  }
};

// How to find row n.
struct F32Weights {
  const MatMulArgs& a;
  F32Row Row(size_t n) const { return {static_cast<const float*>(a.w) + n * a.w_stride}; }
};
struct Bf16Weights {
  const MatMulArgs& a;
  Bf16Row Row(size_t n) const { return {static_cast<const uint16_t*>(a.w) + n * a.w_stride}; }
};
struct Nvfp4Weights {
  const MatMulArgs& a;
  Nvfp4Row Row(size_t n) const {
    return {static_cast<const uint8_t*>(a.w) + n * a.cols / 2, a.block_scales + n * a.cols / 16,
            a.e4m3_values};
  }
};
struct E4m3Weights {
  const MatMulArgs& a;
  E4m3Row Row(size_t n) const {
    return {static_cast<const uint8_t*>(a.w) + n * a.w_stride, a.row_scales + n, a.e4m3_values};
  }
};

// Up to sixteen elements behind the last whole sixteen, zeros after them.
template <class Row>
inline Pair LoadTail(const Row& row, size_t k, size_t last) {
  alignas(32) float values[16] = {};
  for (size_t i = k; i < last; ++i) values[i - k] = row.At(i);
  return {_mm256_load_ps(values), _mm256_load_ps(values + 8)};
}
