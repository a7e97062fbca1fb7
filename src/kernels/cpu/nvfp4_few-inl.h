// Products of NVFP4 weights with few rows of activations that are whole numbers: E2M1 doubled is
// one (0, 1, 2, 3, 4, 6, 8, 12), so sixteen columns need no rounding before their scale is applied.
// Twelve is added to every weight, which makes it unsigned as vpmaddubsw and vpdpbusd want it;
// IntRows::corrections holds what that adds to a sum.
//
// 128 columns at a time, a cache line of codes as stored: low nibbles are the even columns, high
// ones the odd. Rows of W are read one after the other, from one end to the other, as memory likes
// it, and asked for ahead. Eight lanes take the sixteens of a block of 128 in the order 0, 1, 4, 5,
// 2, 3, 6, 7, which is how AVX2 adds neighbours; blocks go to two sums in turn.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind nvfp4_ints-inl.h and
// matmul-inl.h.

// Byte 2 of lane i is the place of the scale that belongs to it in the order above, the others are
// zero.
inline __m256i ScalePlaces() {
  const __m128i places = _mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0);
  return _mm256_or_si256(_mm256_slli_epi32(_mm256_cvtepu8_epi32(places), 16),
                         _mm256_set1_epi32(static_cast<int>(0xFF00FFFF)));
}

// How far ahead of the codes that are being read others are asked for, past the caches that will
// not need them again. What lies behind the last row is often the next weight, and else does not
// matter.
constexpr size_t kPrefetchBytes = 4096;
inline void PrefetchOnce(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_NTA); }

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

struct IntConstants {
  __m512i values = Kept(_mm512_broadcast_i64x4(LiftedValues()));
  __m512i nibble = Kept(_mm512_set1_epi8(15));
  // The scales of the second block are eight bytes further on.
  __m512i places = Kept(
      _mm512_add_epi32(_mm512_broadcast_i64x4(ScalePlaces()),
                       _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi32(8 << 16), 1)));
  // Of two blocks' lanes the first and second neighbours, in AVX2's order.
  __m512i evens =
      Kept(_mm512_setr_epi32(0, 2, 8, 10, 4, 6, 12, 14, 16, 18, 24, 26, 20, 22, 28, 30));
  __m512i odds = Kept(_mm512_add_epi32(evens, _mm512_set1_epi32(1)));
};

// Two blocks of a row of W.
struct IntWeights {
  static constexpr size_t kBlocks = 2;
  __m512i even[2], odd[2];
  __m512 scales;  // times 2^-120

  static IntWeights Load(const IntConstants& c, const uint8_t* codes, const uint8_t* scales) {
    IntWeights w;
#pragma GCC unroll 2
    for (size_t i = 0; i < kBlocks; ++i) {
      const __m512i bytes = _mm512_loadu_si512(codes + i * kIntBlock / 2);
      w.even[i] = _mm512_shuffle_epi8(c.values, _mm512_and_si512(bytes, c.nibble));
      w.odd[i] =
          _mm512_shuffle_epi8(c.values, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), c.nibble));
    }
    const __m512i bytes =
        _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scales)));
    w.scales = _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_shuffle_epi8(bytes, c.places), kScaleShift - 16));
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
  void Add(const IntConstants& c, const IntWeights& w, const IntRowsFrom<kDigits>& x, size_t i,
           size_t block) {
    const __m512i first = Dot<kDigits>(w.even[0], w.odd[0], x.Digits(i, block));
    const __m512i second = Dot<kDigits>(w.even[1], w.odd[1], x.Digits(i, block + 1));
    const __m512i sums = _mm512_add_epi32(_mm512_permutex2var_epi32(first, c.evens, second),
                                          _mm512_permutex2var_epi32(first, c.odds, second));
    const __m512i dot = _mm512_sub_epi32(sums, _mm512_loadu_si512(x.Corrections(i, block)));
    const __m512 scales = _mm512_mul_ps(w.scales, _mm512_loadu_ps(x.Scales(i, block)));
    v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scales, v);
  }
  __m256 Eight() const { return AddHalves(F32x16{v}); }
};

#else

struct IntConstants {
  __m256i values = Kept(LiftedValues());
  __m256i nibble = Kept(_mm256_set1_epi8(15));
  __m256i places = Kept(ScalePlaces());
  __m256i ones = Kept(_mm256_set1_epi16(1));
};

// A block of a row of W: columns 0 to 63 and 64 to 127.
struct IntWeights {
  static constexpr size_t kBlocks = 1;
  __m256i even[2], odd[2];
  __m256 scales;  // times 2^-120

  static IntWeights Load(const IntConstants& c, const uint8_t* codes, const uint8_t* scales) {
    IntWeights w;
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; ++i) {
      const __m256i bytes = LoadInts(codes + 32 * i);
      w.even[i] = _mm256_shuffle_epi8(c.values, _mm256_and_si256(bytes, c.nibble));
      w.odd[i] =
          _mm256_shuffle_epi8(c.values, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), c.nibble));
    }
    int64_t eight;
    __builtin_memcpy(&eight, scales, sizeof eight);
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi64x(eight), c.places);
    w.scales = _mm256_castsi256_ps(_mm256_slli_epi32(bytes, kScaleShift - 16));
    return w;
  }
};

struct IntSums {
  __m256 v[2];  // of blocks with an even number, of the others
  void Clear() { v[0] = v[1] = _mm256_setzero_ps(); }

  // Word by word the sum of two even and two odd columns.
  static __m256i Dot(__m256i even, __m256i odd, const int8_t* x) {
    return _mm256_add_epi16(_mm256_maddubs_epi16(even, LoadInts(x)),
                            _mm256_maddubs_epi16(odd, LoadInts(x + kIntBlock / 2)));
  }
  // Sums of sixteen columns times `factor`; those of eight fit into 16 bits.
  static __m256i DotDigit(const IntWeights& w, const int8_t* x, __m256i factor) {
    const __m256 low = _mm256_castsi256_ps(Dot(w.even[0], w.odd[0], x));
    const __m256 high = _mm256_castsi256_ps(Dot(w.even[1], w.odd[1], x + kIntBlock / 4));
    const __m256i eights =
        _mm256_add_epi16(_mm256_castps_si256(_mm256_shuffle_ps(low, high, 0x88)),
                         _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0xDD)));
    return _mm256_madd_epi16(eights, factor);
  }
  // A block of row `i` of x.
  template <size_t kDigits>
  void Add(const IntConstants& c, const IntWeights& w, const IntRowsFrom<kDigits>& x, size_t i,
           size_t block) {
    const int8_t* digits = x.Digits(i, block);
    __m256i sums;
    if constexpr (kDigits == 1) {
      sums = DotDigit(w, digits, c.ones);
    } else {
      sums = _mm256_add_epi32(DotDigit(w, digits, _mm256_slli_epi16(c.ones, 8)),
                              DotDigit(w, digits + kIntBlock, c.ones));
    }
    const __m256i dot = _mm256_sub_epi32(sums, LoadInts(x.Corrections(i, block)));
    const __m256 scales = _mm256_mul_ps(w.scales, _mm256_loadu_ps(x.Scales(i, block)));
    v[block % 2] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), scales, v[block % 2]);
  }
  __m256 Eight() const { return _mm256_add_ps(v[0], v[1]); }
};

#endif

// Rows of x that meet a row of W together, at most.
constexpr size_t kIntTileRows = 4;

// Row n of W with the kX rows of x: of each eight sums that are its result together. Returns, byte
// by byte, the largest of the row's scales.
template <size_t kDigits, size_t kX>
inline __m128i IntRow(const IntMatMulArgs& a, const IntConstants& constants,
                      const IntRowsFrom<kDigits>& x, size_t n, __m256 (&partial)[kX]) {
  constexpr size_t kTwoBlocks = kIntPadding / kIntBlock;
  static_assert(kTwoBlocks == 2);
  IntSums sums[kX];
#pragma GCC unroll 4
  for (IntSums& sum : sums) sum.Clear();
  __m128i largest_scales = _mm_setzero_si128();
  const auto add = [&](const uint8_t* codes, const uint8_t* scales, size_t block) {
    largest_scales =
        _mm_max_epu8(largest_scales, _mm_loadu_si128(reinterpret_cast<const __m128i*>(scales)));
#pragma GCC unroll 2
    for (size_t i = 0; i < kTwoBlocks; i += IntWeights::kBlocks) {
      const auto w =
          IntWeights::Load(constants, codes + i * kIntBlock / 2, scales + i * kIntSixteens);
#pragma GCC unroll 4
      for (size_t row = 0; row < kX; ++row) sums[row].Add(constants, w, x, row, block + i);
    }
  };
  const uint8_t* codes = a.codes + n * a.cols / 2;
  const uint8_t* scales = a.block_scales + n * a.cols / 16;
  size_t block = 0;
  for (; (block + kTwoBlocks) * kIntBlock <= a.cols; block += kTwoBlocks) {
    PrefetchOnce(codes + kPrefetchBytes);
    PrefetchOnce(codes + kPrefetchBytes + kIntBlock / 2);
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
  for (size_t i = 0; i < kX; ++i) partial[i] = sums[i].Eight();
  return largest_scales;
}

// Whether one of these is an E4M3 code above that of 448: a NaN or negative.
inline bool HasInvalidScale(__m128i largest_scales) {
  return _mm_movemask_epi8(_mm_adds_epu8(largest_scales, _mm_set1_epi8(1))) != 0;
}

// Four rows of W at a time, whose sums come together at their end.
template <size_t kDigits, size_t kX>
inline void IntTile(const IntMatMulArgs& a, size_t t) {
  const IntRowsFrom<kDigits> x(a.x, t, a.cols);
  const IntConstants constants;
  for (size_t n = 0; n < a.w_rows; n += 4) {
    const size_t some = a.w_rows - n < 4 ? a.w_rows - n : 4;
    __m256 partial[4][kX] = {};
    for (size_t i = 0; i < some; ++i) {
      if (HasInvalidScale(IntRow<kDigits, kX>(a, constants, x, n + i, partial[i]))) [[unlikely]] {
        for (__m256& sums : partial[i]) sums = _mm256_set1_ps(__builtin_nanf(""));
      }
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < kX; ++i) {
      const __m128 scale = _mm_set1_ps(a.scale * (a.x.row_scales[t + i] * kIntFactor));
      const __m128 sums = Sum4(partial[0][i], partial[1][i], partial[2][i], partial[3][i]);
      StoreFirst(some, _mm_mul_ps(sums, scale), a.y + (t + i) * a.y_stride + n);
    }
  }
}

template <size_t kDigits>
inline void IntTiles(const IntMatMulArgs& a) {
  size_t t = 0;
  for (; t + kIntTileRows <= a.x.rows; t += kIntTileRows) IntTile<kDigits, kIntTileRows>(a, t);
  if (t == a.x.rows) return;
  WithConstant<kIntTileRows - 1>(a.x.rows - t,
                                 [&](auto count) { IntTile<kDigits, count.value>(a, t); });
}

// Where one tile does not hold all rows of x, the next one meets rows of W that are still in cache.
template <size_t kDigits>
inline void MultiplyInts(const IntMatMulArgs& a) {
  constexpr size_t kRowsOfW = 16;
  if (a.x.rows <= kIntTileRows) return IntTiles<kDigits>(a);
  IntMatMulArgs some = a;
  for (size_t n = 0; n < a.w_rows; n += kRowsOfW) {
    some.codes = a.codes + n * a.cols / 2;
    some.block_scales = a.block_scales + n * a.cols / 16;
    some.y = a.y + n;
    some.w_rows = a.w_rows - n < kRowsOfW ? a.w_rows - n : kRowsOfW;
    IntTiles<kDigits>(some);
  }
}

void MatMulInt16(const IntMatMulArgs& a) { MultiplyInts<2>(a); }
void MatMulInt8(const IntMatMulArgs& a) { MultiplyInts<1>(a); }
