// Dot products of rows of x with rows of W, both in BF16, by products of pairs (bf16_table.h).
//
// Order of one sum: K is cut into blocks of kPairBlock; in a block, lane l of sixteen adds the
// pairs (2 l, 2 l + 1), (32 + 2 l, ...), ...; the lanes are added in the fixed order of SumLanes;
// the blocks are added in order. Neither the number of rows nor the format of W plays a part.
//
// NVFP4 is expanded into a panel of four rows in scratch memory, exactly: a product of an E2M1 and
// an E4M3 number has at most six significant bits. BF16 is read where it stands.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind elementwise-inl.h.

constexpr size_t kPairBlock = 1024;     // a panel takes 8 KB, six rows of x 12 KB
constexpr size_t kPairBlockRows = 240;  // of x: 480 KB, half of a second-level cache
constexpr size_t kPairWeightRows = 4;   // 6 x 4 sums, 4 weights and x take 29 of 32 registers
static_assert(kPairWeightRows * kPairBlock * sizeof(uint16_t) <= kMatMulScratch);
static_assert(kPairBlockRows % kPairRows == 0 && kPairBlock % kPairLanes == 0);

// One step of sixteen sums: dot_pairs in bf16_table.h.
#if defined(GLIMMER_SOFTWARE_BF16)
inline __m512 DotPairs(__m512 sum, __m512i a, __m512i b) {
  const __m512i high = _mm512_set1_epi32(static_cast<int>(0xFFFF0000));
  const __m512i a_odd = _mm512_and_si512(a, high), b_odd = _mm512_and_si512(b, high);
  const __m512i a_even = _mm512_slli_epi32(a, 16), b_even = _mm512_slli_epi32(b, 16);
  // To nearest even, subnormal operands and results to zero, no exceptions.
  uint32_t modes = 0x9FC0, modes_before = 0;
  asm volatile(
      "vstmxcsr %[before]\n\t"
      "vldmxcsr %[modes]\n\t"
      "vfmadd231ps %[b_odd], %[a_odd], %[sum]\n\t"
      "vfmadd231ps %[b_even], %[a_even], %[sum]\n\t"
      "vldmxcsr %[before]"
      : [sum] "+&v"(sum), [before] "+m"(modes_before)
      : [modes] "m"(modes), [a_odd] "v"(a_odd), [b_odd] "v"(b_odd), [a_even] "v"(a_even),
        [b_even] "v"(b_even));
  return sum;
}
#else
inline __m512 DotPairs(__m512 sum, __m512i a, __m512i b) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}
#endif

void DotPairsOnce(const uint16_t* a, const uint16_t* b, float* sums) {
  _mm512_storeu_ps(sums,
                   DotPairs(_mm512_loadu_ps(sums), _mm512_loadu_si512(a), _mm512_loadu_si512(b)));
}

// The sixteen lanes of four sums each: quarters of a register first within themselves, (0 + 2) +
// (1 + 3), then quarters 0 + 2 and 1 + 3, then both.
inline __m128 SumLanes(const __m512 (&sums)[4]) {
  const __m512 ab =
      _mm512_add_ps(_mm512_unpacklo_ps(sums[0], sums[1]), _mm512_unpackhi_ps(sums[0], sums[1]));
  const __m512 cd =
      _mm512_add_ps(_mm512_unpacklo_ps(sums[2], sums[3]), _mm512_unpackhi_ps(sums[2], sums[3]));
  const __m256 halves = AddHalves(
      F32x16{_mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xEE))});
  return _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
}

// Four rows of W from some column on: `whole` steps, then the columns of `tail`.
struct PairPanel {
  const uint16_t* words;  // [step][row][kPairLanes]
  size_t whole;
  static constexpr __mmask32 tail = 0;
  __m512i Load(size_t j, size_t step) const {
    return _mm512_load_si512(words + (step * kPairWeightRows + j) * kPairLanes);
  }
  __m512i LoadTail(size_t j) const { return Load(j, whole); }
};
struct PairRowsOfW {
  const uint16_t* rows[kPairWeightRows];
  size_t whole;
  __mmask32 tail;
  __m512i Load(size_t j, size_t step) const {
    return _mm512_loadu_si512(rows[j] + step * kPairLanes);
  }
  __m512i LoadTail(size_t j) const {
    return _mm512_maskz_loadu_epi16(tail, rows[j] + whole * kPairLanes);
  }
};

// sums (+)= the products of a group of kX rows of x with four rows of W.
template <size_t kX, class Weights>
inline void SumPairs(const uint16_t* x, const Weights& weights, __m512 (&sums)[kX][4]) {
  const auto add = [&](const __m512i(&w)[4]) {
#pragma GCC unroll 6
    for (size_t i = 0; i < kX; ++i) {
      const __m512i row = _mm512_load_si512(x + i * kPairLanes);
#pragma GCC unroll 4
      for (size_t j = 0; j < 4; ++j) sums[i][j] = DotPairs(sums[i][j], row, w[j]);
    }
    x += kX * kPairLanes;
  };
  __m512i w[4];
  for (size_t step = 0; step < weights.whole; ++step) {
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; ++j) w[j] = weights.Load(j, step);
    add(w);
  }
  if (weights.tail == 0) return;
#pragma GCC unroll 4
  for (size_t j = 0; j < 4; ++j) w[j] = weights.LoadTail(j);
  add(w);
}

// y[t .. t + kX, n .. n + count) (+)= a block's part of the sums.
template <size_t kX, class Weights>
inline void PairTile(const MatMulArgs& a, size_t t, const Weights& weights, Range n, Range cols) {
  __m512 sums[kX][4];
#pragma GCC unroll 6
  for (auto& row : sums) {
#pragma GCC unroll 4
    for (__m512& sum : row) sum = _mm512_setzero_ps();
  }
  const size_t stride = (a.cols + kPairLanes - 1) / kPairLanes * kPairLanes;
  SumPairs(a.pairs + t * stride + cols.first * kX, weights, sums);
#pragma GCC unroll 6
  for (size_t i = 0; i < kX; ++i) {
    AddSums(SumLanes(sums[i]), cols, a, a.y + (t + i) * a.y_stride + n.first, n.last - n.first);
  }
}

// The rows [rows.first, rows.last) of x, whole groups but for the last one of all.
template <class Weights>
inline void PairTiles(const MatMulArgs& a, Range rows, const Weights& weights, Range n,
                      Range cols) {
  size_t t = rows.first;
  for (; t + kPairRows <= rows.last; t += kPairRows) {
    PairTile<kPairRows>(a, t, weights, n, cols);
  }
  if (t == rows.last) return;
  WithConstant<kPairRows - 1>(rows.last - t,
                              [&](auto count) { PairTile<count.value>(a, t, weights, n, cols); });
}

// prepare(n, cols) gives a block of up to four rows of W.
template <class Prepare>
inline void MultiplyPairs(const MatMulArgs& a, Prepare prepare) {
  const auto block_at = [&](size_t first) -> Range {
    return {first, a.cols - first < kPairBlock ? a.cols : first + kPairBlock};
  };
  const auto rows_at = [&](size_t n) -> Range {
    return {n, a.w_rows - n < kPairWeightRows ? a.w_rows : n + kPairWeightRows};
  };
  if (a.x_rows <= kPairRows) {  // rows of W from one end to the other, as memory likes it
    for (size_t n = 0; n < a.w_rows; n += kPairWeightRows) {
      for (size_t k = 0; k < a.cols; k += kPairBlock) {
        PairTiles(a, {0, a.x_rows}, prepare(rows_at(n), block_at(k)), rows_at(n), block_at(k));
      }
    }
    return;
  }
  for (size_t k = 0; k < a.cols; k += kPairBlock) {
    for (size_t t = 0; t < a.x_rows; t += kPairBlockRows) {
      const Range rows = {t, a.x_rows - t < kPairBlockRows ? a.x_rows : t + kPairBlockRows};
      for (size_t n = 0; n < a.w_rows; n += kPairWeightRows) {
        PairTiles(a, rows, prepare(rows_at(n), block_at(k)), rows_at(n), block_at(k));
      }
    }
  }
}

void PairsBf16(const MatMulArgs& a) {
  MultiplyPairs(a, [&](Range n, Range cols) {
    const size_t count = cols.last - cols.first;
    PairRowsOfW rows;
    for (size_t j = 0; j < kPairWeightRows; ++j) {  // the last one stands in for those behind it
      const size_t row = n.first + j < n.last ? n.first + j : n.last - 1;
      rows.rows[j] = static_cast<const uint16_t*>(a.w) + row * a.w_stride + cols.first;
    }
    rows.whole = count / kPairLanes;
    rows.tail = static_cast<__mmask32>((uint64_t{1} << count % kPairLanes) - 1);
    return rows;
  });
}

// Thirty-two columns: a table of the sixteen products with each block's scale, and a look-up.
inline __m512i ExpandNvfp4(__m128i codes, float scale0, float scale1) {
  const __m512 values =
      _mm512_setr_ps(0, .5f, 1, 1.5f, 2, 3, 4, 6, -0.f, -.5f, -1, -1.5f, -2, -3, -4, -6);
  alignas(64) static constexpr uint16_t kHighHalves[32] = {
      1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
      33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
  const __m512i table =
      _mm512_permutex2var_epi16(_mm512_castps_si512(_mm512_mul_ps(values, _mm512_set1_ps(scale0))),
                                _mm512_load_si512(kHighHalves),
                                _mm512_castps_si512(_mm512_mul_ps(values, _mm512_set1_ps(scale1))));
  // Two bytes to a quadword, from which each word takes eight bits; four of them are its code.
  const __m512i shifts = _mm512_set1_epi64(0x000C000800040000);
  const __m512i words = _mm512_multishift_epi64_epi8(shifts, _mm512_cvtepu16_epi64(codes));
  const __m512i second = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(16), 1);
  constexpr int kAndOr = 0xEA;  // (a & b) | c
  const __m512i index = _mm512_ternarylogic_epi32(words, _mm512_set1_epi16(15), second, kAndOr);
  return _mm512_permutexvar_epi16(index, table);
}

// A row's columns into every kPairWeightRows-th vector of the panel.
inline void ExpandRow(const MatMulArgs& a, size_t row, Range cols, uint16_t* to) {
  const uint8_t* codes = static_cast<const uint8_t*>(a.w) + row * a.cols / 2;
  const uint8_t* scales = a.block_scales + row * a.cols / 16;
  const auto scale = [&](size_t k) { return a.e4m3_values[scales[k / 16]]; };
  size_t k = cols.first;
  for (; k + kPairLanes <= cols.last; k += kPairLanes, to += kPairWeightRows * kPairLanes) {
    const auto* bytes = reinterpret_cast<const __m128i*>(codes + k / 2);
    _mm512_store_si512(to, ExpandNvfp4(_mm_loadu_si128(bytes), scale(k), scale(k + 16)));
  }
  if (k == cols.last) return;  // otherwise one block of sixteen is left
  const auto* bytes = reinterpret_cast<const __m128i*>(codes + k / 2);
  _mm512_store_si512(to, ExpandNvfp4(_mm_loadl_epi64(bytes), scale(k), 0));
}

void PairsNvfp4(const MatMulArgs& a) {
  MultiplyPairs(a, [&](Range n, Range cols) -> PairPanel {
    auto* words = reinterpret_cast<uint16_t*>(a.scratch);
    for (size_t row = n.first; row < n.last; ++row) {
      ExpandRow(a, row, cols, words + (row - n.first) * kPairLanes);
    }
    return {words, (cols.last - cols.first + kPairLanes - 1) / kPairLanes};
  });
}

void PackPairs(const PackPairsArgs& a) {
  uint16_t* to = a.to;
  for (size_t k = 0; k < a.cols; k += kPairLanes) {
    for (size_t i = 0; i < a.count; ++i, to += kPairLanes) {
      for (size_t half = 0; half < kPairLanes; half += kLanes) {
        StoreU16(ToBf16(LoadPart(a.rows[i], k + half, a.cols)),
                 reinterpret_cast<uint8_t*>(to + half));
      }
    }
  }
}

void Narrow(const float* from, size_t count, uint16_t* to) {
  for (size_t i = 0; i < count; i += kLanes) {
    StoreU16(ShiftRight<16>(Bits(LoadF32(from + i))), reinterpret_cast<uint8_t*>(to + i));
  }
}
