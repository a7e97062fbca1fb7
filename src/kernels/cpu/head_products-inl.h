// Products of a head's vectors with rows of a weight (attention_table.h).
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind head_rows-inl.h.

// x[k] for 64 columns in the turned order.
inline void Turn64(const float* x, float* turned) {
  for (size_t j = 0; j < kEights; ++j) {
    const size_t half = j / 4, odd = j / 2 % 2, part = j % 2;
    const float* from = x + 16 * half + 8 * part + odd;
    for (size_t i = 0; i < 4; ++i) {
      turned[8 * j + i] = from[2 * i];
      turned[8 * j + 4 + i] = from[2 * i + 32];
    }
  }
}

// The other way round, for vectors; pairs of v[j] and v[j + 2] are the columns in order.
inline void StoreTurned64(const __m256 (&v)[kEights], float* y) {
#pragma GCC unroll 8
  for (size_t j = 0; j < kEights; ++j) {
    if (j / 2 % 2 == 1) continue;
    const __m256 low = _mm256_unpacklo_ps(v[j], v[j + 2]);
    const __m256 high = _mm256_unpackhi_ps(v[j], v[j + 2]);
    float* to = y + 16 * (j / 4) + 8 * (j % 2);
    _mm256_storeu_ps(to, _mm256_permute2f128_ps(low, high, 0x20));
    _mm256_storeu_ps(to + 32, _mm256_permute2f128_ps(low, high, 0x31));
  }
}

// One row of x, 64 columns.
template <class Head>
inline void SumRows64(const HeadProductArgs& a, const Head& head, size_t t, size_t k) {
  __m256 sums[kEights];
#pragma GCC unroll 8
  for (size_t j = 0; j < kEights; ++j) sums[j] = _mm256_setzero_ps();
  const float* x = a.x + t * a.x_stride;
  for (size_t n = 0; n < a.w_rows; ++n) {
    if (k == 0) head.Prefetch(n + kRowsAhead);
    const __m256 factor = _mm256_broadcast_ss(x + n);
    __m256 v[kEights];
    head.Load64(n, k, v);
#pragma GCC unroll 8
    for (size_t j = 0; j < kEights; ++j) sums[j] = _mm256_fmadd_ps(factor, v[j], sums[j]);
  }
  const __m256 scale = _mm256_set1_ps(a.scale);
#pragma GCC unroll 8
  for (size_t j = 0; j < kEights; ++j) sums[j] = _mm256_mul_ps(sums[j], scale);
  float* y = a.y + t * a.y_stride + k;
  if constexpr (Head::kTurned) {
    StoreTurned64(sums, y);
  } else {
#pragma GCC unroll 8
    for (size_t j = 0; j < kEights; ++j) _mm256_storeu_ps(y + 8 * j, sums[j]);
  }
}

// kX rows of x, sixteen columns; load(n) gives a row's.
template <size_t kX, class Load>
inline void SumRowsTile(const HeadProductArgs& a, Load load, size_t t, size_t k) {
  F32x16 sums[kX];
#pragma GCC unroll 6
  for (size_t i = 0; i < kX; ++i) sums[i] = Broadcast(0.0f);
  const float* x = a.x + t * a.x_stride;
  for (size_t n = 0; n < a.w_rows; ++n) {
    const F32x16 w = load(n);
    for (size_t i = 0; i < kX; ++i) sums[i] = MulAdd(Broadcast(x[i * a.x_stride + n]), w, sums[i]);
  }
#pragma GCC unroll 6
  for (size_t i = 0; i < kX; ++i) {
    StoreF32(Mul(sums[i], Broadcast(a.scale)), a.y + (t + i) * a.y_stride + k);
  }
}

// Six rows of x and more decode sixteen columns of all rows once; the rest goes row by row.
template <class Head>
void SumRows(const HeadProductArgs& a) {
  constexpr size_t kTile = 6;
  const Head head{a};
  const size_t whole = a.cols / kLanes * kLanes, tiled = a.x_rows / kTile * kTile;
  for (size_t k = 0; tiled > 0 && k < whole; k += kLanes) {
    for (size_t n = 0; n < a.w_rows; ++n) StoreF32(head.Load(n, k), a.scratch + n * kLanes);
    const auto load = [&](size_t n) { return LoadF32(a.scratch + n * kLanes); };
    for (size_t t = 0; t < tiled; t += kTile) SumRowsTile<kTile>(a, load, t, k);
  }
  for (size_t t = tiled; t < a.x_rows; ++t) {
    size_t k = 0;
    for (; k + kWideCols <= whole; k += kWideCols) SumRows64(a, head, t, k);
    for (; k < whole; k += kLanes) {
      SumRowsTile<1>(
          a, [&](size_t n) { return head.Load(n, k); }, t, k);
    }
  }
  for (size_t t = 0; t < a.x_rows; ++t) {
    for (size_t k = whole; k < a.cols; ++k) {
      float sum = 0;
      for (size_t n = 0; n < a.w_rows; ++n) sum += a.x[t * a.x_stride + n] * head.At(n, k);
      a.y[t * a.y_stride + k] = sum * a.scale;
    }
  }
}

// Row n in F32, 64 columns at a time in the format's order.
template <class Head>
inline void DecodeHeadRow(const HeadProductArgs& a, const Head& head, size_t n, float* to) {
  size_t k = 0;
  for (; k + kWideCols <= a.cols; k += kWideCols) {
    __m256 v[kEights];
    head.Load64(n, k, v);
    for (size_t j = 0; j < kEights; ++j) _mm256_storeu_ps(to + k + 8 * j, v[j]);
  }
  for (; k + kLanes <= a.cols; k += kLanes) StoreF32(head.Load(n, k), to + k);
  for (; k < a.cols; ++k) to[k] = head.At(n, k);
}

// y[t, n] for kX rows of x and kW decoded rows.
template <size_t kX, size_t kW>
inline void DotRowsTile(const HeadProductArgs& a, const float* x, size_t x_stride, size_t t,
                        const float* w, size_t n) {
  F32x16 sums[kX][kW];
  for (size_t i = 0; i < kX; ++i) {
    for (size_t j = 0; j < kW; ++j) sums[i][j] = Broadcast(0.0f);
  }
  size_t k = 0;
  for (; k + kLanes <= a.cols; k += kLanes) {
    for (size_t j = 0; j < kW; ++j) {
      const F32x16 row = LoadF32(w + j * a.cols + k);
      for (size_t i = 0; i < kX; ++i) {
        sums[i][j] = MulAdd(LoadF32(x + (t + i) * x_stride + k), row, sums[i][j]);
      }
    }
  }
#pragma GCC unroll 2
  for (size_t i = 0; i < kX; ++i) {
#pragma GCC unroll 3
    for (size_t j = 0; j < kW; ++j) {
      float sum = HorizontalSum(sums[i][j]);
      for (size_t tail = k; tail < a.cols; ++tail) {
        sum += x[(t + i) * x_stride + tail] * w[j * a.cols + tail];
      }
      a.y[(t + i) * a.y_stride + n + j] = sum * a.scale;
    }
  }
}

// The same for one row of x, with two rows of W from n on that never leave the registers; in the
// order of DotRowsTile. REQUIRES: cols % kWideCols == 0.
template <class Head>
inline void DotTwoRows(const HeadProductArgs& a, const Head& head, const float* x, size_t n) {
  F32x16 sums[2] = {Broadcast(0.0f), Broadcast(0.0f)};
  for (size_t j = 0; j < 2; ++j) head.Prefetch(n + j + kRowsAhead);
  for (size_t k = 0; k < a.cols; k += kWideCols) {
#pragma GCC unroll 2
    for (size_t j = 0; j < 2; ++j) {
      __m256 v[kEights];
      head.Load64(n + j, k, v);
#pragma GCC unroll 4
      for (size_t i = 0; i < kEights; i += 2) {
        sums[j] = MulAdd(LoadF32(x + k + 8 * i), JoinEights(v[i], v[i + 1]), sums[j]);
      }
    }
  }
  for (size_t j = 0; j < 2; ++j) a.y[n + j] = HorizontalSum(sums[j]) * a.scale;
}

template <size_t kW>
inline void DotRowsOfSome(const HeadProductArgs& a, const float* x, size_t x_stride, const float* w,
                          size_t n) {
  size_t t = 0;
  for (; t + 2 <= a.x_rows; t += 2) DotRowsTile<2, kW>(a, x, x_stride, t, w, n);
  for (; t < a.x_rows; ++t) DotRowsTile<1, kW>(a, x, x_stride, t, w, n);
}

// Three rows of W are decoded at a time, for all rows of x.
template <class Head>
void DotRows(const HeadProductArgs& a) {
  const Head head{a};
  float* rows = a.scratch;
  const float* x = a.x;
  size_t x_stride = a.x_stride;
  if constexpr (Head::kTurned) {
    float* turned = rows + kHeadTileRows * a.cols;
    for (size_t t = 0; t < a.x_rows; ++t) {
      const float* from = a.x + t * a.x_stride;
      float* to = turned + t * a.cols;
      size_t k = 0;
      for (; k + kWideCols <= a.cols; k += kWideCols) Turn64(from + k, to + k);
      for (; k < a.cols; ++k) to[k] = from[k];
    }
    x = turned;
    x_stride = a.cols;
  }
  size_t n = 0;
  if (a.x_rows == 1 && a.cols % kWideCols == 0) {
    for (; n + 2 <= a.w_rows; n += 2) DotTwoRows(a, head, x, n);
  }
  for (; n < a.w_rows; n += kHeadTileRows) {
    const size_t some = a.w_rows - n < kHeadTileRows ? a.w_rows - n : kHeadTileRows;
    for (size_t j = 0; j < some; ++j) DecodeHeadRow(a, head, n + j, rows + j * a.cols);
    WithConstant<kHeadTileRows>(
        some, [&](auto count) { DotRowsOfSome<count.value>(a, x, x_stride, rows, n); });
  }
}

constexpr HeadProductFunctions kF32HeadProducts = {SumRows<F32Head>, DotRows<F32Head>};
constexpr HeadProductFunctions kBf16HeadProducts = {SumRows<Bf16Head>, DotRows<Bf16Head>};
constexpr HeadProductFunctions kNvfp4HeadProducts = {SumRows<Nvfp4Head>, DotRows<Nvfp4Head>};
