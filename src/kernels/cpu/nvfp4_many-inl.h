// Products of NVFP4 weights with many rows of INT8 activations. Lanes are rows of W, gathered into
// a panel; a lane sums a whole block of 16 columns as whole numbers before it is corrected, scaled
// and added. The weights are lifted by twelve as in nvfp4_few-inl.h.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind nvfp4_few-inl.h.

// A panel has eights of rows side by side, one for each 256 bits of a register.
#if defined(__AVX512VNNI__)
constexpr size_t kPanelEights = 2;
#else
constexpr size_t kPanelEights = 1;
#endif
constexpr size_t kIntPanelRows = 8 * kPanelEights;
constexpr size_t kIntPanelBlocks = 16;  // of 64 columns: 8 KB of bytes and 2 KB of scales an eight
constexpr size_t kInt8Rows = 128;  // of x that share a panel: 256 KB, within a second-level cache
constexpr size_t kPanelBlockBytes = kIntPanelRows * kIntBlock;
constexpr size_t kPanelBlockScales = kIntPanelRows * kIntBlock / 16;
static_assert(kIntPanelBlocks * (kPanelBlockBytes + kPanelBlockScales * sizeof(float)) <=
              kMatMulScratch);

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

// For each 16 columns four vectors of bytes (even columns 0 to 6, 8 to 14, then the odd ones), lane
// = row of W; and their scales, times 2^-8.
struct IntPanel {
  uint8_t* bytes;
  float* scales;
};

// 64 columns of rows [n, n + count), one eight of the panel; rows that are not there become zeros.
inline void PackEight(const IntMatMulArgs& a, size_t n, size_t count, size_t block,
                      const IntPanel& to) {
  const size_t first = block * kIntBlock;
  const size_t cols = a.cols - first < kIntBlock ? a.cols - first : kIntBlock;
  __m256i rows[8];
  alignas(32) uint32_t four[8] = {};
  for (size_t j = 0; j < 8; ++j) {
    alignas(32) uint8_t codes[kIntBlock / 2] = {};
    if (j < count) {
      __builtin_memcpy(codes, a.codes + ((n + j) * a.cols + first) / 2, cols / 2);
      __builtin_memcpy(&four[j], a.block_scales + ((n + j) * a.cols + first) / 16, cols / 16);
    }
    rows[j] = LoadInts(codes);
  }
  Transpose8(rows);
  for (size_t i = 0; i < 8; ++i) {  // dword i: columns 8 i to 8 i + 7
    uint8_t* bytes = to.bytes + ((i / 2) * 4 + i % 2) * kPanelEights * 32;
    _mm256_store_si256(reinterpret_cast<__m256i*>(bytes), LowNibbles(rows[i]));
    _mm256_store_si256(reinterpret_cast<__m256i*>(bytes + 2 * kPanelEights * 32),
                       HighNibbles(rows[i]));
  }
  const __m256i codes = _mm256_load_si256(reinterpret_cast<const __m256i*>(four));
  for (int i = 0; i < 4; ++i) {
    const __m256i code = _mm256_and_si256(_mm256_srlv_epi32(codes, _mm256_set1_epi32(8 * i)),
                                          _mm256_set1_epi32(0xFF));
    const __m256i halves = _mm256_packus_epi32(_mm256_slli_epi32(code, 7), _mm256_setzero_si256());
    const __m128i eight = _mm256_castsi256_si128(_mm256_permute4x64_epi64(halves, 0x08));
    _mm256_store_ps(to.scales + static_cast<size_t>(i) * kIntPanelRows, _mm256_cvtph_ps(eight));
  }
}

inline void PackPanel(const IntMatMulArgs& a, size_t n, Range blocks, const IntPanel& panel) {
  for (size_t block = blocks.first; block < blocks.last; ++block) {
    for (size_t eight = 0; eight < kPanelEights; ++eight) {
      const size_t row = n + 8 * eight;
      const size_t at = block - blocks.first;
      PackEight(a, row, row < a.w_rows ? a.w_rows - row : 0, block,
                {panel.bytes + at * kPanelBlockBytes + 32 * eight,
                 panel.scales + at * kPanelBlockScales + 8 * eight});
    }
  }
}

inline int32_t LoadFour(const int8_t* p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return four;
}

// One register of lanes, each a row of W.
#if defined(__AVX512VNNI__)
struct LaneSums {
  __m512 v;
  void Clear() { v = _mm512_setzero_ps(); }
  // Adds sixteen columns: four vectors of bytes and their scales with numbers at `x`.
  void Add(const uint8_t* bytes, const float* scales, const int8_t* x, const int32_t* correction,
           const float* x_scale) {
    __m512i dot = _mm512_setzero_si512();
    constexpr size_t kPlaces[4] = {0, 4, 32, 36};
    for (size_t i = 0; i < 4; ++i) {
      dot = _mm512_dpbusd_epi32(dot, _mm512_load_si512(bytes + 64 * i),
                                _mm512_set1_epi32(LoadFour(x + kPlaces[i])));
    }
    dot = _mm512_sub_epi32(dot, _mm512_set1_epi32(*correction));
    const __m512 scale = _mm512_mul_ps(_mm512_load_ps(scales), _mm512_set1_ps(*x_scale));
    v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scale, v);
  }
  void Store(float* to) const { _mm512_storeu_ps(to, v); }
};
#else
struct LaneSums {
  __m256 v;
  void Clear() { v = _mm256_setzero_ps(); }
  // Adds sixteen columns: four vectors of bytes and their scales with numbers at `x`.
  void Add(const uint8_t* bytes, const float* scales, const int8_t* x, const int32_t* correction,
           const float* x_scale) {
    const auto dot_of = [&](size_t i, size_t place) {
      return _mm256_maddubs_epi16(LoadInts(bytes + 32 * i), _mm256_set1_epi32(LoadFour(x + place)));
    };
    const __m256i pairs = _mm256_add_epi16(_mm256_add_epi16(dot_of(0, 0), dot_of(1, 4)),
                                           _mm256_add_epi16(dot_of(2, 32), dot_of(3, 36)));
    const __m256i dot = _mm256_sub_epi32(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)),
                                         _mm256_set1_epi32(*correction));
    const __m256 scale = _mm256_mul_ps(_mm256_load_ps(scales), _mm256_set1_ps(*x_scale));
    v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), scale, v);
  }
  void Store(float* to) const { _mm256_storeu_ps(to, v); }
};
#endif

// kX rows of x from t on with the panel, which holds these blocks of 64 columns.
template <size_t kX>
inline void Int8Tile(const IntMatMulArgs& a, const IntPanel& panel, size_t t, Range panel_blocks,
                     float (&out)[kX][kIntPanelRows]) {
  const size_t blocks = (a.cols + kIntBlock - 1) / kIntBlock;
  LaneSums sums[kX];
#pragma GCC unroll 4
  for (LaneSums& sum : sums) sum.Clear();
  const uint8_t* bytes = panel.bytes;
  const float* w_scales = panel.scales;
  const size_t first = t * blocks + panel_blocks.first;
  const int8_t* x = a.x.digits + first * kIntBlock;
  const int32_t* corrections = a.x.corrections + first * kIntSixteens;
  const float* scales = a.x.scales + first * kIntSixteens;
  for (size_t block = panel_blocks.first; block < panel_blocks.last; ++block) {
    for (size_t sixteen = 0; sixteen < kIntSixteens; ++sixteen) {
#pragma GCC unroll 4
      for (size_t i = 0; i < kX; ++i) {
        const size_t lane = i * blocks * kIntSixteens + sixteen;
        sums[i].Add(bytes, w_scales, x + i * blocks * kIntBlock + 8 * sixteen, corrections + lane,
                    scales + lane);
      }
      bytes += kPanelBlockBytes / kIntSixteens;
      w_scales += kIntPanelRows;
    }
    x += kIntBlock;
    corrections += kIntSixteens;
    scales += kIntSixteens;
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < kX; ++i) sums[i].Store(out[i]);
}

template <size_t kX>
inline void AddInt8Tile(const IntMatMulArgs& a, const IntPanel& panel, size_t t, size_t n,
                        size_t count, Range blocks) {
  float sums[kX][kIntPanelRows];
  Int8Tile<kX>(a, panel, t, blocks, sums);
  for (size_t i = 0; i < kX; ++i) {
    float* y = a.y + (t + i) * a.y_stride + n;
    for (size_t j = 0; j < count; ++j) {
      const float part = sums[i][j] * (a.scale * kIntFactor);
      y[j] = blocks.first == 0 ? part : y[j] + part;
    }
  }
}

// Rows [rows.first, rows.last) of x.
inline void Int8Rows(const IntMatMulArgs& a, Range rows) {
  const size_t blocks = (a.cols + kIntBlock - 1) / kIntBlock;
  auto* bytes = reinterpret_cast<uint8_t*>(a.scratch);
  const IntPanel panel = {bytes,
                          reinterpret_cast<float*>(bytes + kIntPanelBlocks * kPanelBlockBytes)};
  for (size_t n = 0; n < a.w_rows; n += kIntPanelRows) {
    const size_t count = a.w_rows - n < kIntPanelRows ? a.w_rows - n : kIntPanelRows;
    for (size_t first = 0; first < blocks; first += kIntPanelBlocks) {
      const Range part = {first,
                          blocks - first < kIntPanelBlocks ? blocks : first + kIntPanelBlocks};
      PackPanel(a, n, part, panel);
      size_t t = rows.first;
      for (; t + 4 <= rows.last; t += 4) AddInt8Tile<4>(a, panel, t, n, count, part);
      for (; t < rows.last; ++t) AddInt8Tile<1>(a, panel, t, n, count, part);
    }
  }
}

void MatMulInt8Many(const IntMatMulArgs& a) {
  for (size_t t = 0; t < a.x.rows; t += kInt8Rows) {
    Int8Rows(a, {t, a.x.rows - t < kInt8Rows ? a.x.rows : t + kInt8Rows});
  }
}
