// Products of NVFP4 weights with many rows of activations that are whole numbers. Lanes are rows of
// W, gathered into a panel; a lane sums sixteen columns as whole numbers before their scale is
// applied.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind int_panel-inl.h.

// Rows of x that share a panel: 64 KB of bytes, 128 KB of words, within a second-level cache.
constexpr size_t kIntRows = 128;
static_assert(kIntRows % kIntGroupRows == 0);

template <typename T>
inline int32_t LoadFour(const T* p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return four;
}

// One register of lanes, each a row of W.
#if defined(__AVX512VNNI__)
struct Lanes {
  using Ints = __m512i;
  __m512 v;
  static Lanes Load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Lanes All(float x) { return {_mm512_set1_ps(x)}; }
  void Store(float* p) const { _mm512_storeu_ps(p, v); }

  static Ints Zeros() { return _mm512_setzero_si512(); }
  static Ints LoadWords(const int16_t (*p)[2]) { return _mm512_loadu_si512(p); }
  // dot + two numbers of x times two columns of W
  static Ints DotPair(Ints dot, const int16_t* x, Ints words) {
    return _mm512_dpwssd_epi32(dot, _mm512_set1_epi32(LoadFour(x)), words);
  }
  // dot + four numbers of x times four columns of W
  static Ints LoadBytes(const int8_t (*p)[4]) { return _mm512_loadu_si512(p); }
  static Ints DotFour(Ints dot, const uint8_t* x, Ints bytes) {
    return _mm512_dpbusd_epi32(dot, _mm512_set1_epi32(LoadFour(x)), bytes);
  }
  static Ints Finish(Ints dot) { return dot; }
  Lanes operator*(Lanes b) const { return {_mm512_mul_ps(v, b.v)}; }
  void Add(Ints dot, Lanes scales) { v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scales.v, v); }
  void Add(Lanes part, Lanes scales) { v = _mm512_fmadd_ps(part.v, scales.v, v); }
};
#else
struct Lanes {
  using Ints = __m256i;
  __m256 v;
  static Lanes Load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static Lanes All(float x) { return {_mm256_set1_ps(x)}; }
  void Store(float* p) const { _mm256_storeu_ps(p, v); }

  static Ints Zeros() { return _mm256_setzero_si256(); }
  static Ints LoadWords(const int16_t (*p)[2]) { return LoadInts(p); }
  static Ints DotPair(Ints dot, const int16_t* x, Ints words) {
    dot = _mm256_add_epi32(dot, _mm256_madd_epi16(_mm256_set1_epi32(LoadFour(x)), words));
    // Or GCC adds the products of a sum as a tree, for which there are not enough registers.
    asm("" : "+x"(dot));
    return dot;
  }
  // Two sums of 16 bits: 255 x 12 x 8 fits.
  static Ints LoadBytes(const int8_t (*p)[4]) { return LoadInts(p); }
  static Ints DotFour(Ints dot, const uint8_t* x, Ints bytes) {
    dot = _mm256_add_epi16(dot, _mm256_maddubs_epi16(_mm256_set1_epi32(LoadFour(x)), bytes));
    asm("" : "+x"(dot));
    return dot;
  }
  static Ints Finish(Ints dot) { return _mm256_madd_epi16(dot, _mm256_set1_epi16(1)); }
  Lanes operator*(Lanes b) const { return {_mm256_mul_ps(v, b.v)}; }
  void Add(Ints dot, Lanes scales) { v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), scales.v, v); }
  void Add(Lanes part, Lanes scales) { v = _mm256_fmadd_ps(part.v, scales.v, v); }
};
#endif

// Calls use(row of a group of x, register of a panel).
template <class Use>
inline void ForEachSum(Use use) {
#pragma GCC unroll 4
  for (size_t i = 0; i < kIntGroupRows; ++i) {
#pragma GCC unroll 2
    for (size_t j = 0; j < kIntRegisters; ++j) use(i, j);
  }
}

// Sums of a group of rows of x with a panel.
struct IntGroupSums {
  Lanes v[kIntGroupRows][kIntRegisters];
  IntGroupSums() {
    ForEachSum([&](size_t i, size_t j) { v[i][j] = Lanes::All(0); });
  }
};

// INT8. Activations are lifted by kIntOffset, which makes them unsigned; what that adds to a block
// is the same for all of them, so its sums begin with it taken away. They meet the block's scale of
// x when they are complete.
inline IntGroupSums MultiplyPanel(const IntMatMulArgs& a, const IntPanel<BytePanelBlock>& panel,
                                  size_t group) {
  const size_t at = group * IntBlocks(a) + panel.first;
  const uint8_t* x = a.groups.bytes + at * kIntGroupRows * kIntBlock;
  const float* x_scales = a.groups.scales + at * kIntGroupRows;
  IntGroupSums sums;
  for (size_t block = 0; block < panel.count; ++block) {
    const BytePanelBlock& w = panel.blocks[block];
    IntGroupSums parts;
    ForEachSum(
        [&](size_t i, size_t j) { parts.v[i][j] = Lanes::Load(w.starts + j * kIntRegisterRows); });
    for (size_t sixteen = 0; sixteen < kIntSixteens; ++sixteen) {
      Lanes::Ints dots[kIntGroupRows][kIntRegisters];
      ForEachSum([&](size_t i, size_t j) { dots[i][j] = Lanes::Zeros(); });
#pragma GCC unroll 4
      for (size_t four = 0; four < 4; ++four) {
        ForEachSum([&](size_t i, size_t j) {
          const auto bytes = Lanes::LoadBytes(w.bytes[sixteen][four] + j * kIntRegisterRows);
          dots[i][j] = Lanes::DotFour(dots[i][j], x + 16 * i + 4 * four, bytes);
        });
      }
      ForEachSum([&](size_t i, size_t j) {
        parts.v[i][j].Add(Lanes::Finish(dots[i][j]),
                          Lanes::Load(w.scales[sixteen] + j * kIntRegisterRows));
      });
      x += kIntGroupRows * 16;
    }
    ForEachSum(
        [&](size_t i, size_t j) { sums.v[i][j].Add(parts.v[i][j], Lanes::All(x_scales[i])); });
    x_scales += kIntGroupRows;
  }
  return sums;
}

// 16 bits, with a scale of x for each sixteen. 32,639 x 12 x 16 fits into F32's 24 bits.
inline IntGroupSums MultiplyPanel(const IntMatMulArgs& a, const IntPanel<WordPanelBlock>& panel,
                                  size_t group) {
  const size_t at = (group * IntBlocks(a) + panel.first) * kIntGroupRows;
  const int16_t* x = a.groups.words + at * kIntBlock;
  const float* x_scales = a.groups.scales + at * kIntSixteens;
  IntGroupSums sums;
  for (size_t block = 0; block < panel.count; ++block) {
    const WordPanelBlock& w = panel.blocks[block];
    for (size_t sixteen = 0; sixteen < kIntSixteens; ++sixteen) {
      Lanes::Ints dots[kIntGroupRows][kIntRegisters];
      ForEachSum([&](size_t i, size_t j) { dots[i][j] = Lanes::Zeros(); });
#pragma GCC unroll 8
      for (size_t pair = 0; pair < 8; ++pair) {
        ForEachSum([&](size_t i, size_t j) {
          const auto words = Lanes::LoadWords(w.words[sixteen][pair] + j * kIntRegisterRows);
          dots[i][j] = Lanes::DotPair(dots[i][j], x + 16 * i + 2 * pair, words);
        });
      }
      ForEachSum([&](size_t i, size_t j) {
        const Lanes scales = Lanes::Load(w.scales[sixteen] + j * kIntRegisterRows);
        sums.v[i][j].Add(dots[i][j], scales * Lanes::All(x_scales[i]));
      });
      x += kIntGroupRows * 16;
      x_scales += kIntGroupRows;
    }
  }
  return sums;
}

// y (+)= the panel's part, for row t and rows of W from n on.
inline void AddIntSums(const IntMatMulArgs& a, const float* sums, size_t t, size_t n,
                       bool is_first) {
  const float row_scale = a.groups.row_scales[t] * kIntFactor;
  const size_t count = a.w_rows - n < kIntPanelRows ? a.w_rows - n : kIntPanelRows;
  float* y = a.y + t * a.y_stride + n;
  for (size_t j = 0; j < count; ++j) {
    const float part = sums[j] * row_scale * a.scale;
    y[j] = is_first ? part : y[j] + part;
  }
}

template <class Block>
inline void MultiplyIntGroups(const IntMatMulArgs& a) {
  for (size_t begin = 0; begin < a.groups.rows; begin += kIntRows) {
    const size_t left = a.groups.rows - begin;
    const size_t end = begin + (left < kIntRows ? left : kIntRows);
    ForEachPanel<Block>(a, [&](const IntPanel<Block>& panel, size_t n) {
      for (size_t t = begin; t < end; t += kIntGroupRows) {
        const IntGroupSums sums = MultiplyPanel(a, panel, t / kIntGroupRows);
        alignas(64) float rows[kIntGroupRows][kIntPanelRows];
        ForEachSum([&](size_t i, size_t j) { sums.v[i][j].Store(rows[i] + j * kIntRegisterRows); });
        for (size_t i = 0; i < kIntGroupRows && t + i < end; ++i) {
          AddIntSums(a, rows[i], t + i, n, panel.first == 0);
        }
      }
    });
  }
}

void MatMulInt16Groups(const IntMatMulArgs& a) { MultiplyIntGroups<WordPanelBlock>(a); }
void MatMulInt8Groups(const IntMatMulArgs& a) { MultiplyIntGroups<BytePanelBlock>(a); }
