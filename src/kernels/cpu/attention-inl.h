// Softmax attention over one block of positions (attention_table.h). Scores are dot products: a
// tile of queries and keys in vectors along the width. Sums of values are a tile of queries and
// columns. Nothing depends on which queries stand beside one: each score and each column of a sum
// adds up in its own lanes, in the order of the width or of the positions.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind float-inl.h.

constexpr size_t kScoreQueries = 3;  // 3 x 4 sums and 3 + 1 operands: AVX2's sixteen registers
constexpr size_t kScoreKeys = 4;
// Queries that meet a group of keys before the next group is read; with the group's rows they
// stay in a first-level cache (6 + 4 rows of 576 values: 23 KB).
constexpr size_t kQueriesAtOnce = 6;
static_assert(kQueriesAtOnce % kScoreQueries == 0 && kAttentionBlock % kLanes == 0);

// scores[n, u] for kQ queries from n on and four keys from u on.
template <size_t kQ>
inline void ScoreTile(const AttendArgs& a, size_t n, size_t u) {
  F32xN sums[kQ][kScoreKeys];
  for (size_t i = 0; i < kQ; ++i) {
    for (size_t j = 0; j < kScoreKeys; ++j) sums[i][j] = ZeroN();
  }
  const float* q = a.queries + n * a.query_stride;
  const float* k = a.keys + u * a.key_stride;
  for (size_t d = 0; d < a.width; d += kNativeLanes) {
    F32xN query[kQ];
    for (size_t i = 0; i < kQ; ++i) query[i] = LoadN(q + i * a.query_stride + d);
    for (size_t j = 0; j < kScoreKeys; ++j) {
      const F32xN key = {Kept(LoadN(k + j * a.key_stride + d).v)};
      for (size_t i = 0; i < kQ; ++i) sums[i][j] = MulAdd(query[i], key, sums[i][j]);
    }
  }
#pragma GCC unroll 3
  for (size_t i = 0; i < kQ; ++i) {
    _mm_storeu_ps(a.scores + (n + i) * kAttentionBlock + u,
                  Sum4(sums[i][0], sums[i][1], sums[i][2], sums[i][3]));
  }
}

// Groups of queries that see nothing are passed over.
inline void ScoreBlock(const AttendArgs& a) {
  for (size_t first = 0; first < a.rows; first += kQueriesAtOnce) {
    const size_t last = a.rows - first < kQueriesAtOnce ? a.rows : first + kQueriesAtOnce;
    uint64_t visible = 0;
    for (size_t n = first; n < last; ++n) visible |= a.visible[n];
    if (visible == 0) continue;
    for (size_t u = 0; u < a.count; u += kScoreKeys) {
      size_t n = first;
      for (; n + kScoreQueries <= last; n += kScoreQueries) ScoreTile<kScoreQueries>(a, n, u);
      for (; n < last; ++n) ScoreTile<1>(a, n, u);
    }
  }
}

// Turns one row's scores into weights and shrinks its earlier sums to the new maximum.
inline void WeighRow(const AttendArgs& a, size_t n) {
  constexpr size_t kVectors = kAttentionBlock / kLanes;
  float* scores = a.scores + n * kAttentionBlock;
  F32x16 parts[kVectors], maxima = Broadcast(a.maxima[n]);
  for (size_t v = 0; v < kVectors; ++v) {
    const Mask visible = ToMask(static_cast<uint32_t>(a.visible[n] >> (v * kLanes)) & 0xFFFF);
    parts[v] = Select(visible, LoadF32(scores + v * kLanes), Broadcast(-kInfinity));
    maxima = Max(parts[v], maxima);
  }
  const F32x16 largest = Broadcast(HorizontalMax(maxima)), scale = Broadcast(a.scale);
  F32x16 total = Broadcast(0.0f);
  for (size_t v = 0; v < kVectors; ++v) {
    const F32x16 weights = ExpOfNonPositive(Mul(scale, Sub(parts[v], largest)));
    total = Add(total, weights);
    StoreF32(weights, scores + v * kLanes);
  }
  const F32x16 shrink = ExpOfNonPositive(Mul(scale, Sub(Broadcast(a.maxima[n]), largest)));
  float* sums = a.sums + n * a.sum_stride;
  for (size_t d = 0; d < a.value_cols; d += kLanes) {
    StoreF32(Mul(LoadF32(sums + d), shrink), sums + d);
  }
  a.totals[n] = a.totals[n] * HorizontalMax(shrink) + HorizontalSum(total);
  a.maxima[n] = HorizontalMax(largest);
}

// Adds the weighted values to sums of kQ rows, kVectors times sixteen columns.
template <size_t kQ, size_t kVectors>
inline void ValueTile(const AttendArgs& a, size_t n, size_t d) {
  F32x16 sums[kQ][kVectors];
  float* out = a.sums + n * a.sum_stride + d;
#pragma GCC unroll 6
  for (size_t i = 0; i < kQ; ++i) {
    for (size_t v = 0; v < kVectors; ++v) {
      sums[i][v] = LoadF32(out + i * a.sum_stride + v * kLanes);
    }
  }
  const float* weights = a.scores + n * kAttentionBlock;
  for (size_t u = 0; u < a.count; ++u) {
    F32x16 values[kVectors];
    for (size_t v = 0; v < kVectors; ++v) {
      values[v] = LoadF32(a.values + u * a.value_stride + d + v * kLanes);
    }
    for (size_t i = 0; i < kQ; ++i) {
      const F32x16 weight = Broadcast(weights[i * kAttentionBlock + u]);
      for (size_t v = 0; v < kVectors; ++v) sums[i][v] = MulAdd(weight, values[v], sums[i][v]);
    }
  }
#pragma GCC unroll 6
  for (size_t i = 0; i < kQ; ++i) {
    for (size_t v = 0; v < kVectors; ++v) {
      StoreF32(sums[i][v], out + i * a.sum_stride + v * kLanes);
    }
  }
}

// Rows [first, first + count) of the sums, in tiles of nearly equal height.
inline void SumValues(const AttendArgs& a, size_t first, size_t count) {
  constexpr size_t kMost = 6, kVectors = kTileSums / kMost;
  const size_t tiles = (count + kMost - 1) / kMost;
  size_t d = 0;
  const auto sum = [&](auto vectors) {
    for (size_t t = 0; t < tiles; ++t) {
      const size_t begin = count * t / tiles, end = count * (t + 1) / tiles;
      WithConstant<kMost>(end - begin, [&](auto rows) {
        ValueTile<rows.value, vectors.value>(a, first + begin, d);
      });
    }
  };
  for (; d + kVectors * kLanes <= a.value_cols; d += kVectors * kLanes) sum(Constant<kVectors>{});
  for (; d < a.value_cols; d += kLanes) sum(Constant<1>{});
}

// Runs of rows that see something; the others are left alone.
void Attend(const AttendArgs& a) {
  ScoreBlock(a);
  size_t n = 0;
  while (n < a.rows) {
    while (n < a.rows && a.visible[n] == 0) ++n;
    const size_t first = n;
    for (; n < a.rows && a.visible[n] != 0; ++n) WeighRow(a, n);
    if (n > first) SumValues(a, first, n - first);
  }
}
