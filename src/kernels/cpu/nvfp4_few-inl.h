// Products of NVFP4 weights with few rows of activations that are whole numbers: E2M1 doubled is
// one (0, 1, 2, 3, 4, 6, 8, 12), so sixteen columns need no rounding before their scale is applied.
// Twelve is added to every weight, which makes it unsigned as vpmaddubsw and vpdpbusd want it;
// IntRows::corrections holds what that adds to a sum.
//
// 128 columns at a time, a cache line of codes as stored: low nibbles are the even columns, high
// ones the odd. Rows of W are read one after the other, from one end to the other, as memory likes
// it, and asked for ahead. Eight lanes take the sixteens of a block of 128 in the order 0, 1, 4, 5,
// 2, 3, 6, 7, which is how AVX2 adds neighbours; blocks go to two sums in turn.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind vec-inl.h and matmul-inl.h.

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
#if defined(__AVX512VNNI__)
inline __m512 ScalesOf(__m512i shifted) {
  const __mmask16 invalid = _mm512_cmpgt_epi32_mask(shifted, _mm512_set1_epi32(kLargestScale));
  return _mm512_castsi512_ps(_mm512_mask_mov_epi32(shifted, invalid, _mm512_set1_epi32(-1)));
}
#endif

inline __m256i LoadInts(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

// Weights plus 12, doubled, by code.
inline __m256i LiftedValues() {
  return _mm256_broadcastsi128_si256(
      _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0));
}
inline __m256i LowNibbles(__m256i codes) {
  return _mm256_shuffle_epi8(LiftedValues(), _mm256_and_si256(codes, _mm256_set1_epi8(15)));
}
inline __m256i HighNibbles(__m256i codes) { return LowNibbles(_mm256_srli_epi16(codes, 4)); }

// Byte 2 of lane i is the place of the scale that belongs to it in the order above, the others are
// zero.
inline __m256i ScalePlaces() {
  const __m128i places = _mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0);
  return _mm256_or_si256(_mm256_slli_epi32(_mm256_cvtepu8_epi32(places), 16),
                         _mm256_set1_epi32(static_cast<int>(0xFF00FFFF)));
}

// How far ahead of the codes that are being read others are asked for. What lies behind the last
// row is often the next weight, and else does not matter.
constexpr size_t kPrefetchBytes = 2048;

// Rows of activations from t on.
template <size_t kDigits>
struct IntRowsFrom {
  const int8_t* digits;
  const int32_t* corrections;
  const float* scales;
  size_t blocks;

  IntRowsFrom(const IntRows& x, size_t t, size_t cols)
      : blocks((cols + kIntPadding - 1) / kIntPadding * (kIntPadding / kIntBlock)) {
    digits = x.digits + t * blocks * kDigits * kIntBlock;
    corrections = x.corrections + t * blocks * kIntSixteens;
    scales = x.scales + t * blocks * kIntSixteens;
  }
  const int8_t* Digits(size_t row, size_t block) const {
    return digits + (row * blocks + block) * kDigits * kIntBlock;
  }
  const int32_t* Corrections(size_t row, size_t block) const {
    return corrections + (row * blocks + block) * kIntSixteens;
  }
  const float* Scales(size_t row, size_t block) const {
    return scales + (row * blocks + block) * kIntSixteens;
  }
};

#if defined(__AVX512VNNI__)

// Two blocks of a row of W.
struct IntWeights {
  static constexpr size_t kBlocks = 2;
  __m512i even[2], odd[2];
  __m512 scales;  // times 2^-120

  static IntWeights Load(const uint8_t* codes, const uint8_t* scales) {
    IntWeights w;
    const __m512i values = _mm512_broadcast_i64x4(LiftedValues());
    const __m512i mask = _mm512_set1_epi8(15);
#pragma GCC unroll 2
    for (size_t i = 0; i < kBlocks; ++i) {
      const __m512i bytes = _mm512_loadu_si512(codes + i * kIntBlock / 2);
      w.even[i] = _mm512_shuffle_epi8(values, _mm512_and_si512(bytes, mask));
      w.odd[i] = _mm512_shuffle_epi8(values, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask));
    }
    const __m512i bytes =
        _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scales)));
    const __m512i first = _mm512_broadcast_i64x4(ScalePlaces());
    // Those of the second block are eight bytes further on.
    const __m512i places = _mm512_add_epi32(
        first, _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi32(8 << 16), 1));
    w.scales = ScalesOf(_mm512_slli_epi32(_mm512_shuffle_epi8(bytes, places), kScaleShift - 16));
    return w;
  }
};

struct IntSums {
  __m512 v;  // of blocks with an even number, then of the others
  void Clear() { v = _mm512_setzero_ps(); }

  template <size_t kDigits>
  static __m512i Dot(__m512i even, __m512i odd, const int8_t* digits) {
    __m512i dot = _mm512_setzero_si512();
#pragma GCC unroll 2
    for (size_t digit = 0; digit < kDigits; ++digit) {
      if (digit > 0) dot = _mm512_slli_epi32(dot, 8);
      const int8_t* at = digits + digit * kIntBlock;
      dot = _mm512_dpbusd_epi32(dot, even, _mm512_loadu_si512(at));
      dot = _mm512_dpbusd_epi32(dot, odd, _mm512_loadu_si512(at + kIntBlock / 2));
    }
    return dot;
  }
  // Two blocks of row `i` of x, from `block` on.
  template <size_t kDigits>
  void Add(const IntWeights& w, const IntRowsFrom<kDigits>& x, size_t i, size_t block) {
    const __m512i first = Dot<kDigits>(w.even[0], w.odd[0], x.Digits(i, block));
    const __m512i second = Dot<kDigits>(w.even[1], w.odd[1], x.Digits(i, block + 1));
    // Neighbours are added in AVX2's order.
    const __m512i evens =
        _mm512_setr_epi32(0, 2, 8, 10, 4, 6, 12, 14, 16, 18, 24, 26, 20, 22, 28, 30);
    const __m512i odds = _mm512_add_epi32(evens, _mm512_set1_epi32(1));
    const __m512i sums = _mm512_add_epi32(_mm512_permutex2var_epi32(first, evens, second),
                                          _mm512_permutex2var_epi32(first, odds, second));
    const __m512i dot = _mm512_sub_epi32(sums, _mm512_loadu_si512(x.Corrections(i, block)));
    const __m512 scales = _mm512_mul_ps(w.scales, _mm512_loadu_ps(x.Scales(i, block)));
    v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scales, v);
  }
  float Total() const { return Sum8(AddHalves(F32x16{v})); }
};

#else

// A block of a row of W: columns 0 to 63 and 64 to 127.
struct IntWeights {
  static constexpr size_t kBlocks = 1;
  __m256i even[2], odd[2];
  __m256 scales;  // times 2^-120

  static IntWeights Load(const uint8_t* codes, const uint8_t* scales) {
    IntWeights w;
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; ++i) {
      const __m256i bytes = LoadInts(codes + 32 * i);
      w.even[i] = LowNibbles(bytes);
      w.odd[i] = HighNibbles(bytes);
    }
    int64_t eight;
    __builtin_memcpy(&eight, scales, sizeof eight);
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi64x(eight), ScalePlaces());
    w.scales = ScalesOf(_mm256_slli_epi32(bytes, kScaleShift - 16));
    return w;
  }
};

struct IntSums {
  __m256 v[2];  // of blocks with an even number, of the others
  void Clear() { v[0] = v[1] = _mm256_setzero_ps(); }

  // Lane by lane the sum of four even and four odd columns, times `factor`.
  static __m256i DotDigit(__m256i even, __m256i odd, const int8_t* x, int16_t factor) {
    const __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(even, LoadInts(x)),
                                           _mm256_maddubs_epi16(odd, LoadInts(x + kIntBlock / 2)));
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(factor));
  }
  template <size_t kDigits>
  static __m256i Dot(__m256i even, __m256i odd, const int8_t* digits) {
    if constexpr (kDigits == 1) return DotDigit(even, odd, digits, 1);
    return _mm256_add_epi32(DotDigit(even, odd, digits, 256),
                            DotDigit(even, odd, digits + kIntBlock, 1));
  }
  // A block of row `i` of x.
  template <size_t kDigits>
  void Add(const IntWeights& w, const IntRowsFrom<kDigits>& x, size_t i, size_t block) {
    const int8_t* digits = x.Digits(i, block);
    const __m256i sums =
        _mm256_hadd_epi32(Dot<kDigits>(w.even[0], w.odd[0], digits),
                          Dot<kDigits>(w.even[1], w.odd[1], digits + kIntBlock / 4));
    const __m256i dot = _mm256_sub_epi32(sums, LoadInts(x.Corrections(i, block)));
    const __m256 scales = _mm256_mul_ps(w.scales, _mm256_loadu_ps(x.Scales(i, block)));
    v[block % 2] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), scales, v[block % 2]);
  }
  float Total() const { return Sum8(_mm256_add_ps(v[0], v[1])); }
};

#endif

// Row n of W with the kX rows of x.
template <size_t kDigits, size_t kX>
inline void IntRow(const IntMatMulArgs& a, size_t t, const IntRowsFrom<kDigits>& x, size_t n) {
  constexpr size_t kTwoBlocks = kIntPadding / kIntBlock;
  static_assert(kTwoBlocks == 2);
  IntSums sums[kX];
#pragma GCC unroll 4
  for (IntSums& sum : sums) sum.Clear();
  const auto add = [&](const uint8_t* codes, const uint8_t* scales, size_t block) {
#pragma GCC unroll 2
    for (size_t i = 0; i < kTwoBlocks; i += IntWeights::kBlocks) {
      const auto w = IntWeights::Load(codes + i * kIntBlock / 2, scales + i * kIntSixteens);
#pragma GCC unroll 4
      for (size_t row = 0; row < kX; ++row) sums[row].Add(w, x, row, block + i);
    }
  };
  const uint8_t* codes = a.codes + n * a.cols / 2;
  const uint8_t* scales = a.block_scales + n * a.cols / 16;
  size_t block = 0;
  for (; (block + kTwoBlocks) * kIntBlock <= a.cols; block += kTwoBlocks) {
    PrefetchLine(codes + kPrefetchBytes);
    PrefetchLine(codes + kPrefetchBytes + kIntBlock / 2);
    add(codes, scales, block);
    codes += kIntPadding / 2;
    scales += kIntPadding / 16;
  }
  if (block * kIntBlock < a.cols) {
    const size_t left = a.cols - block * kIntBlock;
    uint8_t some_codes[kIntPadding / 2] = {}, some_scales[kIntPadding / 16] = {};
    __builtin_memcpy(some_codes, codes, left / 2);
    __builtin_memcpy(some_scales, scales, left / 16);
    add(some_codes, some_scales, block);
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < kX; ++i) {
    a.y[(t + i) * a.y_stride + n] =
        sums[i].Total() * (a.scale * a.x.row_scales[t + i] * kIntFactor);
  }
}

template <size_t kDigits, size_t kX>
inline void IntTile(const IntMatMulArgs& a, size_t t) {
  const IntRowsFrom<kDigits> x(a.x, t, a.cols);
  for (size_t n = 0; n < a.w_rows; ++n) IntRow<kDigits, kX>(a, t, x, n);
}

template <size_t kDigits>
inline void MultiplyInts(const IntMatMulArgs& a) {
  size_t t = 0;
  for (; t + 4 <= a.x.rows; t += 4) IntTile<kDigits, 4>(a, t);
  if (t + 2 <= a.x.rows) {
    IntTile<kDigits, 2>(a, t);
    t += 2;
  }
  if (t < a.x.rows) IntTile<kDigits, 1>(a, t);
}

void MatMulInt16(const IntMatMulArgs& a) { MultiplyInts<2>(a); }
void MatMulInt8(const IntMatMulArgs& a) { MultiplyInts<1>(a); }
