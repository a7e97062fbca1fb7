// Floating-point operations beyond vec-inl.h: comparisons as bits, parts of vectors, an
// exponential, and vectors of the set's own width for sums of products.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind vec-inl.h and matmul-inl.h.

#if defined(__AVX512F__)

inline F32x16 Add(F32x16 a, F32x16 b) { return {_mm512_add_ps(a.v, b.v)}; }
inline I32x16 Or(I32x16 a, I32x16 b) { return {_mm512_or_si512(a.v, b.v)}; }
inline I32x16 Xor(I32x16 a, I32x16 b) { return {_mm512_xor_si512(a.v, b.v)}; }
inline I32x16 ShiftRightBy(I32x16 a, unsigned count) {
  return {_mm512_srl_epi32(a.v, _mm_cvtsi32_si128(static_cast<int>(count)))};
}
// All bits of a lane are its sign.
inline I32x16 SignBits(I32x16 a) { return {_mm512_srai_epi32(a.v, 31)}; }
inline Mask Equal(I32x16 a, I32x16 b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
inline Mask Equal(F32x16 a, F32x16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
inline Mask IsNan(F32x16 a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
// One bit for each lane, and back.
inline uint32_t ToBits(Mask mask) { return mask.m; }
inline Mask ToMask(uint32_t bits) { return {static_cast<__mmask16>(bits)}; }
inline void StoreU32(I32x16 a, uint32_t* p) { _mm512_storeu_si512(p, a.v); }
// The low half of each lane.
inline void StoreU16(I32x16 a, uint8_t* p) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(a.v));
}
// Sixteen BF16 patterns.
inline F32x16 WidenBf16(__m256i patterns) {
  return FromBits(ShiftLeft<16>({_mm512_cvtepu16_epi32(patterns)}));
}
// Sixteen half floats.
inline F32x16 WidenF16(__m256i halves) { return {_mm512_cvtph_ps(halves)}; }
// Pairs (a0, b0), (a1, b1), … apart, and together again.
inline void SplitPairs(F32x16& a, F32x16& b) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  const __m512 first = _mm512_permutex2var_ps(a.v, even, b.v);
  b.v = _mm512_permutex2var_ps(a.v, odd, b.v);
  a.v = first;
}
inline void JoinPairs(F32x16& a, F32x16& b) {
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i high =
      _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  const __m512 first = _mm512_permutex2var_ps(a.v, low, b.v);
  b.v = _mm512_permutex2var_ps(a.v, high, b.v);
  a.v = first;
}
inline __m256 MaxHalves(F32x16 a) {
  return _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
}

inline F32x16 JoinEights(__m256 low, __m256 high) {
  return {_mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1)};
}

struct F32xN {
  __m512 v;
};
inline F32xN LoadN(const float* p) { return {_mm512_loadu_ps(p)}; }
inline F32xN ZeroN() { return {_mm512_setzero_ps()}; }
inline F32xN MulAdd(F32xN a, F32xN b, F32xN c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline __m256 AddHalves(F32xN a) { return AddHalves(F32x16{a.v}); }
constexpr size_t kNativeLanes = 16;
// Sums of products that a tile keeps in registers: 12 of sixteen lanes, of 32 registers.
constexpr size_t kTileSums = 12;

#elif defined(__AVX2__)

inline F32x16 Add(F32x16 a, F32x16 b) {
  return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
inline I32x16 Or(I32x16 a, I32x16 b) {
  return {_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)};
}
inline I32x16 Xor(I32x16 a, I32x16 b) {
  return {_mm256_xor_si256(a.lo, b.lo), _mm256_xor_si256(a.hi, b.hi)};
}
inline I32x16 ShiftRightBy(I32x16 a, unsigned count) {
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(count));
  return {_mm256_srl_epi32(a.lo, shift), _mm256_srl_epi32(a.hi, shift)};
}
inline I32x16 SignBits(I32x16 a) {
  return {_mm256_srai_epi32(a.lo, 31), _mm256_srai_epi32(a.hi, 31)};
}
inline Mask Equal(I32x16 a, I32x16 b) {
  return {_mm256_cmpeq_epi32(a.lo, b.lo), _mm256_cmpeq_epi32(a.hi, b.hi)};
}
inline Mask Equal(F32x16 a, F32x16 b) {
  return {_mm256_castps_si256(_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ)),
          _mm256_castps_si256(_mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ))};
}
inline Mask IsNan(F32x16 a) {
  return {_mm256_castps_si256(_mm256_cmp_ps(a.lo, a.lo, _CMP_UNORD_Q)),
          _mm256_castps_si256(_mm256_cmp_ps(a.hi, a.hi, _CMP_UNORD_Q))};
}
inline uint32_t ToBits(Mask mask) {
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(mask.lo)) |
                               _mm256_movemask_ps(_mm256_castsi256_ps(mask.hi)) << 8);
}
inline Mask ToMask(uint32_t bits) {
  const __m256i all = _mm256_set1_epi32(static_cast<int>(bits));
  const __m256i low = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256i high = _mm256_slli_epi32(low, 8);
  return {_mm256_cmpeq_epi32(_mm256_and_si256(all, low), low),
          _mm256_cmpeq_epi32(_mm256_and_si256(all, high), high)};
}
inline void StoreU32(I32x16 a, uint32_t* p) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.lo);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), a.hi);
}
inline void StoreU16(I32x16 a, uint8_t* p) {
  const __m256i low_half = _mm256_set1_epi32(0xFFFF);
  const __m256i mixed =
      _mm256_packus_epi32(_mm256_and_si256(a.lo, low_half), _mm256_and_si256(a.hi, low_half));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(mixed, 0xD8));
}
inline F32x16 WidenBf16(__m256i patterns) {
  return FromBits(ShiftLeft<16>({_mm256_cvtepu16_epi32(_mm256_castsi256_si128(patterns)),
                                 _mm256_cvtepu16_epi32(_mm256_extracti128_si256(patterns, 1))}));
}
inline F32x16 WidenF16(__m256i halves) {
  return {_mm256_cvtph_ps(_mm256_castsi256_si128(halves)),
          _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1))};
}
inline void SplitPairs(F32x16& a, F32x16& b) {
  const auto even = [](__m256 low, __m256 high) {
    return _mm256_shuffle_ps(_mm256_permute2f128_ps(low, high, 0x20),
                             _mm256_permute2f128_ps(low, high, 0x31), 0x88);
  };
  const auto odd = [](__m256 low, __m256 high) {
    return _mm256_shuffle_ps(_mm256_permute2f128_ps(low, high, 0x20),
                             _mm256_permute2f128_ps(low, high, 0x31), 0xDD);
  };
  const F32x16 first = {even(a.lo, a.hi), even(b.lo, b.hi)};
  b = {odd(a.lo, a.hi), odd(b.lo, b.hi)};
  a = first;
}
inline void JoinPairs(F32x16& a, F32x16& b) {
  const auto join = [](__m256 even, __m256 odd) -> F32x16 {
    const __m256 low = _mm256_unpacklo_ps(even, odd), high = _mm256_unpackhi_ps(even, odd);
    return {_mm256_permute2f128_ps(low, high, 0x20), _mm256_permute2f128_ps(low, high, 0x31)};
  };
  const F32x16 first = join(a.lo, b.lo);
  b = join(a.hi, b.hi);
  a = first;
}
inline __m256 MaxHalves(F32x16 a) { return _mm256_max_ps(a.lo, a.hi); }

inline F32x16 JoinEights(__m256 low, __m256 high) { return {low, high}; }

struct F32xN {
  __m256 v;
};
inline F32xN LoadN(const float* p) { return {_mm256_loadu_ps(p)}; }
inline F32xN ZeroN() { return {_mm256_setzero_ps()}; }
inline F32xN MulAdd(F32xN a, F32xN b, F32xN c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline __m256 AddHalves(F32xN a) { return a.v; }
constexpr size_t kNativeLanes = 8;
// Sums of products that a tile keeps in registers: 6 of sixteen lanes take 12 of 16 registers.
constexpr size_t kTileSums = 6;

#endif

inline F32x16 Select(Mask mask, F32x16 yes, F32x16 no) {
  return FromBits(Select(mask, Bits(yes), Bits(no)));
}
inline F32x16 Abs(F32x16 a) { return FromBits(And(Bits(a), BroadcastInt(0x7FFFFFFF))); }
constexpr float kInfinity = __builtin_inff();

inline float HorizontalMax(F32x16 a) {
  const __m256 eight = MaxHalves(a);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

// The sums of the lanes of four vectors; each in the same order.
inline __m128 Sum4(F32xN a, F32xN b, F32xN c, F32xN d) {
  const __m256 va = AddHalves(a), vb = AddHalves(b), vc = AddHalves(c), vd = AddHalves(d);
  const __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps(va, vb), _mm256_unpackhi_ps(va, vb));
  const __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps(vc, vd), _mm256_unpackhi_ps(vc, vd));
  const __m256 sums =
      _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xEE));
  return _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
}

// Elements i to i + 15 of `count`; those behind the end are 0, or left alone.
inline F32x16 LoadPart(const float* p, size_t i, size_t count) {
  if (i + kLanes <= count) return LoadF32(p + i);
  alignas(64) float part[kLanes] = {};
  for (size_t l = 0; i + l < count; ++l) part[l] = p[i + l];
  return LoadF32(part);
}
inline void StorePart(F32x16 a, float* p, size_t i, size_t count) {
  if (i + kLanes <= count) return StoreF32(a, p + i);
  alignas(64) float part[kLanes];
  StoreF32(a, part);
  for (size_t l = 0; i + l < count; ++l) p[i + l] = part[l];
}

// exp(x) for x <= 0, relative error below 3 * 2^-24; 0 where the true value is below 1.22e-38; NaN
// for NaN. x = k ln 2 + r with k to nearest and |r| < 0.3467, exp(r) by its Taylor polynomial of
// degree 7, times 2^k by its bits. In units of 2^-24 of the result: the remainder of the series
// r^8 / 8! is 0.13; rounding the last step 1, the steps before it, multiplied by r, together 0.8;
// r itself 0.3 (k times the first part of ln 2, of 10 bits, is exact, and so is subtracting it).
inline F32x16 ExpOfNonPositive(F32x16 x) {
  constexpr float kLeast = -87.3f;
  constexpr float kInverseFactorials[] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24,
                                          1.0f / 6,    1.0f / 2,   1.0f,       1.0f};
  const F32x16 clamped = Max(Broadcast(kLeast), x);  // the second where one is NaN
  const I32x16 k = RoundToInt(Mul(clamped, Broadcast(0x1.715476p0f)));
  F32x16 r = MulAdd(ToF32(k), Broadcast(-0.693359375f), clamped);
  r = MulAdd(ToF32(k), Broadcast(2.12194440e-4f), r);
  F32x16 sum = Broadcast(kInverseFactorials[0]);
  for (size_t n = 1; n < 8; ++n) sum = MulAdd(sum, r, Broadcast(kInverseFactorials[n]));
  const F32x16 result = FromBits(Add(Bits(sum), ShiftLeft<23>(k)));
  return Select(Less(x, Broadcast(kLeast)), Broadcast(0.0f), result);
}
