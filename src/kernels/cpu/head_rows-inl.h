// A head's rows of a weight, decoded sixteen or sixty-four columns at a time.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind float-inl.h and nvfp4_ints-inl.h.
//
// Sixty-four columns of a row are decoded into eight vectors of eight. For NVFP4 they come in the
// order in which nibbles leave 32 bytes at the least cost ("turned"); sums over rows are put in
// order at their end, dot products meet an x that has been turned alike.

constexpr size_t kWideCols = 64;
constexpr size_t kEights = kWideCols / 8;

// A head's rows are read strip by strip; while the first strip of a row is read, all of a later row
// is asked for.
constexpr size_t kRowsAhead = 16;
inline void PrefetchLines(const void* from, size_t bytes) {
  for (size_t at = 0; at < bytes; at += 64) PrefetchLine(static_cast<const char*>(from) + at);
}

// Load(n, k): elements k to k + 15 of row n; Load64 as above; At: one. Without the weight's scale.
struct F32Head {
  static constexpr bool kTurned = false;
  const HeadProductArgs& a;
  const float* Row(size_t n) const { return static_cast<const float*>(a.w) + n * a.w_stride; }
  void Prefetch(size_t n) const { PrefetchLines(Row(n), a.cols * sizeof(float)); }
  F32x16 Load(size_t n, size_t k) const { return LoadF32(Row(n) + k); }
  float At(size_t n, size_t k) const { return Row(n)[k]; }
  void Load64(size_t n, size_t k, __m256 (&v)[kEights]) const {
#pragma GCC unroll 8
    for (size_t j = 0; j < kEights; ++j) v[j] = _mm256_loadu_ps(Row(n) + k + 8 * j);
  }
};

struct Bf16Head {
  static constexpr bool kTurned = false;
  const HeadProductArgs& a;
  const uint16_t* Row(size_t n) const { return static_cast<const uint16_t*>(a.w) + n * a.w_stride; }
  void Prefetch(size_t n) const { PrefetchLines(Row(n), a.cols * sizeof(uint16_t)); }
  F32x16 Load(size_t n, size_t k) const { return FromBits(ShiftLeft<16>(WidenU16(Row(n) + k))); }
  float At(size_t n, size_t k) const { return F32OfBits(uint32_t{Row(n)[k]} << 16); }
  void Load64(size_t n, size_t k, __m256 (&v)[kEights]) const {
#pragma GCC unroll 8
    for (size_t j = 0; j < kEights; ++j) {
      const auto* p = reinterpret_cast<const __m128i*>(Row(n) + k + 8 * j);
      v[j] = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(p)), 16));
    }
  }
};

struct Nvfp4Head {
  static constexpr bool kTurned = true;
  const HeadProductArgs& a;

  const uint8_t* Codes(size_t n, size_t k) const {
    return static_cast<const uint8_t*>(a.w) + (n * a.cols + k) / 2;
  }
  const uint8_t* Scales(size_t n, size_t k) const {
    return a.block_scales + (n * a.cols + k) / kLanes;
  }
  void Prefetch(size_t n) const {
    PrefetchLines(Codes(n, 0), a.cols / 2);
    PrefetchLines(Scales(n, 0), a.cols / kLanes);
  }
  F32x16 Load(size_t n, size_t k) const {
    return Mul(DecodeE2m1(Codes(n, k)), Broadcast(a.e4m3_values[*Scales(n, k)]));
  }
  float At(size_t, size_t) const { return 0; }  // never called: rows are whole blocks

  // v[4 half + 2 odd + part] holds columns 2 (8 half + 4 part + i) + odd for i below 4, then the
  // same plus 32. The high and the low byte of a code's BF16 pattern are looked up, bytes join to
  // patterns, and patterns with zeros below to F32.
  void Load64(size_t n, size_t k, __m256 (&v)[kEights]) const {
    const __m256i high = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0, 0x3F, 0x3F, 0x3F, 0x40, 0x40, 0x40, 0x40, -128, -65, -65, -65, -64, -64, -64, -64));
    const __m256i low = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, -128, -64, 0, 0x40, -128, -64, 0, 0, -128, -64, 0, 0x40, -128, -64));
    const __m256i mask = _mm256_set1_epi8(0xF), zero = _mm256_setzero_si256();
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(Codes(n, k)));
    const __m256i nibbles[2] = {_mm256_and_si256(bytes, mask),
                                _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask)};
    __m256 scales[2];
    Scales64(n, k, scales);
#pragma GCC unroll 2
    for (size_t odd = 0; odd < 2; ++odd) {
      const __m256i upper = _mm256_shuffle_epi8(high, nibbles[odd]);
      const __m256i lower = _mm256_shuffle_epi8(low, nibbles[odd]);
      const __m256i halves[2] = {_mm256_unpacklo_epi8(lower, upper),
                                 _mm256_unpackhi_epi8(lower, upper)};
#pragma GCC unroll 2
      for (size_t half = 0; half < 2; ++half) {
        __m256* to = v + 4 * half + 2 * odd;
        to[0] = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_unpacklo_epi16(zero, halves[half])),
                              scales[half]);
        to[1] = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_unpackhi_epi16(zero, halves[half])),
                              scales[half]);
      }
    }
  }

 private:
  // Those of the blocks at k and k + 32 four times each, then of k + 16 and k + 48. An E4M3 code
  // shifted to where F32 has exponent and mantissa is 2^-120 of its value.
  void Scales64(size_t n, size_t k, __m256 (&v)[2]) const {
    int32_t four;
    __builtin_memcpy(&four, Scales(n, k), sizeof four);
    const __m256i bytes = _mm256_set1_epi32(four);
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const auto place = [&](int block) { return _mm_set1_epi32((block << 16) | ~0xFF0000); };
      const __m256i places = _mm256_set_m128i(place(half + 2), place(half));
      const __m256 scales =
          ScalesOf(_mm256_slli_epi32(_mm256_shuffle_epi8(bytes, places), kScaleShift - 16));
      v[half] = _mm256_mul_ps(scales, _mm256_set1_ps(0x1p120f));
    }
  }
};
