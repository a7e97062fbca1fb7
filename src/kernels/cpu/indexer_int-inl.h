// Scores of the indexer by products of 16-bit whole numbers, for E4M3 keys with a scale of their
// own: indexer-inl.h with two dimensions of a key in each lane. kExactDimensions of them are added
// without rounding.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind indexer-inl.h, nvfp4_many-inl.h
// and pack_int-inl.h.

// A key's value, at most 448, counts kKeySteps times. A head's unit is kQuerySteps times the one of
// which its largest number would be at most 32,639.
constexpr float kKeySteps = 16, kQuerySteps = 8;
constexpr size_t kExactDimensions = 64;
static_assert(448.0 * kKeySteps * (32639 / kQuerySteps + 1) * kExactDimensions < 0x1p31);

// sum + two products, lane by lane; `pair` holds two numbers for all lanes.
inline I32x16 DotPair(I32x16 sum, I32x16 words, int32_t pair) {
#if defined(__AVX512VNNI__)
  return {_mm512_dpwssd_epi32(sum.v, words.v, _mm512_set1_epi32(pair))};
#else
  const __m256i pairs = _mm256_set1_epi32(pair);
  // Or GCC computes the products of all heads first, for which there are not enough registers.
  sum.lo = _mm256_add_epi32(sum.lo, _mm256_madd_epi16(words.lo, pairs));
  asm("" : "+x"(sum.lo));
  sum.hi = _mm256_add_epi32(sum.hi, _mm256_madd_epi16(words.hi, pairs));
  asm("" : "+x"(sum.hi));
  return sum;
#endif
}

// Queries of one row and a panel of keys: panel[d / 2, u] = (k[u, d], k[u, d + 1]).
struct WordKeys {
  const float* panel;
  size_t width;
  const int16_t* queries;
  template <size_t kHeads>
  void Dot(size_t head, F32x16 (&dots)[kHeads]) const {
    const int16_t* q = queries + head * width;
#pragma GCC unroll 12
    for (size_t h = 0; h < kHeads; ++h) dots[h] = Broadcast(0.0f);
    for (size_t first = 0; first < width; first += kExactDimensions) {
      const size_t last = width - first < kExactDimensions ? width : first + kExactDimensions;
      I32x16 sums[kHeads];
#pragma GCC unroll 12
      for (size_t h = 0; h < kHeads; ++h) sums[h] = BroadcastInt(0);
#pragma GCC unroll 4
      for (size_t d = first; d < last; d += 2) {
        const I32x16 words = Bits(LoadF32(panel + d / 2 * kKeyPanel));
#pragma GCC unroll 12
        for (size_t h = 0; h < kHeads; ++h) {
          sums[h] = DotPair(sums[h], words, LoadFour(q + h * width + d));
        }
      }
#pragma GCC unroll 12
      for (size_t h = 0; h < kHeads; ++h) dots[h] = Add(dots[h], ToF32(sums[h]));
    }
  }
};

// REQUIRES: width % 16 == 0.
void PackQueries(const PackQueriesArgs& a) {
  for (size_t h = 0; h < a.heads; ++h) {
    const float* q = a.queries + h * a.width;
    __m256i largest = _mm256_setzero_si256();
    for (size_t d = 0; d < a.width; d += 8) {
      largest = Larger(largest, Magnitude(_mm256_loadu_ps(q + d)));
    }
    const float unit = Int16Unit(LargestBits(largest)) * kQuerySteps;
    const __m256 factor = _mm256_set1_ps(unit == unit ? 1.0f / unit : 0.0f);
    for (size_t d = 0; d < a.width; d += 16) {
      const Pair x = F32Row{q}.Load(d);
      StoreInts(a.words + h * a.width + d,
                ToWords(_mm256_mul_ps(x.lo, factor), _mm256_mul_ps(x.hi, factor)));
    }
    a.scaled_weights[h] = a.weights[h] * unit;
  }
}

// kKeySteps times the values of sixteen E4M3 codes, to the nearest whole number; subnormal ones are
// below a half. With the exponent e and the mantissa m that is (8 + m) 2^(e - 6).
inline __m256i WordsOfE4m3(__m128i codes) {
  // By e the low byte of 2^(e - 1), and by e - 8 the high one; the latter is zero below 0.
  const __m256i powers = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0));
  const __m256i wide = _mm256_cvtepi8_epi16(codes);
  const __m256i exponents = _mm256_and_si256(_mm256_srli_epi16(wide, 3), _mm256_set1_epi16(15));
  const __m256i places = _mm256_sub_epi16(_mm256_mullo_epi16(exponents, _mm256_set1_epi16(0x0101)),
                                          _mm256_set1_epi16(8 << 8));
  const __m256i mantissas =
      _mm256_or_si256(_mm256_and_si256(_mm256_slli_epi16(wide, 10), _mm256_set1_epi16(7 << 10)),
                      _mm256_set1_epi16(8 << 10));
  return _mm256_sign_epi16(_mm256_mulhrs_epi16(mantissas, _mm256_shuffle_epi8(powers, places)),
                           wide);
}
static_assert(kKeySteps == 16);

// Key u as whole numbers; what its scores are to be multiplied by, a NaN where the key has one.
inline float LoadKeyAsWords(const ScoreKeysArgs& a, size_t u, int16_t* to) {
  const __m128i nan = _mm_set1_epi8(0x7F);
  __m128i has_nan = _mm_setzero_si128();
  for (size_t d = 0; d < a.width; d += 16) {
    const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a.keys[u] + d));
    has_nan = _mm_or_si128(has_nan, _mm_cmpeq_epi8(_mm_and_si128(codes, nan), nan));
    StoreInts(to + d, WordsOfE4m3(codes));
  }
  float scale;
  __builtin_memcpy(&scale, a.keys[u] + a.width, sizeof scale);
  return _mm_movemask_epi8(has_nan) == 0 ? scale / kKeySteps : __builtin_nanf("");
}

void ScoreKeysByWords(const ScoreKeysArgs& a) {
  float* panel = a.scratch;
  float* decoded = panel + ScoreKeysScratch(a.width) / 2;
  alignas(64) float scales[kKeyPanel];
  for (size_t u = 0; u < kKeyPanel; ++u) {
    scales[u] = LoadKeyAsWords(a, u, reinterpret_cast<int16_t*>(decoded) + u * a.width);
  }
  TurnKeys(decoded, a.width / 2, a.width / 2, panel);
  for (size_t t = 0; t < a.rows; ++t) {
    const WordKeys keys = {panel, a.width, a.words + t * a.query_stride};
    const F32x16 score = ScoreRow(keys, a.heads, a.weights + t * a.weight_stride);
    StoreF32(Mul(score, LoadF32(scales)), a.scores + t * a.score_stride);
  }
}
