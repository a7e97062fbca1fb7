// Products of NVFP4 weights with activations that are whole numbers: E2M1 doubled is one (0, 1, 2,
// 3, 4, 6, 8, 12), so a block of 16 needs no rounding before its scale is applied. Twelve is added
// to every weight, which makes it unsigned as vpmaddubsw wants it; IntRows::corrections holds what
// that adds to a sum.
//
// 64 columns at a time, the codes as stored: low nibbles are the even columns, high ones
// the odd. A 32-bit lane then holds eight columns of one block, so that one vector of scales, each
// in two lanes, serves the sum of 64 products.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind vec-inl.h and matmul-inl.h.

// E4M3 moved to where F16 has exponent and mantissa is 2^-8 of its value; codes are doubled.
constexpr float kIntFactor = 256.0f * 0.5f;

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

// Four scales, each in two lanes, times 2^-8.
inline __m256 SpreadScales(uint32_t four) {
  const __m128i high_bytes =
      _mm_shuffle_epi8(_mm_cvtsi32_si128(static_cast<int>(four)),
                       _mm_setr_epi8(-1, 0, -1, 0, -1, 1, -1, 1, -1, 2, -1, 2, -1, 3, -1, 3));
  return _mm256_cvtph_ps(_mm_srli_epi16(high_bytes, 1));
}

#if defined(__AVX512VNNI__)

// 64 columns of a row of W: the even ones, then the odd ones.
struct IntBlock {
  __m512i columns;
  __m256 scales;
};

inline IntBlock LoadIntBlock(const uint8_t* codes, const uint8_t* scales) {
  uint32_t four;
  __builtin_memcpy(&four, scales, sizeof four);
  const __m256i bytes = LoadInts(codes);
  const __m512i nibbles = _mm512_and_si512(
      _mm512_inserti64x4(_mm512_castsi256_si512(bytes), _mm256_srli_epi16(bytes, 4), 1),
      _mm512_set1_epi8(15));
  return {_mm512_shuffle_epi8(_mm512_broadcast_i64x4(LiftedValues()), nibbles), SpreadScales(four)};
}

inline __m512i AddDot(__m512i sum, const IntBlock& w, const int8_t* x) {
  return _mm512_dpbusd_epi32(sum, w.columns, _mm512_loadu_si512(x));
}
// Even and odd columns together.
inline __m256i FoldColumns(__m512i dot) {
  return _mm256_add_epi32(_mm512_castsi512_si256(dot), _mm512_extracti64x4_epi64(dot, 1));
}
inline __m256i DotDigits(const IntBlock& w, const int8_t* digits) {
  __m512i dot = AddDot(_mm512_setzero_si512(), w, digits);
  dot = AddDot(_mm512_slli_epi32(dot, 8), w, digits + kIntBlock);
  return FoldColumns(AddDot(_mm512_slli_epi32(dot, 8), w, digits + 2 * kIntBlock));
}
inline __m256i DotInt8(const IntBlock& w, const int8_t* x) {
  return FoldColumns(AddDot(_mm512_setzero_si512(), w, x));
}

#else

// 64 columns of a row of W.
struct IntBlock {
  __m256i even, odd;
  __m256 scales;
};

inline IntBlock LoadIntBlock(const uint8_t* codes, const uint8_t* scales) {
  uint32_t four;
  __builtin_memcpy(&four, scales, sizeof four);
  const __m256i bytes = LoadInts(codes);
  return {LowNibbles(bytes), HighNibbles(bytes), SpreadScales(four)};
}

// Lane by lane the sum of four even and four odd columns, times `factor`.
inline __m256i DotInt8(const IntBlock& w, const int8_t* x, int16_t factor = 1) {
  const __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(w.even, LoadInts(x)),
                                         _mm256_maddubs_epi16(w.odd, LoadInts(x + 32)));
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(factor));
}
inline __m256i DotDigits(const IntBlock& w, const int8_t* digits) {
  const __m256i dot = _mm256_add_epi32(DotInt8(w, digits, 256), DotInt8(w, digits + kIntBlock));
  return _mm256_add_epi32(_mm256_slli_epi32(dot, 8), DotInt8(w, digits + 2 * kIntBlock));
}

#endif

// The last `cols` columns of a row, zeros behind them.
inline IntBlock LoadIntTail(const uint8_t* codes, const uint8_t* scales, size_t cols) {
  uint8_t some_codes[kIntBlock / 2] = {}, some_scales[4] = {};
  __builtin_memcpy(some_codes, codes, cols / 2);
  __builtin_memcpy(some_scales, scales, cols / 16);
  return LoadIntBlock(some_codes, some_scales);
}

// Row t of x from some block on.
struct DigitRow {
  const int8_t* digits;
  const int32_t* corrections;
  DigitRow(const IntRows& x, size_t t, size_t blocks)
      : digits(x.digits + t * blocks * kDigitCount * kIntBlock),
        corrections(x.corrections + t * blocks * kIntLanes) {}
  __m256 Add(const IntBlock& w, size_t block, __m256 sum) const {
    const __m256i dot = _mm256_sub_epi32(DotDigits(w, digits + block * kDigitCount * kIntBlock),
                                         LoadInts(corrections + block * kIntLanes));
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), w.scales, sum);
  }
  static float Scale(const IntRows& x, size_t t) { return x.scales[t]; }
};
struct Int8Row {
  const int8_t* digits;
  const int32_t* corrections;
  const float* scales;
  Int8Row(const IntRows& x, size_t t, size_t blocks)
      : digits(x.digits + t * blocks * kIntBlock),
        corrections(x.corrections + t * blocks * kIntLanes),
        scales(x.scales + t * blocks * kIntLanes) {}
  __m256 Add(const IntBlock& w, size_t block, __m256 sum) const {
    const __m256i dot = _mm256_sub_epi32(DotInt8(w, digits + block * kIntBlock),
                                         LoadInts(corrections + block * kIntLanes));
    const __m256 both = _mm256_mul_ps(w.scales, _mm256_loadu_ps(scales + block * kIntLanes));
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), both, sum);
  }
  static float Scale(const IntRows&, size_t) { return 1; }
};

// How far ahead rows of W are asked for; what lies behind the last row does not matter.
constexpr size_t kPrefetchRows = 8;

// Rows [t, t + kX) of x with rows [n, n + kW) of W.
template <class Row, size_t kX, size_t kW>
inline void IntTile(const IntMatMulArgs& a, size_t t, size_t n) {
  const size_t blocks = (a.cols + kIntBlock - 1) / kIntBlock;
  __m256 sums[kX][kW];
#pragma GCC unroll 4
  for (auto& row : sums) {
#pragma GCC unroll 2
    for (__m256& sum : row) sum = _mm256_setzero_ps();
  }
  const auto add = [&](size_t block, size_t j, const IntBlock& w) {
#pragma GCC unroll 4
    for (size_t i = 0; i < kX; ++i) {
      sums[i][j] = Row(a.x, t + i, blocks).Add(w, block, sums[i][j]);
    }
  };
  const size_t whole = a.cols / kIntBlock;
  for (size_t block = 0; block < whole; ++block) {
#pragma GCC unroll 2
    for (size_t j = 0; j < kW; ++j) {
      PrefetchLine(a.codes + (n + j + kPrefetchRows) * a.cols / 2 + block * kIntBlock / 2);
      add(block, j,
          LoadIntBlock(a.codes + (n + j) * a.cols / 2 + block * kIntBlock / 2,
                       a.block_scales + (n + j) * a.cols / 16 + block * 4));
    }
  }
  if (whole < blocks) {
#pragma GCC unroll 2
    for (size_t j = 0; j < kW; ++j) {
      add(whole, j,
          LoadIntTail(a.codes + (n + j) * a.cols / 2 + whole * kIntBlock / 2,
                      a.block_scales + (n + j) * a.cols / 16 + whole * 4,
                      a.cols - whole * kIntBlock));
    }
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < kX; ++i) {
    const float scale = Row::Scale(a.x, t + i) * a.scale * kIntFactor;
#pragma GCC unroll 2
    for (size_t j = 0; j < kW; ++j) {
      a.y[(t + i) * a.y_stride + n + j] = scale * Sum8(sums[i][j]);
    }
  }
}

template <class Row, size_t kX>
inline void IntTiles(const IntMatMulArgs& a, size_t t) {
  size_t n = 0;
  for (; n + 2 <= a.w_rows; n += 2) IntTile<Row, kX, 2>(a, t, n);
  if (n < a.w_rows) IntTile<Row, kX, 1>(a, t, n);
}

template <class Row>
inline void MultiplyInts(const IntMatMulArgs& a) {
  size_t t = 0;
  for (; t + 4 <= a.x.rows; t += 4) IntTiles<Row, 4>(a, t);
  if (t + 2 <= a.x.rows) {
    IntTiles<Row, 2>(a, t);
    t += 2;
  }
  if (t < a.x.rows) IntTiles<Row, 1>(a, t);
}

void MatMulDigits(const IntMatMulArgs& a) { MultiplyInts<DigitRow>(a); }
void MatMulInt8Few(const IntMatMulArgs& a) { MultiplyInts<Int8Row>(a); }
