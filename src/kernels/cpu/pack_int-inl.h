// Rows of activations as whole numbers (IntRows and IntGroups in table.h).
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind matmul-inl.h and
// nvfp4_ints-inl.h.

inline __m256 Magnitude(__m256 x) {
  return _mm256_and_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF)));
}
// Of magnitudes, compared as integers, so that a NaN is larger than everything.
inline __m256i Larger(__m256i a, __m256 magnitudes) {
  return _mm256_max_epi32(a, _mm256_castps_si256(magnitudes));
}
inline uint32_t LargestBits(__m256i bits) {
  __m128i max = _mm_max_epi32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
  max = _mm_max_epi32(max, _mm_shuffle_epi32(max, 0x4E));
  max = _mm_max_epi32(max, _mm_shuffle_epi32(max, 0xB1));
  return static_cast<uint32_t>(_mm_cvtsi128_si32(max));
}

constexpr uint32_t kInfinityBits = 0x7F800000;
// Columns [k, k + 16) of a row, zeros behind the last and where there is no row.
inline Pair LoadSixteen(const float* x, size_t k, size_t cols) {
  if (x != nullptr && k + 16 <= cols) return F32Row{x}.Load(k);
  return LoadTail(F32Row{x}, k, x != nullptr && k < cols ? cols : k);
}
inline uint32_t LargestBits(const Pair& x) {
  return LargestBits(Larger(Larger(_mm256_setzero_si256(), Magnitude(x.lo)), Magnitude(x.hi)));
}

// Numbers in columns' order, rounded to nearest even.
inline __m256i ToWords(__m256 lo, __m256 hi) {
  const __m256i mixed = _mm256_packs_epi32(_mm256_cvtps_epi32(lo), _mm256_cvtps_epi32(hi));
  return _mm256_permute4x64_epi64(mixed, 0xD8);
}
// x / step; zero where the step is below 2^-126 or not a number.
inline __m256i DivideToWords(const Pair& x, float step) {
  if (!(step >= 0x1p-126f) || step > 0x1.fffffep+127f) return _mm256_setzero_si256();
  const __m256 steps = _mm256_set1_ps(step);
  return ToWords(_mm256_div_ps(x.lo, steps), _mm256_div_ps(x.hi, steps));
}
// The low bytes of the eight even columns, then of the odd ones.
inline __m128i EvenOddBytes(__m256i words) {
  const __m256i fours =
      _mm256_shuffle_epi8(words, _mm256_broadcastsi128_si256(_mm_setr_epi8(
                                     0, 4, 8, 12, 2, 6, 10, 14, -1, -1, -1, -1, -1, -1, -1, -1)));
  return _mm256_castsi256_si128(
      _mm256_permutevar8x32_epi32(fours, _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5)));
}
inline int32_t SumOfWords(__m256i words) {
  const __m256i pairs = _mm256_madd_epi16(words, _mm256_set1_epi16(1));
  __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1)));
}

// Sixteen `sixteen` of a block, one digit of it.
inline void StoreDigits(__m256i words, size_t sixteen, int8_t* block) {
  const __m128i bytes = EvenOddBytes(words);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(block + 8 * sixteen), bytes);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(block + kIntBlock / 2 + 8 * sixteen),
                   _mm_unpackhi_epi64(bytes, bytes));
}

// The power of two of which numbers up to this magnitude are at most 32,639 times, the most that
// two digits hold; a NaN where there is none. Numbers below 2^-111 count as 2^-111.
inline float Int16Unit(uint32_t largest) {
  constexpr uint32_t kToNextPower = 0x10100, kLowest = 15;
  if (largest >= kInfinityBits) return F32OfBits(0x7FC00000);
  const uint32_t exponent = (largest + kToNextPower) >> 23;
  return F32OfBits(((exponent < kLowest ? kLowest : exponent) - 14) << 23);
}

// Calls quantize(sixteen of columns, its digits' words) for each sixteen, which returns the scale.
template <size_t kDigits, class Quantize>
inline void PackIntRow(const PackIntArgs& a, Quantize quantize) {
  const size_t blocks = (a.cols + kIntPadding - 1) / kIntPadding * (kIntPadding / kIntBlock);
  for (size_t block = 0; block < blocks; ++block) {
    for (size_t sixteen = 0; sixteen < kIntSixteens; ++sixteen) {
      const Pair x = LoadSixteen(a.x, block * kIntBlock + 16 * sixteen, a.cols);
      __m256i words;
      const size_t place = block * kIntSixteens + kSixteenPlaces[sixteen];
      a.scales[place] = quantize(x, words);
      a.corrections[place] = 12 * SumOfWords(words);
      int8_t* digits = a.digits + block * kDigits * kIntBlock;
      if constexpr (kDigits == 2) {
        // The low digit is signed: what it takes away the high one has more.
        const __m256i high = _mm256_srai_epi16(_mm256_add_epi16(words, _mm256_set1_epi16(128)), 8);
        StoreDigits(high, sixteen, digits);
        digits += kIntBlock;
      }
      StoreDigits(words, sixteen, digits);
    }
  }
}

// Sixteen numbers and their unit.
inline float ToInt16(const Pair& x, __m256i& words) {
  const float unit = Int16Unit(LargestBits(x));
  const __m256 factor = _mm256_set1_ps(unit == unit ? 1.0f / unit : 0.0f);
  words = ToWords(_mm256_mul_ps(x.lo, factor), _mm256_mul_ps(x.hi, factor));
  if (unit != unit) words = _mm256_setzero_si256();
  return unit;
}

void PackInt16(const PackIntArgs& a) { PackIntRow<2>(a, ToInt16); }

void PackInt8(const PackIntArgs& a) {
  PackIntRow<1>(a, [](const Pair& x, __m256i& words) {
    const float step = F32OfBits(LargestBits(x)) / 127.0f;
    words = DivideToWords(x, step);
    return step;
  });
}

void PackInt8Group(const PackIntGroupArgs& a) {
  const size_t blocks = (a.cols + kIntBlock - 1) / kIntBlock;
  for (size_t row = 0; row < kIntGroupRows; ++row) {
    const float* x = row < a.count ? a.rows[row] : nullptr;
    for (size_t block = 0; block < blocks; ++block) {
      Pair sixteens[kIntSixteens];
      __m256i largest = _mm256_setzero_si256();
      for (size_t i = 0; i < kIntSixteens; ++i) {
        sixteens[i] = LoadSixteen(x, block * kIntBlock + 16 * i, a.cols);
        largest = Larger(Larger(largest, Magnitude(sixteens[i].lo)), Magnitude(sixteens[i].hi));
      }
      const float step = F32OfBits(LargestBits(largest)) / 127.0f;
      a.scales[block * kIntGroupRows + row] = step;
      uint8_t* bytes = a.bytes + block * kIntBlock * kIntGroupRows + row * 16;
      for (size_t i = 0; i < kIntSixteens; ++i) {
        const __m256i words =
            _mm256_add_epi16(DivideToWords(sixteens[i], step), _mm256_set1_epi16(kIntOffset));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes + i * kIntGroupRows * 16),
                         EvenOddBytes(words));
      }
    }
  }
}

void PackInt16Group(const PackIntGroupArgs& a) {
  const size_t sixteens = (a.cols + kIntBlock - 1) / kIntBlock * kIntSixteens;
  for (size_t row = 0; row < kIntGroupRows; ++row) {
    const float* x = row < a.count ? a.rows[row] : nullptr;
    for (size_t i = 0; i < sixteens; ++i) {
      __m256i words;
      const float unit = ToInt16(LoadSixteen(x, 16 * i, a.cols), words);
      const size_t place = i * kIntGroupRows + row;
      a.scales[place] = x != nullptr ? unit : 0.0f;
      StoreInts(a.words + place * 16, words);
    }
  }
}
