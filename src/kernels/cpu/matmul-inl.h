// Dot products of rows of x with rows of W in F32.
//
// Order of one sum: K is cut into blocks of kBlockCols; in a block, lane l of eight adds the
// products at k = l, l + 8, l + 16, ... by fused multiply-add; the lanes are added in the fixed
// order of Sum4; the blocks are added in order. Neither the tile's shape nor the number of rows
// plays a part, nor the width of the registers: AVX-512 holds the lanes of two rows of W in one.
//
// One or two rows of x read W as stored, decoding it in registers. More rows stand in groups
// (table.h): panels of four rows of W are decoded into scratch memory, in eights side by side, and
// read by every group.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind vec-inl.h and
// weight_rows-inl.h.

constexpr size_t kBlockGroups = 32;  // 96 rows of x: 192 KB, within a second-level cache
constexpr size_t kPanelRows = 4;     // 3 x 4 sums take 12 of AVX2's 16 registers
constexpr size_t kPanels = 2;        // 16 KB: half of a first-level cache
static_assert(kPanels * kPanelRows * kBlockCols * sizeof(float) <= kMatMulScratch);

struct Range {
  size_t first, last;
};

// The eight lanes of four sums each: ((l0 + l1) + (l2 + l3)) + ((l4 + l5) + (l6 + l7)).
inline __m128 Sum4(__m256 a, __m256 b, __m256 c, __m256 d) {
  const __m256 halves = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
  return _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
}

// The first `count` numbers, and back.
inline __m128 LoadFirst(size_t count, const float* y) {
  if (count == 4) return _mm_loadu_ps(y);
  alignas(16) float values[4] = {};
  for (size_t j = 0; j < count; ++j) values[j] = y[j];
  return _mm_load_ps(values);
}
inline void StoreFirst(size_t count, __m128 v, float* y) {
  if (count == 4) return _mm_storeu_ps(y, v);
  alignas(16) float values[4];
  _mm_store_ps(values, v);
  for (size_t j = 0; j < count; ++j) y[j] = values[j];
}

// y[0 .. count) (+)= sums, times `scale` behind the last block.
inline void AddSums(__m128 sums, Range cols, const MatMulArgs& a, float* y, size_t count) {
  const float scale = cols.last == a.cols ? a.scale : 1.0f;
  if (cols.first > 0) sums = _mm_add_ps(LoadFirst(count, y), sums);
  StoreFirst(count, _mm_mul_ps(sums, _mm_set1_ps(scale)), y);
}

// y[t, n] (+)= the block's part of the sums, for kX rows of x and kW rows of W.
template <size_t kX, size_t kW, class Weights>
inline void PlainTile(const MatMulArgs& a, size_t t, const Weights& weights, size_t n, Range cols) {
  __m256 sums[kX][4];
#pragma GCC unroll 2
  for (auto& row : sums) {
#pragma GCC unroll 4
    for (__m256& sum : row) sum = _mm256_setzero_ps();
  }
  const auto add = [&](size_t j, Pair w, auto load) {
#pragma GCC unroll 2
    for (size_t i = 0; i < kX; ++i) {
      const Pair x = load(i);
      sums[i][j] = _mm256_fmadd_ps(x.lo, w.lo, sums[i][j]);
      sums[i][j] = _mm256_fmadd_ps(x.hi, w.hi, sums[i][j]);
    }
  };
  size_t k = cols.first;
  for (; k + 16 <= cols.last; k += 16) {
#pragma GCC unroll 4
    for (size_t j = 0; j < kW; ++j) {
      weights.Row(n + kW + j).Prefetch(k);
      add(j, weights.Row(n + j).Load(k),
          [&](size_t i) { return F32Row{a.x + (t + i) * a.x_stride}.Load(k); });
    }
  }
  if (k < cols.last) {
#pragma GCC unroll 4
    for (size_t j = 0; j < kW; ++j) {
      add(j, LoadTail(weights.Row(n + j), k, cols.last),
          [&](size_t i) { return LoadTail(F32Row{a.x + (t + i) * a.x_stride}, k, cols.last); });
    }
  }
#pragma GCC unroll 2
  for (size_t i = 0; i < kX; ++i) {
    AddSums(Sum4(sums[i][0], sums[i][1], sums[i][2], sums[i][3]), cols, a,
            a.y + (t + i) * a.y_stride + n, kW);
  }
}

inline Range BlockAt(const MatMulArgs& a, size_t first) {
  return {first, a.cols - first < kBlockCols ? a.cols : first + kBlockCols};
}

template <size_t kX, class Weights>
inline void PlainTiles(const MatMulArgs& a, size_t t, const Weights& weights) {
  size_t n = 0;
  for (; n + 4 <= a.w_rows; n += 4) {
    for (size_t first = 0; first < a.cols; first += kBlockCols) {
      PlainTile<kX, 4>(a, t, weights, n, BlockAt(a, first));
    }
  }
  for (; n < a.w_rows; ++n) {
    for (size_t first = 0; first < a.cols; first += kBlockCols) {
      PlainTile<kX, 1>(a, t, weights, n, BlockAt(a, first));
    }
  }
}

template <class Weights>
inline void MultiplyPlain(const MatMulArgs& a, const Weights& weights) {
  size_t t = 0;
  for (; t + 2 <= a.x_rows; t += 2) PlainTiles<2>(a, t, weights);
  if (t < a.x_rows) PlainTiles<1>(a, t, weights);
}

// Rows [n, n + count) of W as [step][row][lane]; rows behind them stay as they are.
template <class Weights>
inline void DecodePanel(const Weights& weights, size_t n, size_t count, Range cols, float* panel) {
  for (size_t j = 0; j < count; ++j) {
    const auto row = weights.Row(n + j);
    float* to = panel + j * kGroupLanes;
    const auto store = [&](Pair pair) {
      _mm256_store_ps(to, pair.lo);
      _mm256_store_ps(to + kPanelRows * kGroupLanes, pair.hi);
      to += 2 * kPanelRows * kGroupLanes;
    };
    size_t k = cols.first;
    for (; k + 16 <= cols.last; k += 16) store(row.Load(k));
    if (k < cols.last) store(LoadTail(row, k, cols.last));
  }
}

#if defined(__AVX512F__)

// Of a row of x with a panel.
struct PanelSums {
  static constexpr size_t kRegisters = 2;  // for two rows of W each
  __m512 v[kRegisters];

  static __m512 LoadX(const float* eight) { return _mm512_broadcast_f32x8(_mm256_load_ps(eight)); }
  static __m512 LoadW(const float* panel, size_t j) { return _mm512_load_ps(panel + 16 * j); }
  void Clear() { v[0] = v[1] = _mm512_setzero_ps(); }
  void Add(size_t j, __m512 x, __m512 w) { v[j] = _mm512_fmadd_ps(x, w, v[j]); }
  __m128 Sum() const {
    return Sum4(_mm512_castps512_ps256(v[0]), _mm512_extractf32x8_ps(v[0], 1),
                _mm512_castps512_ps256(v[1]), _mm512_extractf32x8_ps(v[1], 1));
  }
};

#else

struct PanelSums {
  static constexpr size_t kRegisters = 4;
  __m256 v[kRegisters];

  static __m256 LoadX(const float* eight) { return _mm256_load_ps(eight); }
  static __m256 LoadW(const float* panel, size_t j) { return _mm256_load_ps(panel + 8 * j); }
  void Clear() { v[0] = v[1] = v[2] = v[3] = _mm256_setzero_ps(); }
  void Add(size_t j, __m256 x, __m256 w) { v[j] = _mm256_fmadd_ps(x, w, v[j]); }
  __m128 Sum() const { return Sum4(v[0], v[1], v[2], v[3]); }
};

#endif

// kGroups groups of x against the panel; `rows` of them are there.
template <size_t kGroups>
inline void GroupTile(const MatMulArgs& a, size_t group, size_t rows, const float* panel, size_t n,
                      size_t count, Range cols) {
  constexpr size_t kRows = kGroups * kGroupRows;
  PanelSums sums[kRows];
#pragma GCC unroll 6
  for (PanelSums& sum : sums) sum.Clear();
  const size_t steps = GroupSteps(cols.last - cols.first);
  const float* x = a.x + GroupPlace(GroupsOf(a.x_rows), group, cols.first, cols.last - cols.first);
  for (size_t step = 0; step < steps; ++step) {
    decltype(PanelSums::LoadX(x)) rows_of_x[kRows];
#pragma GCC unroll 6
    for (size_t row = 0; row < kRows; ++row) {
      const size_t group_offset = row / kGroupRows * steps * kGroupRows * kGroupLanes;
      rows_of_x[row] = PanelSums::LoadX(x + group_offset + row % kGroupRows * kGroupLanes);
    }
#pragma GCC unroll 4
    for (size_t j = 0; j < PanelSums::kRegisters; ++j) {
      const auto w = PanelSums::LoadW(panel, j);
#pragma GCC unroll 6
      for (size_t row = 0; row < kRows; ++row) sums[row].Add(j, rows_of_x[row], w);
    }
    x += kGroupRows * kGroupLanes;
    panel += kPanelRows * kGroupLanes;
  }
#pragma GCC unroll 6
  for (size_t row = 0; row < kRows; ++row) {
    if (row == rows) break;
    AddSums(sums[row].Sum(), cols, a, a.y + (group * kGroupRows + row) * a.y_stride + n, count);
  }
}

#if defined(__AVX512F__)
constexpr size_t kTileGroups = 2;  // 6 x 2 sums of two rows take 12 of 32 registers
#else
constexpr size_t kTileGroups = 1;
#endif

// Rows of x in the groups [first, first + count).
inline size_t RowsIn(const MatMulArgs& a, size_t first, size_t count) {
  const size_t left = a.x_rows - first * kGroupRows;
  return left < count * kGroupRows ? left : count * kGroupRows;
}

template <class Weights>
inline void BlockOfGroups(const MatMulArgs& a, const Weights& weights, Range groups, Range cols) {
  float* panels = reinterpret_cast<float*>(a.scratch);
  for (size_t n = 0; n < a.w_rows; n += kPanels * kPanelRows) {
    const size_t end = a.w_rows - n < kPanels * kPanelRows ? a.w_rows : n + kPanels * kPanelRows;
    const auto each_panel = [&](auto body) {
      float* panel = panels;
      for (size_t i = n; i < end; i += kPanelRows, panel += kPanelRows * kBlockCols) {
        body(i, end - i < kPanelRows ? end - i : kPanelRows, panel);
      }
    };
    each_panel([&](size_t first, size_t count, float* panel) {
      DecodePanel(weights, first, count, cols, panel);
    });
    const auto multiply = [&](size_t group, auto count_of_groups) {
      constexpr size_t kGroups = decltype(count_of_groups)::value;
      // A share of the next panels, as no hardware sees a stream in eight short pieces.
      const size_t k = cols.first + (group - groups.first) * (kBlockCols / kBlockGroups);
      for (size_t j = 0; k < cols.last && j < kPanels * kPanelRows; ++j) {
        weights.Row(n + kPanels * kPanelRows + j).Prefetch(k);
      }
      each_panel([&](size_t first, size_t count, const float* panel) {
        GroupTile<kGroups>(a, group, RowsIn(a, group, kGroups), panel, first, count, cols);
      });
    };
    size_t group = groups.first;
    for (; group + kTileGroups <= groups.last; group += kTileGroups) {
      multiply(group, Constant<kTileGroups>());
    }
    for (; group < groups.last; ++group) multiply(group, Constant<1>());
  }
}

template <class Weights>
inline void MultiplyGroups(const MatMulArgs& a, const Weights& weights) {
  const size_t groups = GroupsOf(a.x_rows);
  for (size_t first = 0; first < a.cols; first += kBlockCols) {
    for (size_t group = 0; group < groups; group += kBlockGroups) {
      const size_t last = groups - group < kBlockGroups ? groups : group + kBlockGroups;
      BlockOfGroups(a, weights, {group, last}, BlockAt(a, first));
    }
  }
}

void PlainF32(const MatMulArgs& a) { MultiplyPlain(a, F32Weights{a}); }
void PlainBf16(const MatMulArgs& a) { MultiplyPlain(a, Bf16Weights{a}); }
void PlainNvfp4(const MatMulArgs& a) { MultiplyPlain(a, Nvfp4Weights{a}); }
void PlainE4m3(const MatMulArgs& a) { MultiplyPlain(a, E4m3Weights{a}); }
void GroupsF32(const MatMulArgs& a) { MultiplyGroups(a, F32Weights{a}); }
void GroupsBf16(const MatMulArgs& a) { MultiplyGroups(a, Bf16Weights{a}); }
void GroupsNvfp4(const MatMulArgs& a) { MultiplyGroups(a, Nvfp4Weights{a}); }
void GroupsE4m3(const MatMulArgs& a) { MultiplyGroups(a, E4m3Weights{a}); }

void PackGroup(const PackGroupArgs& a) {
  for (size_t i = 0; i < kGroupRows; ++i) {
    float* to = a.to + i * kGroupLanes;
    size_t k = 0;
    if (i < a.count) {
      for (; k + kGroupLanes <= a.cols; k += kGroupLanes) {
        _mm256_store_ps(to + k * kGroupRows, _mm256_loadu_ps(a.rows[i] + a.first + k));
      }
      if (k < a.cols) {
        _mm256_store_ps(to + k * kGroupRows, LoadTail(F32Row{a.rows[i] + a.first}, k, a.cols).lo);
        k += kGroupLanes;
      }
    }
    for (; k < GroupSteps(a.cols) * kGroupLanes; k += kGroupLanes) {
      _mm256_store_ps(to + k * kGroupRows, _mm256_setzero_ps());
    }
  }
}
