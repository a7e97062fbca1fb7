// Sums of rows of F32 values.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind vec-inl.h.

constexpr size_t kLanes = 16;

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
