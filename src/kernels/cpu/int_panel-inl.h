// Rows of NVFP4 weights gathered into a panel, for products with many rows of whole numbers: lanes
// are rows of W.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind nvfp4_ints-inl.h.

// A panel has two registers of lanes side by side, so that a broadcasting load of x serves two
// products; four rows of x meet both.
#if defined(__AVX512VNNI__)
constexpr size_t kIntRegisterRows = 16;
#else
constexpr size_t kIntRegisterRows = 8;
#endif
constexpr size_t kIntRegisters = 2;
constexpr size_t kIntPanelRows = kIntRegisterRows * kIntRegisters;
constexpr size_t kIntPanelBlocks =
    4;  // 512 columns: 8 KB of bytes for sixteen rows, 16 KB of words

// A block of the panel for INT8. For each sixteen four vectors of bytes (even columns 0 to 6, 8 to
// 14, then the odd ones), lane = row of W; their scales times 2^-120; and minus kIntOffset times
// the block's sums.
struct BytePanelBlock {
  int8_t bytes[kIntSixteens][4][kIntPanelRows][4];
  float scales[kIntSixteens][kIntPanelRows];
  float starts[kIntPanelRows];
};
// The same for 16 bits, columns two by two.
struct WordPanelBlock {
  int16_t words[kIntSixteens][8][kIntPanelRows][2];
  float scales[kIntSixteens][kIntPanelRows];
};
static_assert(sizeof(BytePanelBlock) < sizeof(WordPanelBlock));
static_assert(kIntPanelBlocks * sizeof(WordPanelBlock) <= kMatMulScratch);

// Row j of `in` becomes column j, in units of 32 bits.
inline void Transpose8(__m256i (&v)[8]) {
  __m256i pairs[8], quads[8];
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_epi32(v[i], v[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int j = 0; j < 2; ++j) {
      quads[i + 2 * j] = _mm256_unpacklo_epi64(pairs[i + j], pairs[i + j + 2]);
      quads[i + 2 * j + 1] = _mm256_unpackhi_epi64(pairs[i + j], pairs[i + j + 2]);
    }
  }
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm256_permute2x128_si256(quads[i], quads[i + 4], 0x20);
    v[i + 4] = _mm256_permute2x128_si256(quads[i], quads[i + 4], 0x31);
  }
}

// Weights doubled, by code; zero where a byte's highest bit is set.
inline __m256i DoubledValues(__m256i nibbles) {
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_setr_epi8(
                                 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)),
                             nibbles);
}

// Eight rows of W from n on, `columns` of a block from `first` on, lane = row: calls
// use(sixteen, codes of columns 0 to 7 and 8 to 15, scales times 2^-120). Rows and columns that are
// not there are zeros.
template <class Use>
inline void GatherEight(const IntMatMulArgs& a, size_t n, size_t first, size_t columns, Use use) {
  __m256i codes[2][8];
  alignas(32) uint32_t scales[2][8];
  const auto take = [&](size_t j, const uint8_t* row, const uint8_t* of_row) {
    for (size_t half = 0; half < 2; ++half) {
      codes[half][j] = LoadInts(row + 32 * half);
      __builtin_memcpy(&scales[half][j], of_row + 4 * half, sizeof scales[half][j]);
    }
  };
  for (size_t j = 0; j < 8; ++j) {
    const size_t at = (n + j) * a.cols + first;
    if (n + j < a.w_rows && columns == kIntBlock) {
      take(j, a.codes + at / 2, a.block_scales + at / 16);
      continue;
    }
    uint8_t row[kIntBlock / 2] = {}, of_row[kIntSixteens] = {};
    if (n + j < a.w_rows) {
      __builtin_memcpy(row, a.codes + at / 2, columns / 2);
      __builtin_memcpy(of_row, a.block_scales + at / 16, columns / 16);
    }
    take(j, row, of_row);
  }
  for (size_t half = 0; half < 2; ++half) {
    Transpose8(codes[half]);
    const __m256i four = _mm256_load_si256(reinterpret_cast<const __m256i*>(scales[half]));
    for (size_t i = 0; i < 4; ++i) {
      const __m256i code =
          _mm256_and_si256(_mm256_srlv_epi32(four, _mm256_set1_epi32(static_cast<int>(8 * i))),
                           _mm256_set1_epi32(0xFF));
      const __m256 scale = ScalesOf(_mm256_slli_epi32(code, kScaleShift));
      use(4 * half + i, codes[half][2 * i], codes[half][2 * i + 1], scale);
    }
  }
}

inline void PackLanes(const IntMatMulArgs& a, size_t n, size_t first, size_t columns, size_t lane,
                      BytePanelBlock& to) {
  const __m256i mask = _mm256_set1_epi8(15);
  __m256 starts = _mm256_setzero_ps();
  GatherEight(a, n, first, columns, [&](size_t sixteen, __m256i low, __m256i high, __m256 scale) {
    __m256i sum = _mm256_setzero_si256();
    const auto store = [&](size_t place, __m256i nibbles) {
      const __m256i bytes = DoubledValues(_mm256_and_si256(nibbles, mask));
      StoreInts(to.bytes[sixteen][place][lane], bytes);
      sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes));
    };
    store(0, low);
    store(1, high);
    store(2, _mm256_srli_epi16(low, 4));
    store(3, _mm256_srli_epi16(high, 4));
    _mm256_storeu_ps(to.scales[sixteen] + lane, scale);
    const __m256i lifted = _mm256_madd_epi16(sum, _mm256_set1_epi16(-kIntOffset));
    starts = _mm256_fmadd_ps(_mm256_cvtepi32_ps(lifted), scale, starts);
  });
  _mm256_storeu_ps(to.starts + lane, starts);
}

inline void PackLanes(const IntMatMulArgs& a, size_t n, size_t first, size_t columns, size_t lane,
                      WordPanelBlock& to) {
  GatherEight(a, n, first, columns, [&](size_t sixteen, __m256i low, __m256i high, __m256 scale) {
    for (size_t pair = 0; pair < 8; ++pair) {
      // A byte's nibbles to the upper bytes of two words, and down again with their sign.
      const __m256i eight = _mm256_srlv_epi32(pair < 4 ? low : high,
                                              _mm256_set1_epi32(static_cast<int>(8 * (pair % 4))));
      const __m256i nibbles =
          _mm256_blend_epi16(_mm256_slli_epi32(eight, 8), _mm256_slli_epi32(eight, 20), 0xAA);
      const __m256i mask = _mm256_set1_epi32(0x0F000F00), others = _mm256_set1_epi32(0x00800080);
      const __m256i bytes = DoubledValues(_mm256_or_si256(_mm256_and_si256(nibbles, mask), others));
      StoreInts(to.words[sixteen][pair][lane], _mm256_srai_epi16(bytes, 8));
    }
    _mm256_storeu_ps(to.scales[sixteen] + lane, scale);
  });
}

// Some rows of W, `count` blocks of their columns from block `first` on.
template <class Block>
struct IntPanel {
  const Block* blocks;
  size_t count;
  size_t first;
};

inline size_t IntBlocks(const IntMatMulArgs& a) { return (a.cols + kIntBlock - 1) / kIntBlock; }

// Asks for what a panel is made of.
inline void PrefetchPanel(const IntMatMulArgs& a, size_t n, size_t first_block) {
  const size_t first = first_block * kIntBlock;
  const size_t rows = a.w_rows - n < kIntPanelRows ? a.w_rows - n : kIntPanelRows;
  for (size_t j = 0; j < rows; ++j) {
    const size_t at = (n + j) * a.cols + first;
    for (size_t i = 0; i < kIntPanelBlocks; ++i) PrefetchLine(a.codes + at / 2 + i * kIntBlock / 2);
    PrefetchLine(a.block_scales + at / 16);
  }
}

// Calls use(panel, n) for all rows and columns of W, kIntPanelRows rows from n on.
template <class Block, class Use>
inline void ForEachPanel(const IntMatMulArgs& a, Use use) {
  const size_t blocks = IntBlocks(a);
  auto* panel = reinterpret_cast<Block*>(a.scratch);
  for (size_t n = 0; n < a.w_rows; n += kIntPanelRows) {
    for (size_t first = 0; first < blocks; first += kIntPanelBlocks) {
      const size_t count = blocks - first < kIntPanelBlocks ? blocks - first : kIntPanelBlocks;
      for (size_t i = 0; i < count; ++i) {
        const size_t column = (first + i) * kIntBlock;
        const size_t columns = a.cols - column < kIntBlock ? a.cols - column : kIntBlock;
        for (size_t lane = 0; lane < kIntPanelRows; lane += 8) {
          PackLanes(a, n + lane, column, columns, lane, panel[i]);
        }
      }
      if (first + kIntPanelBlocks < blocks) {
        PrefetchPanel(a, n, first + kIntPanelBlocks);
      } else if (n + kIntPanelRows < a.w_rows) {
        PrefetchPanel(a, n + kIntPanelRows, 0);
      }
      use(IntPanel<Block>{panel, count, first}, n);
    }
  }
}
