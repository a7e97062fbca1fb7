// Scores of the indexer and the choice of the largest (attention_table.h).
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind float-inl.h.
//
// Sixteen keys are turned so that a vector holds one dimension of all of them. Then a dot product
// of a head grows in the keys' lanes, and relu, the head's weight and the sum over heads are lane
// by lane: no sum across lanes, no products in memory.

// panel[d, u] = keys[u, d], for keys [kKeyPanel, stride].
inline void TurnKeys(const float* keys, size_t stride, size_t width, float* panel) {
  for (size_t u = 0; u < kKeyPanel; u += 8) {
    for (size_t d = 0; d < width; d += 8) {
      __m256 rows[8], pairs[8], fours[8];
#pragma GCC unroll 8
      for (size_t i = 0; i < 8; ++i) rows[i] = _mm256_loadu_ps(keys + (u + i) * stride + d);
#pragma GCC unroll 8
      for (size_t i = 0; i < 8; i += 2) {
        pairs[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
      }
#pragma GCC unroll 8
      for (size_t i = 0; i < 8; i += 4) {
        fours[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
        fours[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xEE);
        fours[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
        fours[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xEE);
      }
#pragma GCC unroll 8
      for (size_t i = 0; i < 4; ++i) {
        _mm256_storeu_ps(panel + (d + i) * kKeyPanel + u,
                         _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20));
        _mm256_storeu_ps(panel + (d + i + 4) * kKeyPanel + u,
                         _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31));
      }
    }
  }
}

// Decodes the keys and turns them: panel[d, u] = k[u, d].
inline void MakePanel(const ScoreKeysArgs& a, float* panel, float* decoded) {
  const size_t stride = (a.width + kKeyPanel - 1) / kKeyPanel * kKeyPanel;
  for (size_t u = 0; u < kKeyPanel; ++u) {
    LoadRow(a.format, a.keys[u], a.width, decoded + u * stride);
  }
  TurnKeys(decoded, stride, a.width, panel);
}

// Queries of one row and a panel of keys.
struct F32Keys {
  const float* panel;
  size_t width;
  const float* queries;
  // dots[h] = q[head + h] . k, key by key.
  template <size_t kHeads>
  void Dot(size_t head, F32x16 (&dots)[kHeads]) const {
    const float* q = queries + head * width;
#pragma GCC unroll 12
    for (size_t h = 0; h < kHeads; ++h) dots[h] = Broadcast(0.0f);
    for (size_t d = 0; d < width; ++d) {
      const F32x16 keys = LoadF32(panel + d * kKeyPanel);
#pragma GCC unroll 12
      for (size_t h = 0; h < kHeads; ++h) {
        dots[h] = MulAdd(Broadcast(q[h * width + d]), keys, dots[h]);
      }
    }
  }
};

// All heads, in tiles of nearly equal height.
template <class Keys>
inline F32x16 ScoreRow(const Keys& keys, size_t heads, const float* weights) {
  const size_t tiles = (heads + kTileSums - 1) / kTileSums;
  F32x16 score = Broadcast(0.0f);
  for (size_t t = 0; t < tiles; ++t) {
    const size_t begin = heads * t / tiles, end = heads * (t + 1) / tiles;
    score = WithConstant<kTileSums>(end - begin, [&](auto count) {
      F32x16 dots[count.value], sum = score;
      keys.Dot(begin, dots);
#pragma GCC unroll 12
      for (size_t h = 0; h < count.value; ++h) {
        sum = MulAdd(Broadcast(weights[begin + h]), Max(Broadcast(0.0f), dots[h]), sum);
      }
      return sum;
    });
  }
  return score;
}

void ScoreKeys(const ScoreKeysArgs& a) {
  float* panel = a.scratch;
  MakePanel(a, panel, panel + ScoreKeysScratch(a.width) / 2);
  for (size_t t = 0; t < a.rows; ++t) {
    const F32Keys keys = {panel, a.width, a.queries + t * a.query_stride};
    StoreF32(ScoreRow(keys, a.heads, a.weights + t * a.weight_stride),
             a.scores + t * a.score_stride);
  }
}

inline I32x16 OrderOf(F32x16 score) {
  const F32x16 clean =
      Select(IsNan(score), Broadcast(-kInfinity), Add(score, Broadcast(0.0f)));  // -0 + 0 is 0
  const I32x16 bits = Bits(clean);
  return Xor(bits, Or(SignBits(bits), BroadcastInt(static_cast<int32_t>(0x80000000))));
}

void CountBuckets(const CountBucketsArgs& a) {
  const uint32_t mask = (1u << a.bits) - 1;
  const unsigned above = a.shift + a.bits;
  const I32x16 prefix = BroadcastInt(static_cast<int32_t>(a.prefix));
  alignas(64) uint32_t buckets[kLanes];
  const size_t whole = a.count / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes) {
    const I32x16 order = OrderOf(LoadF32(a.scores + i));
    uint32_t in = above < 32 ? ToBits(Equal(ShiftRightBy(order, above), prefix)) : 0xFFFF;
    if (in == 0) continue;
    StoreU32(And(ShiftRightBy(order, a.shift), BroadcastInt(static_cast<int32_t>(mask))), buckets);
    if (in == 0xFFFF) {
      for (const uint32_t bucket : buckets) ++a.counts[bucket];
    } else {
      for (; in != 0; in &= in - 1) ++a.counts[buckets[__builtin_ctz(in)]];
    }
  }
  CountBucketsArgs rest = a;
  rest.scores += whole;
  rest.count -= whole;
  scalar::kTable.attention->count_buckets(rest);
}

size_t ListChosen(const float* scores, size_t count, float threshold, size_t equal, uint32_t* out) {
  const F32x16 limit = Broadcast(threshold);
  const size_t whole = count / kLanes * kLanes;
  size_t chosen = 0;
  for (size_t i = 0; i < whole; i += kLanes) {
    const F32x16 raw = LoadF32(scores + i);
    const F32x16 score = Select(IsNan(raw), Broadcast(-kInfinity), raw);
    uint32_t in = ToBits(LessEqual(limit, score));
    if (in == 0) continue;
    const uint32_t ties = ToBits(Equal(score, limit));
    for (; in != 0; in &= in - 1) {
      const auto lane = static_cast<uint32_t>(__builtin_ctz(in));
      if ((ties >> lane & 1) != 0) {
        if (equal == 0) continue;
        --equal;
      }
      out[chosen++] = static_cast<uint32_t>(i) + lane;
    }
  }
  const size_t rest = scalar::kTable.attention->list_chosen(scores + whole, count - whole,
                                                            threshold, equal, out + chosen);
  for (size_t i = chosen; i < chosen + rest; ++i) out[i] += static_cast<uint32_t>(whole);
  return chosen + rest;
}
