// Sixteen-lane vectors: one NVFP4 block to a vector on every instruction set. AVX-512 holds the 16
// F32 in one register, AVX2 in two; kernels are written once on these operations.
// Included inside namespace glimmer::kernels::GLIMMER_ISA by files that CMake compiles once for
// each instruction set. Includes nothing but <immintrin.h> and <cstdint> (see table.h).

constexpr size_t kLanes = 16;

// Eight bytes as sixteen bytes of one nibble each, low nibble first.
inline __m128i Nibbles(const uint8_t* p) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  const __m128i mask = _mm_set1_epi8(0xF);
  return _mm_unpacklo_epi8(_mm_and_si128(bytes, mask),
                           _mm_and_si128(_mm_srli_epi16(bytes, 4), mask));
}

// Keeps a vector in a register, where GCC would make a constant anew or load it for each use.
template <class Vector>
inline Vector Kept(Vector v) {
  asm("" : "+v"(v));
  return v;
}

template <size_t kValue>
struct Constant {
  static constexpr size_t value = kValue;
};
// call(Constant<count>{}), so that a loop over `count` is unrolled. REQUIRES: 1 <= count <= kMost.
template <size_t kMost, class Call>
inline auto WithConstant(size_t count, Call call) {
  if constexpr (kMost > 1) {
    if (count != kMost) return WithConstant<kMost - 1>(count, call);
  }
  return call(Constant<kMost>{});
}

inline float F32OfBits(uint32_t bits) { return __builtin_bit_cast(float, bits); }

#if defined(__AVX512F__)

struct F32x16 {
  __m512 v;
};
struct I32x16 {
  __m512i v;
};

inline F32x16 Broadcast(float x) { return {_mm512_set1_ps(x)}; }
inline I32x16 BroadcastInt(int32_t x) { return {_mm512_set1_epi32(x)}; }
inline F32x16 LoadF32(const float* p) { return {_mm512_loadu_ps(p)}; }
inline void StoreF32(F32x16 a, float* p) { _mm512_storeu_ps(p, a.v); }
inline F32x16 Mul(F32x16 a, F32x16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline F32x16 Sub(F32x16 a, F32x16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
// a * b + c, rounded once.
inline F32x16 MulAdd(F32x16 a, F32x16 b, F32x16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline F32x16 Div(F32x16 a, F32x16 b) { return {_mm512_div_ps(a.v, b.v)}; }
inline F32x16 Min(F32x16 a, F32x16 b) { return {_mm512_min_ps(a.v, b.v)}; }
inline F32x16 Max(F32x16 a, F32x16 b) { return {_mm512_max_ps(a.v, b.v)}; }
inline I32x16 Bits(F32x16 a) { return {_mm512_castps_si512(a.v)}; }
inline F32x16 FromBits(I32x16 a) { return {_mm512_castsi512_ps(a.v)}; }
inline I32x16 Add(I32x16 a, I32x16 b) { return {_mm512_add_epi32(a.v, b.v)}; }
inline I32x16 And(I32x16 a, I32x16 b) { return {_mm512_and_si512(a.v, b.v)}; }
template <int kCount>
inline I32x16 ShiftLeft(I32x16 a) {
  return {_mm512_slli_epi32(a.v, kCount)};
}
template <int kCount>
inline I32x16 ShiftRight(I32x16 a) {
  return {_mm512_srli_epi32(a.v, kCount)};
}
// Rounds to nearest even; what does not fit (infinity, NaN) becomes 0x80000000.
inline I32x16 RoundToInt(F32x16 a) { return {_mm512_cvtps_epi32(a.v)}; }
inline F32x16 ToF32(I32x16 a) { return {_mm512_cvtepi32_ps(a.v)}; }
// Comparisons are false where a lane is NaN.
struct Mask {
  __mmask16 m;
};
inline Mask Less(F32x16 a, F32x16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
inline Mask LessEqual(F32x16 a, F32x16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
inline I32x16 Select(Mask mask, I32x16 yes, I32x16 no) {
  return {_mm512_mask_mov_epi32(no.v, mask.m, yes.v)};
}
inline I32x16 WidenU16(const uint16_t* p) {
  return {_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
// The low byte of each lane.
inline __m128i NarrowToBytes(I32x16 a) { return _mm512_cvtepi32_epi8(a.v); }

// The low half of each lane.
inline void StoreAsI16(I32x16 a, int16_t* p) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(a.v));
}

// Lane l and lane l + 8 added.
inline __m256 AddHalves(F32x16 a) {
  return _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
}
// Eight bytes of E2M1 codes, low nibble first, as their values.
inline F32x16 DecodeE2m1(const uint8_t* codes) {
  const __m512 values =
      _mm512_setr_ps(0, .5f, 1, 1.5f, 2, 3, 4, 6, -0.f, -.5f, -1, -1.5f, -2, -3, -4, -6);
  return {_mm512_permutexvar_ps(_mm512_cvtepu8_epi32(Nibbles(codes)), values)};
}

// Sixteen sums in double.
struct F64x16 {
  __m512d lo, hi;
};
inline F64x16 LoadF64(const double* p) { return {_mm512_loadu_pd(p), _mm512_loadu_pd(p + 8)}; }
inline void StoreF64(F64x16 a, double* p) {
  _mm512_storeu_pd(p, a.lo);
  _mm512_storeu_pd(p + 8, a.hi);
}
// sum + a * a; the squares are exact.
inline F64x16 AddSquares(F32x16 a, F64x16 sum) {
  const __m512d lo = _mm512_cvtps_pd(_mm512_castps512_ps256(a.v));
  const __m512d hi = _mm512_cvtps_pd(_mm512_extractf32x8_ps(a.v, 1));
  return {_mm512_fmadd_pd(lo, lo, sum.lo), _mm512_fmadd_pd(hi, hi, sum.hi)};
}

// The widest vector of 16-bit lanes.
struct U16xN {
  __m512i v;
};
constexpr size_t kU16Lanes = 32;
inline U16xN LoadU16(const uint16_t* p) { return {_mm512_loadu_si512(p)}; }
inline U16xN ZeroU16() { return {_mm512_setzero_si512()}; }
inline U16xN And(U16xN a, uint16_t mask) {
  return {_mm512_and_si512(a.v, _mm512_set1_epi16(static_cast<short>(mask)))};
}
inline U16xN Max(U16xN a, U16xN b) { return {_mm512_max_epu16(a.v, b.v)}; }
inline __m256i FoldHalves(U16xN a) {
  return _mm256_max_epu16(_mm512_castsi512_si256(a.v), _mm512_extracti64x4_epi64(a.v, 1));
}

#elif defined(__AVX2__)

struct F32x16 {
  __m256 lo, hi;
};
struct I32x16 {
  __m256i lo, hi;
};

inline F32x16 Broadcast(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline I32x16 BroadcastInt(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
inline F32x16 LoadF32(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void StoreF32(F32x16 a, float* p) {
  _mm256_storeu_ps(p, a.lo);
  _mm256_storeu_ps(p + 8, a.hi);
}
inline F32x16 Sub(F32x16 a, F32x16 b) {
  return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
inline F32x16 MulAdd(F32x16 a, F32x16 b, F32x16 c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
inline F32x16 Mul(F32x16 a, F32x16 b) {
  return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
inline F32x16 Div(F32x16 a, F32x16 b) {
  return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
inline F32x16 Min(F32x16 a, F32x16 b) {
  return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)};
}
inline F32x16 Max(F32x16 a, F32x16 b) {
  return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
inline I32x16 Bits(F32x16 a) { return {_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi)}; }
inline F32x16 FromBits(I32x16 a) { return {_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi)}; }
inline I32x16 Add(I32x16 a, I32x16 b) {
  return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)};
}
inline I32x16 And(I32x16 a, I32x16 b) {
  return {_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)};
}
template <int kCount>
inline I32x16 ShiftLeft(I32x16 a) {
  return {_mm256_slli_epi32(a.lo, kCount), _mm256_slli_epi32(a.hi, kCount)};
}
template <int kCount>
inline I32x16 ShiftRight(I32x16 a) {
  return {_mm256_srli_epi32(a.lo, kCount), _mm256_srli_epi32(a.hi, kCount)};
}
inline I32x16 RoundToInt(F32x16 a) { return {_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi)}; }
inline F32x16 ToF32(I32x16 a) { return {_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)}; }
struct Mask {
  __m256i lo, hi;
};
inline Mask Less(F32x16 a, F32x16 b) {
  return {_mm256_castps_si256(_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ)),
          _mm256_castps_si256(_mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ))};
}
inline Mask LessEqual(F32x16 a, F32x16 b) {
  return {_mm256_castps_si256(_mm256_cmp_ps(a.lo, b.lo, _CMP_LE_OQ)),
          _mm256_castps_si256(_mm256_cmp_ps(a.hi, b.hi, _CMP_LE_OQ))};
}
inline I32x16 Select(Mask mask, I32x16 yes, I32x16 no) {
  return {_mm256_blendv_epi8(no.lo, yes.lo, mask.lo), _mm256_blendv_epi8(no.hi, yes.hi, mask.hi)};
}
inline I32x16 WidenU16(const uint16_t* p) {
  const auto* half = reinterpret_cast<const __m128i*>(p);
  return {_mm256_cvtepu16_epi32(_mm_loadu_si128(half)),
          _mm256_cvtepu16_epi32(_mm_loadu_si128(half + 1))};
}
inline __m128i NarrowToBytes(I32x16 a) {
  const __m256i low_byte = _mm256_set1_epi32(0xFF);
  const __m256i mixed =
      _mm256_packus_epi32(_mm256_and_si256(a.lo, low_byte), _mm256_and_si256(a.hi, low_byte));
  const __m256i words = _mm256_permute4x64_epi64(mixed, 0xD8);
  return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}
inline void StoreAsI16(I32x16 a, int16_t* p) {
  const __m256i mixed = _mm256_packs_epi32(a.lo, a.hi);  // all fit into 16 bits
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(mixed, 0xD8));
}

inline __m256 AddHalves(F32x16 a) { return _mm256_add_ps(a.lo, a.hi); }
// Values of eight codes, one a lane: a look-up of the magnitude and the sign bit moved to its
// place.
inline __m256 E2m1Values(__m256i codes) {
  const __m256 magnitudes = _mm256_setr_ps(0, .5f, 1, 1.5f, 2, 3, 4, 6);
  const __m256i sign = _mm256_slli_epi32(_mm256_srli_epi32(codes, 3), 31);
  return _mm256_xor_ps(_mm256_permutevar8x32_ps(magnitudes, codes), _mm256_castsi256_ps(sign));
}
inline F32x16 DecodeE2m1(const uint8_t* codes) {
  const __m128i nibbles = Nibbles(codes);
  return {E2m1Values(_mm256_cvtepu8_epi32(nibbles)),
          E2m1Values(_mm256_cvtepu8_epi32(_mm_srli_si128(nibbles, 8)))};
}

struct F64x16 {
  __m256d v[4];
};
inline F64x16 LoadF64(const double* p) {
  return {{_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4), _mm256_loadu_pd(p + 8),
           _mm256_loadu_pd(p + 12)}};
}
inline void StoreF64(F64x16 a, double* p) {
  for (int i = 0; i < 4; ++i) _mm256_storeu_pd(p + 4 * i, a.v[i]);
}
inline F64x16 AddSquares(F32x16 a, F64x16 sum) {
  const __m128 quarters[4] = {_mm256_castps256_ps128(a.lo), _mm256_extractf128_ps(a.lo, 1),
                              _mm256_castps256_ps128(a.hi), _mm256_extractf128_ps(a.hi, 1)};
  for (int i = 0; i < 4; ++i) {
    const __m256d wide = _mm256_cvtps_pd(quarters[i]);
    sum.v[i] = _mm256_fmadd_pd(wide, wide, sum.v[i]);
  }
  return sum;
}

struct U16xN {
  __m256i v;
};
constexpr size_t kU16Lanes = 16;
inline U16xN LoadU16(const uint16_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
inline U16xN ZeroU16() { return {_mm256_setzero_si256()}; }
inline U16xN And(U16xN a, uint16_t mask) {
  return {_mm256_and_si256(a.v, _mm256_set1_epi16(static_cast<short>(mask)))};
}
inline U16xN Max(U16xN a, U16xN b) { return {_mm256_max_epu16(a.v, b.v)}; }
inline __m256i FoldHalves(U16xN a) { return a.v; }

#endif

// Largest of sixteen unsigned 16-bit lanes.
inline uint16_t HorizontalMax(__m256i a) {
  const __m128i eight = _mm_max_epu16(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  const __m128i inverted = _mm_xor_si128(eight, _mm_set1_epi16(-1));
  return static_cast<uint16_t>(~_mm_cvtsi128_si32(_mm_minpos_epu16(inverted)));
}

// All sixteen lanes, in the same order on every instruction set.
inline float HorizontalSum(F32x16 a) {
  const __m256 eight = AddHalves(a);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
