// Rows of activations as whole numbers (IntRows in table.h).
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind matmul-inl.h.

// 64 columns as 32 even and 32 odd ones, in eights.
struct EvenOdd {
  __m256 even[4], odd[4];
};

inline EvenOdd LoadEvenOdd(const float* x) {
  EvenOdd split;
  for (int i = 0; i < 4; ++i) {
    const __m256 a = _mm256_loadu_ps(x + 16 * i), b = _mm256_loadu_ps(x + 16 * i + 8);
    const auto in_order = [](__m256 mixed) {
      return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(mixed), 0xD8));
    };
    split.even[i] = in_order(_mm256_shuffle_ps(a, b, 0x88));
    split.odd[i] = in_order(_mm256_shuffle_ps(a, b, 0xDD));
  }
  return split;
}

// What 128-bit halves have interleaved, in order: dwords 0, 4, 1, 5, 2, 6, 3, 7.
inline __m256i InOrder(__m256i mixed) {
  return _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
// Four eights of numbers from -128 to 127 as 32 bytes.
inline void StoreBytes(const __m256i (&v)[4], int8_t* to) {
  const __m256i words =
      _mm256_packs_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), InOrder(words));
}
// Twelve times the sums of four neighbours in both.
inline __m256i Corrections(const __m256i (&even)[4], const __m256i (&odd)[4]) {
  __m256i sums[4];
  for (int i = 0; i < 4; ++i) sums[i] = _mm256_add_epi32(even[i], odd[i]);
  const __m256i fours =
      _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
  return _mm256_mullo_epi32(InOrder(fours), _mm256_set1_epi32(12));
}

inline void StoreInts(__m256i v, int32_t* to) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v);
}

inline __m256 Magnitude(__m256 x) {
  return _mm256_and_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF)));
}
// Compared as integers, so that a NaN is larger than everything.
inline float LargestOf(__m256 magnitudes) {
  const __m256i bits = _mm256_castps_si256(magnitudes);
  __m128i max = _mm_max_epi32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
  max = _mm_max_epi32(max, _mm_shuffle_epi32(max, 0x4E));
  max = _mm_max_epi32(max, _mm_shuffle_epi32(max, 0xB1));
  return F32OfBits(static_cast<uint32_t>(_mm_cvtsi128_si32(max)));
}
inline __m256 Larger(__m256 a, __m256 b) {
  return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}

// Columns [k, k + 64), zeros behind the last.
inline const float* Columns64(const float* x, size_t k, size_t cols, float (&spare)[kIntBlock]) {
  if (k + kIntBlock <= cols) return x + k;
  __builtin_memset(spare, 0, sizeof spare);
  __builtin_memcpy(spare, x + k, (cols - k) * sizeof(float));
  return spare;
}

inline float LargestMagnitude(const float* x, size_t cols) {
  __m256 largest = _mm256_setzero_ps();
  size_t k = 0;
  for (; k + 8 <= cols; k += 8) largest = Larger(largest, Magnitude(_mm256_loadu_ps(x + k)));
  if (k < cols) largest = Larger(largest, Magnitude(LoadTail(F32Row{x}, k, cols).lo));
  return LargestOf(largest);
}

// Eight numbers' digits in base 256, each from -128 to 127, the most significant first.
inline void SplitDigits(__m256i x, __m256i (&digits)[kDigitCount]) {
  for (int i = kDigitCount - 1; i > 0; --i) {
    digits[i] = _mm256_srai_epi32(_mm256_slli_epi32(x, 24), 24);
    x = _mm256_srai_epi32(_mm256_sub_epi32(x, digits[i]), 8);
  }
  digits[0] = x;
}

// The power of two of which all numbers up to `largest` are at most 2^22 times; NaN where `largest`
// is not finite. Numbers below 2^-97 count as 2^-97.
inline float DigitUnit(float largest) {
  constexpr uint32_t kLowest = 30, kNotFinite = 255;
  const uint32_t exponent = __builtin_bit_cast(uint32_t, largest) >> 23;
  if (exponent == kNotFinite) return F32OfBits(0x7FC00000);
  return F32OfBits(((exponent < kLowest ? kLowest : exponent) - 21) << 23);
}

void PackDigits(const PackIntArgs& a) {
  const float largest = LargestMagnitude(a.x, a.cols);
  const float unit = DigitUnit(largest);
  *a.scales = unit;
  const __m256 factor = _mm256_set1_ps(unit == unit ? 1.0f / unit : 0.0f);
  alignas(32) float spare[kIntBlock];
  int8_t* to = a.digits;
  int32_t* corrections = a.corrections;
  for (size_t k = 0; k < a.cols; k += kIntBlock) {
    const EvenOdd x = LoadEvenOdd(Columns64(a.x, k, a.cols, spare));
    __m256i numbers[2][4];
    for (int half = 0; half < 2; ++half) {
      __m256i digits[kDigitCount][4];
      for (int i = 0; i < 4; ++i) {
        const __m256 value = half == 0 ? x.even[i] : x.odd[i];
        numbers[half][i] = _mm256_cvtps_epi32(_mm256_mul_ps(value, factor));
        __m256i split[kDigitCount];
        SplitDigits(numbers[half][i], split);
        for (size_t d = 0; d < kDigitCount; ++d) digits[d][i] = split[d];
      }
      for (size_t d = 0; d < kDigitCount; ++d)
        StoreBytes(digits[d], to + d * kIntBlock + half * 32);
    }
    StoreInts(Corrections(numbers[0], numbers[1]), corrections);
    to += kDigitCount * kIntBlock;
    corrections += kIntLanes;
  }
}

// The largest magnitude of each block of 16, in both of its lanes.
inline __m256 BlockMaxima(const EvenOdd& x) {
  __m256 largest[4];
  for (int i = 0; i < 4; ++i) largest[i] = Larger(Magnitude(x.even[i]), Magnitude(x.odd[i]));
  // Of eights: lane 2 b + h of the result is half h (four lanes) of block b.
  alignas(32) float fours[8];
  for (int i = 0; i < 4; ++i) {
    __m256 m = Larger(largest[i], _mm256_permute_ps(largest[i], 0x4E));
    m = Larger(m, _mm256_permute_ps(m, 0xB1));
    // `even[i]` and `odd[i]` hold columns 16 i to 16 i + 15: one block.
    m = Larger(m, _mm256_permute2f128_ps(m, m, 1));
    _mm_storel_pi(reinterpret_cast<__m64*>(fours + 2 * i), _mm256_castps256_ps128(m));
  }
  return _mm256_load_ps(fours);
}

// kLaneCount scales and corrections for each block.
template <size_t kLaneCount>
inline void PackInt8(const PackIntArgs& a) {
  alignas(32) float spare[kIntBlock];
  int8_t* to = a.digits;
  int32_t* corrections = a.corrections;
  float* scales = a.scales;
  for (size_t k = 0; k < a.cols; k += kIntBlock) {
    const EvenOdd x = LoadEvenOdd(Columns64(a.x, k, a.cols, spare));
    const __m256 scale = _mm256_div_ps(BlockMaxima(x), _mm256_set1_ps(127.0f));
    alignas(32) float steps[kIntLanes];
    _mm256_store_ps(steps, scale);
    __m256i numbers[2][4];
    for (int i = 0; i < 4; ++i) {
      const __m256 step = _mm256_set1_ps(steps[2 * i]);
      const __m256 is_zero = _mm256_cmp_ps(step, _mm256_set1_ps(0x1p-126f), _CMP_LT_OQ);
      const auto quantize = [&](__m256 value) {
        return _mm256_cvtps_epi32(_mm256_andnot_ps(is_zero, _mm256_div_ps(value, step)));
      };
      numbers[0][i] = quantize(x.even[i]);
      numbers[1][i] = quantize(x.odd[i]);
    }
    StoreBytes(numbers[0], to);
    StoreBytes(numbers[1], to + 32);
    const __m256i lanes = Corrections(numbers[0], numbers[1]);
    if constexpr (kLaneCount == kIntLanes) {
      _mm256_storeu_ps(scales, scale);
      StoreInts(lanes, corrections);
    } else {
      const __m256i evens = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
      _mm_storeu_ps(scales, _mm256_castps256_ps128(_mm256_permutevar8x32_ps(scale, evens)));
      const __m256i pairs = _mm256_permute4x64_epi64(_mm256_hadd_epi32(lanes, lanes), 0x08);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(corrections), _mm256_castsi256_si128(pairs));
    }
    to += kIntBlock;
    corrections += kLaneCount;
    scales += kLaneCount;
  }
}

void PackInt8Few(const PackIntArgs& a) { PackInt8<kIntLanes>(a); }
void PackInt8Many(const PackIntArgs& a) { PackInt8<kIntSixteens>(a); }
