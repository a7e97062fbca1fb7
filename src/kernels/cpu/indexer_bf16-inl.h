// Scores of the indexer by products of BF16 pairs (bf16_table.h): indexer-inl.h with two dimensions
// of a key in each lane. E4M3 is exact in BF16; the power of two of a scaled key multiplies its
// finished score.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind bf16_pairs-inl.h and
// indexer-inl.h.

// The BF16 patterns of 32 E4M3 codes. Exponent and mantissa move to their places and the exponent
// grows by the difference of the biases; subnormal codes, below 8, are looked up.
inline __m512i Bf16OfE4m3(__m256i codes) {
  alignas(64) static constexpr uint16_t kSubnormals[32] = {0,      0x3B00, 0x3B80, 0x3BC0,
                                                           0x3C00, 0x3C20, 0x3C40, 0x3C60};
  constexpr short kBits = 0x07F0, kBiases = (127 - 7) << 7;
  const __m512i wide = _mm512_cvtepi8_epi16(codes), moved = _mm512_slli_epi16(wide, 4);
  const __m512i magnitude = _mm512_and_si512(moved, _mm512_set1_epi16(kBits));
  const __mmask32 subnormal = _mm512_testn_epi16_mask(wide, _mm512_set1_epi16(0x78));
  const __mmask32 nan = _mm512_cmpeq_epi16_mask(magnitude, _mm512_set1_epi16(kBits));
  __m512i bits = _mm512_add_epi16(magnitude, _mm512_set1_epi16(kBiases));
  bits = _mm512_mask_permutexvar_epi16(bits, subnormal, wide, _mm512_load_si512(kSubnormals));
  bits = _mm512_mask_mov_epi16(bits, nan, _mm512_set1_epi16(0x7FC0));
  constexpr int kAndOr = 0xEA;  // (a & b) | c
  return _mm512_ternarylogic_epi32(wide, _mm512_set1_epi16(-0x8000), bits, kAndOr);
}

// A key without its scale. REQUIRES: width % 16 == 0.
inline void LoadKeyAsBf16(CacheFormat format, const uint8_t* key, size_t width, uint16_t* to) {
  if (format == CacheFormat::kBf16) {
    __builtin_memcpy(to, key, width * sizeof(uint16_t));
    return;
  }
  size_t d = 0;
  for (; d + 32 <= width; d += 32) _mm512_storeu_si512(to + d, Bf16OfE4m3(LoadInts(key + d)));
  if (d == width) return;
  const __m128i last = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key + d));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + d),
                      _mm512_castsi512_si256(Bf16OfE4m3(_mm256_castsi128_si256(last))));
}

// Queries of one row and a panel of keys: panel[d / 2, u] = (k[u, d], k[u, d + 1]).
struct PairKeys {
  const float* panel;
  size_t width;
  const uint16_t* queries;
  template <size_t kHeads>
  void Dot(size_t head, F32x16 (&dots)[kHeads]) const {
    const uint16_t* q = queries + head * width;
#pragma GCC unroll 12
    for (size_t h = 0; h < kHeads; ++h) dots[h] = Broadcast(0.0f);
    for (size_t d = 0; d < width; d += 2) {
      const __m512i keys = _mm512_loadu_si512(panel + d / 2 * kKeyPanel);
#pragma GCC unroll 12
      for (size_t h = 0; h < kHeads; ++h) {
        int32_t pair;
        __builtin_memcpy(&pair, q + h * width + d, sizeof pair);
        dots[h].v = DotPairs(dots[h].v, keys, _mm512_set1_epi32(pair));
      }
    }
  }
};

// What multiplies the score of each key.
inline F32x16 KeyScales(const ScoreKeysArgs& a) {
  if (a.format != CacheFormat::kScaledE4m3) return Broadcast(1.0f);
  alignas(64) float scales[kKeyPanel];
  for (size_t u = 0; u < kKeyPanel; ++u) {
    __builtin_memcpy(&scales[u], a.keys[u] + a.width, sizeof scales[u]);
  }
  return LoadF32(scales);
}

void ScoreKeysByPairs(const ScoreKeysArgs& a) {
  float* panel = a.scratch;
  float* decoded = panel + ScoreKeysScratch(a.width) / 2;
  for (size_t u = 0; u < kKeyPanel; ++u) {
    LoadKeyAsBf16(a.format, a.keys[u], a.width, reinterpret_cast<uint16_t*>(decoded) + u * a.width);
  }
  TurnKeys(decoded, a.width / 2, a.width / 2, panel);
  const F32x16 scales = KeyScales(a);
  for (size_t t = 0; t < a.rows; ++t) {
    const PairKeys keys = {panel, a.width, a.pairs + t * a.query_stride};
    const F32x16 score = ScoreRow(keys, a.heads, a.weights + t * a.weight_stride);
    StoreF32(Mul(score, scales), a.scores + t * a.score_stride);
  }
}
