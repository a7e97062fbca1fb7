// Products of a head's vectors with rows of a weight, decoded in registers (attention_table.h).
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind float-inl.h.

// Elements k to k + 15 of row n, and one alone; without the weight's scale.
struct F32Head {
  const HeadProductArgs& a;
  const float* Row(size_t n) const { return static_cast<const float*>(a.w) + n * a.w_stride; }
  F32x16 Load(size_t n, size_t k) const { return LoadF32(Row(n) + k); }
  float At(size_t n, size_t k) const { return Row(n)[k]; }
};
struct Bf16Head {
  const HeadProductArgs& a;
  const uint16_t* Row(size_t n) const { return static_cast<const uint16_t*>(a.w) + n * a.w_stride; }
  F32x16 Load(size_t n, size_t k) const { return FromBits(ShiftLeft<16>(WidenU16(Row(n) + k))); }
  float At(size_t n, size_t k) const { return F32OfBits(uint32_t{Row(n)[k]} << 16); }
};
struct Nvfp4Head {
  const HeadProductArgs& a;
  F32x16 Load(size_t n, size_t k) const {
    const size_t at = n * a.cols + k;
    return Mul(DecodeE2m1(static_cast<const uint8_t*>(a.w) + at / 2),
               Broadcast(a.e4m3_values[a.block_scales[at / kLanes]]));
  }
  float At(size_t, size_t) const { return 0; }  // never called: rows are whole blocks
};

// y[t, k] for kX rows of x and kVectors times sixteen columns.
template <size_t kX, size_t kVectors, class Head>
inline void SumRowsTile(const HeadProductArgs& a, const Head& head, size_t t, size_t k) {
  F32x16 sums[kX][kVectors];
  for (size_t i = 0; i < kX; ++i) {
    for (size_t v = 0; v < kVectors; ++v) sums[i][v] = Broadcast(0.0f);
  }
  const float* x = a.x + t * a.x_stride;
  for (size_t n = 0; n < a.w_rows; ++n) {
    for (size_t v = 0; v < kVectors; ++v) {
      const F32x16 w = head.Load(n, k + v * kLanes);
      for (size_t i = 0; i < kX; ++i) {
        sums[i][v] = MulAdd(Broadcast(x[i * a.x_stride + n]), w, sums[i][v]);
      }
    }
  }
  for (size_t i = 0; i < kX; ++i) {
    for (size_t v = 0; v < kVectors; ++v) {
      StoreF32(Mul(sums[i][v], Broadcast(a.scale)), a.y + (t + i) * a.y_stride + k + v * kLanes);
    }
  }
}

template <class Head>
void SumRows(const HeadProductArgs& a) {
  constexpr size_t kTile = 6;
  constexpr size_t kWide =
      4;  // columns of a single row of x: a weight's row is read in long pieces
  const Head head{a};
  const size_t whole = a.cols / kLanes * kLanes;
  size_t t = 0;
  for (; t + kTile <= a.x_rows; t += kTile) {
    for (size_t k = 0; k < whole; k += kLanes) SumRowsTile<kTile, 1>(a, head, t, k);
  }
  for (; t < a.x_rows; ++t) {
    size_t k = 0;
    for (; k + kWide * kLanes <= whole; k += kWide * kLanes) SumRowsTile<1, kWide>(a, head, t, k);
    for (; k < whole; k += kLanes) SumRowsTile<1, 1>(a, head, t, k);
  }
  for (t = 0; t < a.x_rows; ++t) {
    for (size_t k = whole; k < a.cols; ++k) {
      float sum = 0;
      for (size_t n = 0; n < a.w_rows; ++n) sum += a.x[t * a.x_stride + n] * head.At(n, k);
      a.y[t * a.y_stride + k] = sum * a.scale;
    }
  }
}

// y[t, n] for kX rows of x.
template <size_t kX, class Head>
inline void DotRowsTile(const HeadProductArgs& a, const Head& head, size_t t, size_t n) {
  F32x16 sums[kX];
  for (size_t i = 0; i < kX; ++i) sums[i] = Broadcast(0.0f);
  const float* x = a.x + t * a.x_stride;
  size_t k = 0;
  for (; k + kLanes <= a.cols; k += kLanes) {
    const F32x16 w = head.Load(n, k);
    for (size_t i = 0; i < kX; ++i) sums[i] = MulAdd(LoadF32(x + i * a.x_stride + k), w, sums[i]);
  }
  for (size_t i = 0; i < kX; ++i) {
    float sum = HorizontalSum(sums[i]);
    for (size_t tail = k; tail < a.cols; ++tail) sum += x[i * a.x_stride + tail] * head.At(n, tail);
    a.y[(t + i) * a.y_stride + n] = sum * a.scale;
  }
}

template <class Head>
void DotRows(const HeadProductArgs& a) {
  constexpr size_t kTile = 4;
  const Head head{a};
  for (size_t n = 0; n < a.w_rows; ++n) {
    size_t t = 0;
    for (; t + kTile <= a.x_rows; t += kTile) DotRowsTile<kTile>(a, head, t, n);
    for (; t < a.x_rows; ++t) DotRowsTile<1>(a, head, t, n);
  }
}

constexpr HeadProductFunctions kF32HeadProducts = {SumRows<F32Head>, DotRows<F32Head>};
constexpr HeadProductFunctions kBf16HeadProducts = {SumRows<Bf16Head>, DotRows<Bf16Head>};
constexpr HeadProductFunctions kNvfp4HeadProducts = {SumRows<Nvfp4Head>, DotRows<Nvfp4Head>};
