// Products of NVFP4 weights with many rows of INT8 activations. Lanes are rows of W, gathered into
// a panel; a lane sums sixteen columns as whole numbers before their scale is applied, and a block
// of 128 before that of the activations is. Activations are lifted by kIntOffset, which makes them
// unsigned; what that adds to a block is the same for all of them, so sums begin with it taken
// away. Included inside namespace glimmer::kernels::GLIMMER_ISA behind nvfp4_few-inl.h.

// A panel has registers of lanes side by side; four rows of x meet all of them.
#if defined(__AVX512VNNI__)
constexpr size_t kIntRegisterRows = 16;
constexpr size_t kIntRegisters = 2;
#else
constexpr size_t kIntRegisterRows = 8;
constexpr size_t kIntRegisters = 1;
#endif
constexpr size_t kIntPanelRows = kIntRegisterRows * kIntRegisters;
constexpr size_t kIntPanelBlocks = 4;  // 512 columns: 4 KB of bytes for eight rows
constexpr size_t kInt8Rows = 128;  // of x that share a panel: 64 KB, within a second-level cache
static_assert(kInt8Rows % kIntGroupRows == 0);

// One block of the panel. For each sixteen four vectors of signed bytes (even columns 0 to 6, 8 to
// 14, then the odd ones), lane = row of W; their scales times 2^-120; and minus kIntOffset times
// the block's sums.
struct IntPanelBlock {
  int8_t bytes[kIntSixteens][4][kIntPanelRows][4];
  float scales[kIntSixteens][kIntPanelRows];
  float starts[kIntPanelRows];
};
static_assert(kIntPanelBlocks * sizeof(IntPanelBlock) <= kMatMulScratch);

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

// Weights doubled, by code.
inline __m256i DoubledValues(__m256i nibbles) {
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_setr_epi8(
                                 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)),
                             _mm256_and_si256(nibbles, _mm256_set1_epi8(15)));
}

// Eight rows of W from n on, `columns` of a block from `first` on, into lanes [lane, lane + 8);
// rows and columns that are not there become zeros.
inline void PackEight(const IntMatMulArgs& a, size_t n, size_t first, size_t columns, size_t lane,
                      IntPanelBlock& to) {
  __m256i codes[2][8];
  alignas(32) uint32_t scales[2][8] = {};
  for (size_t j = 0; j < 8; ++j) {
    alignas(32) uint8_t row[kIntBlock / 2] = {};
    alignas(8) uint32_t of_row[2] = {};
    if (n + j < a.w_rows) {
      const size_t at = (n + j) * a.cols + first;
      __builtin_memcpy(row, a.codes + at / 2, columns / 2);
      __builtin_memcpy(of_row, a.block_scales + at / 16, columns / 16);
    }
    for (size_t half = 0; half < 2; ++half) {
      codes[half][j] = LoadInts(row + 32 * half);
      scales[half][j] = of_row[half];
    }
  }
  __m256 starts = _mm256_setzero_ps();
  for (size_t half = 0; half < 2; ++half) {
    Transpose8(codes[half]);
    const __m256i four = _mm256_load_si256(reinterpret_cast<const __m256i*>(scales[half]));
    for (size_t i = 0; i < 4; ++i) {
      const size_t sixteen = 4 * half + i;
      __m256i sum = _mm256_setzero_si256();
      const auto store = [&](size_t place, __m256i bytes) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to.bytes[sixteen][place][lane]), bytes);
        sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes));
      };
      for (size_t j = 0; j < 2; ++j) {  // columns 8 j to 8 j + 7 of the sixteen
        const __m256i eight = codes[half][2 * i + j];
        store(j, DoubledValues(eight));
        store(2 + j, DoubledValues(_mm256_srli_epi16(eight, 4)));
      }
      const __m256i code =
          _mm256_and_si256(_mm256_srlv_epi32(four, _mm256_set1_epi32(static_cast<int>(8 * i))),
                           _mm256_set1_epi32(0xFF));
      const __m256 scale = _mm256_castsi256_ps(_mm256_slli_epi32(code, kScaleShift));
      _mm256_storeu_ps(to.scales[sixteen] + lane, scale);
      const __m256i lifted = _mm256_madd_epi16(sum, _mm256_set1_epi16(-kIntOffset));
      starts = _mm256_fmadd_ps(_mm256_cvtepi32_ps(lifted), scale, starts);
    }
  }
  _mm256_storeu_ps(to.starts + lane, starts);
}

inline int32_t LoadFour(const uint8_t* p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return four;
}

// One register of lanes, each a row of W.
#if defined(__AVX512VNNI__)
struct Lanes {
  __m512 v;
  static Lanes Load(const float* p) { return {_mm512_loadu_ps(p)}; }
  void Store(float* p) const { _mm512_storeu_ps(p, v); }
  // Adds a sixteen of columns: sixteen numbers of x, four vectors of bytes, the weights' scales.
  void Add(const uint8_t* x, const int8_t (*bytes)[kIntPanelRows][4], size_t lane, Lanes scales) {
    __m512i dot = _mm512_setzero_si512();
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {
      dot = _mm512_dpbusd_epi32(dot, _mm512_set1_epi32(LoadFour(x + 4 * i)),
                                _mm512_loadu_si512(bytes[i][lane]));
    }
    v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scales.v, v);
  }
  // sum + this * scale
  Lanes ScaledOnto(Lanes sum, float scale) const {
    return {_mm512_fmadd_ps(v, _mm512_set1_ps(scale), sum.v)};
  }
};
#else
struct Lanes {
  __m256 v;
  static Lanes Load(const float* p) { return {_mm256_loadu_ps(p)}; }
  void Store(float* p) const { _mm256_storeu_ps(p, v); }
  void Add(const uint8_t* x, const int8_t (*bytes)[kIntPanelRows][4], size_t lane, Lanes scales) {
    const auto dot_of = [&](size_t i) {
      return _mm256_maddubs_epi16(_mm256_set1_epi32(LoadFour(x + 4 * i)), LoadInts(bytes[i][lane]));
    };
    // 255 x 12 x 8 fits into 16 bits.
    const __m256i pairs = _mm256_add_epi16(_mm256_add_epi16(dot_of(0), dot_of(1)),
                                           _mm256_add_epi16(dot_of(2), dot_of(3)));
    const __m256i dot = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), scales.v, v);
  }
  Lanes ScaledOnto(Lanes sum, float scale) const {
    return {_mm256_fmadd_ps(v, _mm256_set1_ps(scale), sum.v)};
  }
};
#endif

// Some rows of W, the first columns [first, first + ...) of x that a panel holds.
struct IntPanel {
  const IntPanelBlock* blocks;
  size_t count;  // of blocks
  size_t first;  // block
};

// sums[row][lane] of a group of x with the panel.
inline void Int8Tile(const IntMatMulArgs& a, const IntPanel& panel, size_t group,
                     float (&out)[kIntGroupRows][kIntPanelRows]) {
  const size_t blocks = (a.cols + kIntBlock - 1) / kIntBlock;
  const size_t at = group * blocks + panel.first;
  const uint8_t* x = a.groups.numbers + at * kIntGroupRows * kIntBlock;
  const float* x_scales = a.groups.scales + at * kIntGroupRows;
  Lanes sums[kIntGroupRows][kIntRegisters];
  const float zeros[kIntPanelRows] = {};
#pragma GCC unroll 4
  for (auto& row : sums) {
#pragma GCC unroll 2
    for (Lanes& sum : row) sum = Lanes::Load(zeros);
  }
  for (size_t block = 0; block < panel.count; ++block) {
    const IntPanelBlock& w = panel.blocks[block];
    Lanes parts[kIntGroupRows][kIntRegisters];
#pragma GCC unroll 4
    for (auto& row : parts) {
#pragma GCC unroll 2
      for (size_t j = 0; j < kIntRegisters; ++j) {
        row[j] = Lanes::Load(w.starts + j * kIntRegisterRows);
      }
    }
    for (size_t sixteen = 0; sixteen < kIntSixteens; ++sixteen) {
#pragma GCC unroll 4
      for (size_t i = 0; i < kIntGroupRows; ++i) {
#pragma GCC unroll 2
        for (size_t j = 0; j < kIntRegisters; ++j) {
          const size_t lane = j * kIntRegisterRows;
          parts[i][j].Add(x + 16 * i, w.bytes[sixteen], lane,
                          Lanes::Load(w.scales[sixteen] + lane));
        }
      }
      x += kIntGroupRows * 16;
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < kIntGroupRows; ++i) {
#pragma GCC unroll 2
      for (size_t j = 0; j < kIntRegisters; ++j) {
        sums[i][j] = parts[i][j].ScaledOnto(sums[i][j], x_scales[i]);
      }
    }
    x_scales += kIntGroupRows;
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < kIntGroupRows; ++i) {
#pragma GCC unroll 2
    for (size_t j = 0; j < kIntRegisters; ++j) sums[i][j].Store(out[i] + j * kIntRegisterRows);
  }
}

// y (+)= the panel's part, for row t and rows of W from n on.
inline void AddInt8Sums(const IntMatMulArgs& a, const float* sums, size_t t, size_t n,
                        bool is_first) {
  const float row_scale = a.groups.row_scales[t] * kIntFactor;
  const size_t count = a.w_rows - n < kIntPanelRows ? a.w_rows - n : kIntPanelRows;
  float* y = a.y + t * a.y_stride + n;
  for (size_t j = 0; j < count; ++j) {
    const float part = sums[j] * row_scale * a.scale;
    y[j] = is_first ? part : y[j] + part;
  }
}

// Rows [rows.first, rows.last) of x, whole groups but for the last.
inline void Int8Rows(const IntMatMulArgs& a, Range rows) {
  const size_t blocks = (a.cols + kIntBlock - 1) / kIntBlock;
  auto* panel_blocks = reinterpret_cast<IntPanelBlock*>(a.scratch);
  for (size_t n = 0; n < a.w_rows; n += kIntPanelRows) {
    for (size_t first = 0; first < blocks; first += kIntPanelBlocks) {
      const size_t count = blocks - first < kIntPanelBlocks ? blocks - first : kIntPanelBlocks;
      for (size_t i = 0; i < count; ++i) {
        const size_t column = (first + i) * kIntBlock;
        const size_t columns = a.cols - column < kIntBlock ? a.cols - column : kIntBlock;
        for (size_t lane = 0; lane < kIntPanelRows; lane += 8) {
          PackEight(a, n + lane, column, columns, lane, panel_blocks[i]);
        }
      }
      for (size_t t = rows.first; t < rows.last; t += kIntGroupRows) {
        float sums[kIntGroupRows][kIntPanelRows];
        Int8Tile(a, {panel_blocks, count, first}, t / kIntGroupRows, sums);
        for (size_t i = 0; i < kIntGroupRows && t + i < rows.last; ++i) {
          AddInt8Sums(a, sums[i], t + i, n, first == 0);
        }
      }
    }
  }
}

void MatMulInt8Groups(const IntMatMulArgs& a) {
  for (size_t t = 0; t < a.groups.rows; t += kInt8Rows) {
    Int8Rows(a, {t, a.groups.rows - t < kInt8Rows ? a.groups.rows : t + kInt8Rows});
  }
}
