// Dot products of rows of x with rows of W, tile by tile.
//
// Order of one sum: K is cut into blocks of kBlockCols; in a block, lane l of a vector adds the
// products at k = l, l + 16, l + 32, … by fused multiply-add, the sixteen lanes are added in the
// fixed order of HorizontalSum, then the columns behind the last whole vector one by one; the
// blocks are added in order. Neither the tile's shape nor the number of rows plays a part.
//
// With few rows of x the weights are decoded in registers; with many, a panel of kPanelRows rows
// is decoded once into scratch memory and read by every tile.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind vec-inl.h.

constexpr size_t kLanes = 16;
constexpr size_t kBlockCols = 1024;  // a panel of 6 rows takes 24 KB, within a first-level cache
constexpr size_t kBlockRows = 48;    // of x: 192 KB, within a second-level cache
constexpr size_t kPanelRows = 6;
constexpr size_t kTileX = 2;  // 2 x 3 sums take 12 of AVX2's 16 registers
constexpr size_t kTileW = 3;
static_assert(kPanelRows % kTileW == 0 && kPanelRows * kBlockCols <= kMatMulScratch);

// A row of W: Load(k) gives elements k to k + 15, At(k) one.
struct F32Row {
  const float* w;
  F32x16 Load(size_t k) const { return LoadF32(w + k); }
  float At(size_t k) const { return w[k]; }
};
struct Bf16Row {
  const uint16_t* w;
  F32x16 Load(size_t k) const { return FromBits(ShiftLeft<16>(WidenU16(w + k))); }
  float At(size_t k) const { return F32OfBits(uint32_t{w[k]} << 16); }
};
struct Nvfp4Row {
  const uint8_t* codes;
  const uint8_t* scales;
  const float* e4m3_values;
  F32x16 Load(size_t k) const {
    return Mul(DecodeE2m1(codes + k / 2), Broadcast(e4m3_values[scales[k / kLanes]]));
  }
  float At(size_t) const { return 0; }  // never called: rows are whole blocks
};

// How to find row n.
struct F32Weights {
  const MatMulArgs& a;
  F32Row Row(size_t n) const { return {static_cast<const float*>(a.w) + n * a.w_stride}; }
};
struct Bf16Weights {
  const MatMulArgs& a;
  Bf16Row Row(size_t n) const { return {static_cast<const uint16_t*>(a.w) + n * a.w_stride}; }
};
struct Nvfp4Weights {
  const MatMulArgs& a;
  Nvfp4Row Row(size_t n) const {
    return {static_cast<const uint8_t*>(a.w) + n * a.cols / 2, a.block_scales + n * a.cols / kLanes,
            a.e4m3_values};
  }
};
struct PanelRows {
  const float* panel;  // kPanelRows rows of kBlockCols, columns counted from `first_col`
  size_t first_col;
  F32Row Row(size_t n) const { return {panel + n * kBlockCols - first_col}; }
};

struct Range {
  size_t first, last;
};

// y[t, n] (+)= the block's part of the sums, for kX rows of x and kW rows of W.
template <size_t kX, size_t kW, class Rows>
inline void DotTile(const MatMulArgs& a, size_t t, const Rows& rows, size_t row, size_t n,
                    Range cols) {
  F32x16 sums[kX][kW];
  for (size_t i = 0; i < kX; ++i) {
    for (size_t j = 0; j < kW; ++j) sums[i][j] = Broadcast(0.0f);
  }
  const float* x = a.x + t * a.x_stride;
  size_t k = cols.first;
  for (; k + kLanes <= cols.last; k += kLanes) {
    for (size_t j = 0; j < kW; ++j) {
      const F32x16 w = rows.Row(row + j).Load(k);
      for (size_t i = 0; i < kX; ++i) {
        sums[i][j] = MulAdd(LoadF32(x + i * a.x_stride + k), w, sums[i][j]);
      }
    }
  }
  for (size_t i = 0; i < kX; ++i) {
    for (size_t j = 0; j < kW; ++j) {
      float sum = HorizontalSum(sums[i][j]);
      for (size_t tail = k; tail < cols.last; ++tail) {
        sum += x[i * a.x_stride + tail] * rows.Row(row + j).At(tail);
      }
      float& y = a.y[(t + i) * a.y_stride + n + j];
      y = cols.first == 0 ? sum : y + sum;
    }
  }
}

// Rows [n, n + count) of W, which are rows [row, …) of `rows`, against rows [t, t + kX) of x.
template <size_t kX, class Rows>
inline void DotTiles(const MatMulArgs& a, size_t t, const Rows& rows, size_t row, size_t n,
                     size_t count, Range cols) {
  size_t j = 0;
  for (; j + kTileW <= count; j += kTileW) {
    DotTile<kX, kTileW>(a, t, rows, row + j, n + j, cols);
  }
  for (; j < count; ++j) DotTile<kX, 1>(a, t, rows, row + j, n + j, cols);
}

template <class Weights>
inline void DecodePanel(const MatMulArgs& a, const Weights& weights, size_t n, size_t count,
                        Range cols) {
  for (size_t j = 0; j < count; ++j) {
    const auto row = weights.Row(n + j);
    float* out = a.scratch + j * kBlockCols;
    size_t k = cols.first;
    for (; k + kLanes <= cols.last; k += kLanes) StoreF32(row.Load(k), out + k - cols.first);
    for (; k < cols.last; ++k) out[k - cols.first] = row.At(k);
  }
}

template <class Weights>
inline void BlockOfManyRows(const MatMulArgs& a, const Weights& weights, Range x_rows, Range cols) {
  for (size_t n = 0; n < a.w_rows; n += kPanelRows) {
    const size_t count = a.w_rows - n < kPanelRows ? a.w_rows - n : kPanelRows;
    DecodePanel(a, weights, n, count, cols);
    const PanelRows panel = {a.scratch, cols.first};
    size_t t = x_rows.first;
    for (; t + kTileX <= x_rows.last; t += kTileX) {
      DotTiles<kTileX>(a, t, panel, 0, n, count, cols);
    }
    for (; t < x_rows.last; ++t) DotTiles<1>(a, t, panel, 0, n, count, cols);
  }
}

template <class Weights>
inline void MultiplyAll(const MatMulArgs& a, const Weights& weights) {
  for (size_t first = 0; first < a.cols; first += kBlockCols) {
    const Range cols = {first, a.cols - first < kBlockCols ? a.cols : first + kBlockCols};
    if (a.x_rows == 1) {
      DotTiles<1>(a, 0, weights, 0, 0, a.w_rows, cols);
    } else if (a.x_rows == 2) {
      DotTiles<2>(a, 0, weights, 0, 0, a.w_rows, cols);
    } else {
      for (size_t t = 0; t < a.x_rows; t += kBlockRows) {
        const size_t last = a.x_rows - t < kBlockRows ? a.x_rows : t + kBlockRows;
        BlockOfManyRows(a, weights, {t, last}, cols);
      }
    }
  }
  if (a.scale == 1.0f) return;
  for (size_t t = 0; t < a.x_rows; ++t) {
    for (size_t n = 0; n < a.w_rows; ++n) a.y[t * a.y_stride + n] *= a.scale;
  }
}

void MatMulF32(const MatMulArgs& a) { MultiplyAll(a, F32Weights{a}); }
void MatMulBf16(const MatMulArgs& a) { MultiplyAll(a, Bf16Weights{a}); }
void MatMulNvfp4(const MatMulArgs& a) { MultiplyAll(a, Nvfp4Weights{a}); }

// kX rows of p, columns [d, d + 16) of the values.
template <size_t kX>
inline void SumTile(const WeightedSumArgs& a, size_t t, size_t d) {
  F32x16 sums[kX];
  for (size_t i = 0; i < kX; ++i) sums[i] = Broadcast(0.0f);
  const float* p = a.p + t * a.p_stride;
  for (size_t s = 0; s < a.value_rows; ++s) {
    const F32x16 value = LoadF32(a.values + s * a.value_stride + d);
    for (size_t i = 0; i < kX; ++i) {
      sums[i] = MulAdd(Broadcast(p[i * a.p_stride + s]), value, sums[i]);
    }
  }
  for (size_t i = 0; i < kX; ++i) StoreF32(sums[i], a.y + (t + i) * a.y_stride + d);
}

void WeightedSum(const WeightedSumArgs& a) {
  constexpr size_t kTileP = 4;
  const size_t whole = a.cols / kLanes * kLanes;
  for (size_t d = 0; d < whole; d += kLanes) {
    size_t t = 0;
    for (; t + kTileP <= a.p_rows; t += kTileP) SumTile<kTileP>(a, t, d);
    for (; t < a.p_rows; ++t) SumTile<1>(a, t, d);
  }
  for (size_t t = 0; t < a.p_rows; ++t) {
    for (size_t d = whole; d < a.cols; ++d) {
      float sum = 0;
      for (size_t s = 0; s < a.value_rows; ++s) {
        sum += a.p[t * a.p_stride + s] * a.values[s * a.value_stride + d];
      }
      a.y[t * a.y_stride + d] = sum;
    }
  }
}
