// Dot products of rows of x with rows of W, both in BF16, by products of pairs (bf16_table.h).
//
// A register has four quarters, each for a row of W and kPairColumns columns, which meet the same
// columns of a row of x. Order of one sum: K is cut into blocks of kPairBlock; in a block, lane l
// of four adds the pairs (2 l, 2 l + 1), (8 + 2 l, ...), ...; the lanes are added as (0 + 2) + (1 +
// 3); the blocks are added in order. Neither the number of rows nor the format of W plays a part.
//
// Sixteen rows of W make a panel in scratch memory, quarter by quarter, and each tile of x asks for
// a share of what the next one is made of. NVFP4 is expanded exactly: a product of an E2M1 and an
// E4M3 number has at most six significant bits.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind head_rows-inl.h and
// bf16_pairs-inl.h.

constexpr size_t kPairBlock = 512;      // a panel takes 16 KB, six rows of x 6 KB
constexpr size_t kPairBlockRows = 480;  // of x: 480 KB, half of a second-level cache
constexpr size_t kPairWeightRows = 16;  // 6 x 4 sums, 4 registers of W and x take 29 of 32
constexpr size_t kChunk = 32;           // columns of one row that are loaded together
static_assert(kPairWeightRows * kPairBlock * sizeof(uint16_t) <= kMatMulScratch);
static_assert(kPairBlockRows % kPairRows == 0 && kPairBlock % kChunk == 0);

// Four sums in each quarter: result 4 r + j is that of quarter r of sums[j].
inline __m512 SumQuarters(const __m512 (&sums)[4]) {
  const __m512 ab =
      _mm512_add_ps(_mm512_unpacklo_ps(sums[0], sums[1]), _mm512_unpackhi_ps(sums[0], sums[1]));
  const __m512 cd =
      _mm512_add_ps(_mm512_unpacklo_ps(sums[2], sums[3]), _mm512_unpackhi_ps(sums[2], sums[3]));
  return _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xEE));
}

// y[0 .. count) (+)= sums, times the scale behind the last block.
inline void AddSixteen(__m512 sums, Range cols, const MatMulArgs& a, float* y, size_t count) {
  const auto there = static_cast<__mmask16>((1u << count) - 1);
  if (cols.first != 0) sums = _mm512_add_ps(_mm512_maskz_loadu_ps(there, y), sums);
  if (cols.last == a.cols) sums = _mm512_mul_ps(sums, _mm512_set1_ps(a.scale));
  _mm512_mask_storeu_ps(y, there, sums);
}

// A block of sixteen rows of W; quarter r of register j is row 4 r + j.
struct PairPanel {
  const uint16_t* words;  // [step][register][quarter][kPairColumns]
  size_t steps;
  Range n, cols;  // what it holds of W
  __m512i Load(size_t j, size_t step) const {
    return _mm512_load_si512(words + (step * 4 + j) * 4 * kPairColumns);
  }
};

// y[t .. t + kX, n] (+)= a block's part of the sums, for up to sixteen rows of W.
template <size_t kX>
inline void PairTile(const MatMulArgs& a, size_t t, const PairPanel& panel) {
  __m512 sums[kX][4];
#pragma GCC unroll 6
  for (auto& row : sums) {
#pragma GCC unroll 4
    for (__m512& sum : row) sum = _mm512_setzero_ps();
  }
  const size_t stride = (a.cols + kPairColumns - 1) / kPairColumns * kPairColumns;
  const uint16_t* x = a.pairs + t * stride + panel.cols.first * kX;
  for (size_t step = 0; step < panel.steps; ++step) {
    __m512i w[4];
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; ++j) w[j] = panel.Load(j, step);
#pragma GCC unroll 6
    for (size_t i = 0; i < kX; ++i) {
      const __m512i row = _mm512_broadcast_i32x4(
          _mm_load_si128(reinterpret_cast<const __m128i*>(x + i * kPairColumns)));
#pragma GCC unroll 4
      for (size_t j = 0; j < 4; ++j) sums[i][j] = DotPairs(sums[i][j], row, w[j]);
    }
    x += kX * kPairColumns;
  }
#pragma GCC unroll 6
  for (size_t i = 0; i < kX; ++i) {
    AddSixteen(SumQuarters(sums[i]), panel.cols, a, a.y + (t + i) * a.y_stride + panel.n.first,
               panel.n.last - panel.n.first);
  }
}

// The range that begins at `first` when [0, count) is cut into pieces of `size`.
inline Range PieceAt(size_t first, size_t size, size_t count) {
  return {first, count - first < size ? count : first + size};
}

// Row 4 r + j of a panel, or the last one in place of those that are not there.
inline size_t RowOfQuarter(Range n, size_t r, size_t j) {
  const size_t row = n.first + 4 * r + j;
  return row < n.last ? row : n.last - 1;
}

// weights.Row(n, k).Load(i, count) gives `count` columns of a row from k + i on, at most kChunk,
// and zeros behind them; Prefetch() asks for a block from k on, also where there is none.
template <class Weights>
inline PairPanel MakePairPanel(const MatMulArgs& a, const Weights& weights, Range n, Range cols) {
  auto* words = reinterpret_cast<uint16_t*>(a.scratch);
  const size_t columns = cols.last - cols.first;
  for (size_t j = 0; j < 4; ++j) {
    uint16_t* to = words + j * 4 * kPairColumns;
    const auto row = [&](size_t r) { return weights.Row(RowOfQuarter(n, r, j), cols.first); };
    const auto row0 = row(0), row1 = row(1), row2 = row(2), row3 = row(3);
    const auto store = [&](size_t k, size_t count) {
      const __m512i q0 = row0.Load(k, count), q1 = row1.Load(k, count);
      const __m512i q2 = row2.Load(k, count), q3 = row3.Load(k, count);
      const __m512i even01 = _mm512_shuffle_i64x2(q0, q1, 0x88);
      const __m512i even23 = _mm512_shuffle_i64x2(q2, q3, 0x88);
      const __m512i odd01 = _mm512_shuffle_i64x2(q0, q1, 0xDD);
      const __m512i odd23 = _mm512_shuffle_i64x2(q2, q3, 0xDD);
      constexpr size_t kStep = 16 * kPairColumns;
      _mm512_store_si512(to, _mm512_shuffle_i64x2(even01, even23, 0x88));
      _mm512_store_si512(to + kStep, _mm512_shuffle_i64x2(odd01, odd23, 0x88));
      _mm512_store_si512(to + 2 * kStep, _mm512_shuffle_i64x2(even01, even23, 0xDD));
      _mm512_store_si512(to + 3 * kStep, _mm512_shuffle_i64x2(odd01, odd23, 0xDD));
      to += 4 * kStep;
    };
    size_t k = 0;
    for (; k + kChunk <= columns; k += kChunk) store(k, kChunk);
    if (k < columns) store(k, columns - k);
  }
  return {words, (columns + kPairColumns - 1) / kPairColumns, n, cols};
}

// Where a panel begins.
struct PanelPlace {
  size_t row, column;
};

// The rows [rows.first, rows.last) of x, whole groups but for the last one of all, with the panel
// at `place`; `next` is the one after it.
template <class Weights>
inline void MultiplyPanel(const MatMulArgs& a, const Weights& weights, Range rows, PanelPlace place,
                          PanelPlace next) {
  const PairPanel panel = MakePairPanel(a, weights, PieceAt(place.row, kPairWeightRows, a.w_rows),
                                        PieceAt(place.column, kPairBlock, a.cols));
  const size_t tiles = (rows.last - rows.first + kPairRows - 1) / kPairRows;
  for (size_t tile = 0; tile < tiles; ++tile) {
    const size_t end = kPairWeightRows * (tile + 1) / tiles;
    for (size_t j = kPairWeightRows * tile / tiles; j < end; ++j) {
      weights.Row(next.row + j, next.column).Prefetch();
    }
    const size_t t = rows.first + tile * kPairRows;
    const size_t count = rows.last - t < kPairRows ? rows.last - t : kPairRows;
    WithConstant<kPairRows>(count, [&](auto of_x) { PairTile<of_x.value>(a, t, panel); });
  }
}

// A single group of x lets rows of W be read from one end to the other, as memory likes it.
template <class Weights>
inline void MultiplyFewPairs(const MatMulArgs& a, const Weights& weights) {
  for (size_t row = 0; row < a.w_rows; row += kPairWeightRows) {
    for (size_t k = 0; k < a.cols; k += kPairBlock) {
      const PanelPlace next = k + kPairBlock < a.cols ? PanelPlace{row, k + kPairBlock}
                                                      : PanelPlace{row + kPairWeightRows, 0};
      MultiplyPanel(a, weights, {0, a.x_rows}, {row, k}, next);
    }
  }
}

template <class Weights>
inline void MultiplyPairs(const MatMulArgs& a, const Weights& weights) {
  if (a.x_rows <= kPairRows) return MultiplyFewPairs(a, weights);
  for (size_t k = 0; k < a.cols; k += kPairBlock) {
    for (size_t t = 0; t < a.x_rows; t += kPairBlockRows) {
      const Range rows = PieceAt(t, kPairBlockRows, a.x_rows);
      for (size_t row = 0; row < a.w_rows; row += kPairWeightRows) {
        const PanelPlace next = row + kPairWeightRows < a.w_rows
                                    ? PanelPlace{row + kPairWeightRows, k}
                                    : PanelPlace{0, rows.last < a.x_rows ? k : k + kPairBlock};
        MultiplyPanel(a, weights, rows, {row, k}, next);
      }
    }
  }
}

struct Bf16Chunks {
  const MatMulArgs& a;
  struct Part {
    const uint16_t* w;
    __m512i Load(size_t i, size_t count) const {
      if (count == kChunk) return _mm512_loadu_si512(w + i);
      return _mm512_maskz_loadu_epi16((1u << count) - 1, w + i);
    }
    void Prefetch() const { PrefetchLines(w, kPairBlock * sizeof(uint16_t)); }
  };
  Part Row(size_t n, size_t k) const {
    return {static_cast<const uint16_t*>(a.w) + n * a.w_stride + k};
  }
};

void PairsBf16(const MatMulArgs& a) { MultiplyPairs(a, Bf16Chunks{a}); }

// Two blocks of sixteen columns, looked up in their rows of nvfp4_products.
inline __m512i ExpandNvfp4(uint64_t codes0, uint64_t codes1, __m256i products0, __m256i products1) {
  const __m512i codes = _mm512_mask_set1_epi64(_mm512_set1_epi64(static_cast<int64_t>(codes0)),
                                               0xF0, static_cast<int64_t>(codes1));
  // Each word takes eight bits from its column's on; four of them are the code.
  constexpr int64_t kFour = 0x000C000800040000, kNext = 0x0010001000100010;
  const __m512i shifts =
      _mm512_setr_epi64(kFour, kFour + kNext, kFour + 2 * kNext, kFour + 3 * kNext, kFour,
                        kFour + kNext, kFour + 2 * kNext, kFour + 3 * kNext);
  const __m512i words = _mm512_multishift_epi64_epi8(shifts, codes);
  const __m512i second = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(16), 1);
  constexpr int kAndOr = 0xEA;  // (a & b) | c
  const __m512i index = _mm512_ternarylogic_epi32(words, _mm512_set1_epi16(15), second, kAndOr);
  return _mm512_permutexvar_epi16(
      index, _mm512_inserti64x4(_mm512_castsi256_si512(products0), products1, 1));
}

struct Nvfp4Chunks {
  const MatMulArgs& a;
  struct Part {
    const uint8_t* codes;
    const uint8_t* scales;
    const uint16_t* products;
    __m512i Load(size_t i, size_t count) const {
      const size_t block = i / 16;
      if (count == kChunk) {
        return ExpandNvfp4(Codes(block), Codes(block + 1), Products(block), Products(block + 1));
      }
      return ExpandNvfp4(Codes(block), 0, Products(block), _mm256_setzero_si256());
    }
    uint64_t Codes(size_t block) const {
      uint64_t sixteen;
      __builtin_memcpy(&sixteen, codes + 8 * block, sizeof sixteen);
      return sixteen;
    }
    void Prefetch() const {
      PrefetchLines(codes, kPairBlock / 2);
      PrefetchLine(scales);
    }
    __m256i Products(size_t block) const { return LoadInts(products + size_t{16} * scales[block]); }
  };
  Part Row(size_t n, size_t k) const {
    const size_t first = n * a.cols + k;
    return {static_cast<const uint8_t*>(a.w) + first / 2, a.block_scales + first / 16,
            a.nvfp4_products};
  }
};

void PairsNvfp4(const MatMulArgs& a) { MultiplyPairs(a, Nvfp4Chunks{a}); }
