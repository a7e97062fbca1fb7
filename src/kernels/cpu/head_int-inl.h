// Sums over rows of NVFP4 weights in whole numbers (HeadWordArgs in attention_table.h). E2M1
// doubled plus twelve is one from 0 to 24; a number of x times a block scale is taken as one of 16
// bits, of which each block of columns has its own unit. Products of two rows of W are added in one
// step, and nothing is rounded before all of them are.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind head_products-inl.h,
// nvfp4_many-inl.h and pack_int-inl.h.

// Pairs of rows that pass over the sums together, and whose columns are read one behind the other.
constexpr size_t kPairsAtOnce = 4;
static_assert(24.0 * 32639 * kMaxWordRows < 0x1p31);

// What one product computes on the way.
struct HeadWords {
  float* factors;           // [rows, blocks] x times scale, times 2^-20
  int16_t (*row_pairs)[2];  // [rows / 2, blocks] the same as whole numbers of two rows
  int32_t* corrections;     // [blocks] 12 times their sums
  float* units;             // [blocks]
  int32_t* sums;            // [cols], 64 columns in the turned order

  HeadWords(const HeadWordArgs& a, size_t blocks) {
    float* at = a.scratch;
    const auto take = [&](size_t count) {
      float* taken = at;
      at += (count + 7) / 8 * 8;
      return taken;
    };
    factors = take(a.w_rows * blocks);
    row_pairs = reinterpret_cast<int16_t(*)[2]>(take((a.w_rows + 1) / 2 * blocks));
    corrections = reinterpret_cast<int32_t*>(take(blocks));
    units = take(blocks);
    sums = reinterpret_cast<int32_t*>(take(a.cols));
  }
};

// Fills factors and, by the largest of them, units of eight blocks from b on.
inline void ScaleEight(const HeadWordArgs& a, size_t blocks, size_t b, const HeadWords& words) {
  __m256i largest = _mm256_setzero_si256();
  for (size_t n = 0; n < a.w_rows; ++n) {
    const __m128i bytes =
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(a.block_scales + n * blocks + b));
    const __m256 scales = ScalesOf(_mm256_slli_epi32(_mm256_cvtepu8_epi32(bytes), kScaleShift));
    const __m256 factor = _mm256_mul_ps(_mm256_mul_ps(scales, _mm256_set1_ps(0x1p100f)),
                                        _mm256_broadcast_ss(a.x + n));
    _mm256_storeu_ps(words.factors + n * blocks + b, factor);
    largest = Larger(largest, Magnitude(factor));
  }
  alignas(32) uint32_t bits[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(bits), largest);
  for (size_t i = 0; i < 8; ++i) words.units[b + i] = Int16Unit(bits[i]);
}

// Fills row_pairs and corrections of the same blocks.
inline void NarrowEight(const HeadWordArgs& a, size_t blocks, size_t b, const HeadWords& words) {
  const __m256 units = _mm256_loadu_ps(words.units + b);
  const __m256 finite = _mm256_cmp_ps(units, units, _CMP_ORD_Q);
  const __m256 inverse = _mm256_and_ps(_mm256_div_ps(_mm256_set1_ps(1.0f), units), finite);
  const auto load = [&](size_t n) {
    if (n >= a.w_rows) return _mm256_setzero_si256();
    return _mm256_cvtps_epi32(
        _mm256_mul_ps(_mm256_loadu_ps(words.factors + n * blocks + b), inverse));
  };
  __m256i sum = _mm256_setzero_si256();
  for (size_t n = 0; n < a.w_rows; n += 2) {
    const __m256i first = load(n), second = load(n + 1);
    const __m256i pair = _mm256_blend_epi16(first, _mm256_slli_epi32(second, 16), 0xAA);
    StoreInts(words.row_pairs[n / 2 * blocks + b], pair);
    sum = _mm256_add_epi32(sum, _mm256_add_epi32(first, second));
  }
  StoreInts(words.corrections + b, _mm256_mullo_epi32(sum, _mm256_set1_epi32(12)));
}

// Adds kPairs pairs of rows from n on to the sums of 64 columns from k on.
template <size_t kPairs>
inline void AddPairs(const HeadWordArgs& a, size_t blocks, size_t n, size_t k,
                     const HeadWords& words) {
  const __m256i values = LiftedValues(), mask = _mm256_set1_epi8(15);
  const __m256i zero = _mm256_setzero_si256();
  __m256i sums[kEights];
  for (size_t j = 0; j < kEights; ++j) sums[j] = LoadInts(words.sums + k + 8 * j);
#pragma GCC unroll 4
  for (size_t p = 0; p < kPairs; ++p) {
    const size_t row = n + 2 * p, next = row + 1 < a.w_rows ? row + 1 : row;
    const uint8_t* codes = a.codes + (row * a.cols + k) / 2;
    if (k % 128 == 0) {
      PrefetchLine(codes + kPairsAtOnce * a.cols);
      PrefetchLine(codes + kPairsAtOnce * a.cols + a.cols / 2);
    }
    __m256i nibbles[2][2];
    const __m256i bytes[2] = {LoadInts(codes), LoadInts(a.codes + (next * a.cols + k) / 2)};
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; ++i) {
      nibbles[0][i] = _mm256_shuffle_epi8(values, _mm256_and_si256(bytes[i], mask));
      nibbles[1][i] =
          _mm256_shuffle_epi8(values, _mm256_and_si256(_mm256_srli_epi16(bytes[i], 4), mask));
    }
    // The factors of the blocks at k and k + 32, and of those at k + 16 and k + 48.
    const __m256i four = _mm256_broadcastsi128_si256(_mm_loadu_si128(
        reinterpret_cast<const __m128i*>(words.row_pairs[(n / 2 + p) * blocks + k / 16])));
    const __m256i factors[2] = {
        _mm256_permutevar8x32_epi32(four, _mm256_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2)),
        _mm256_permutevar8x32_epi32(four, _mm256_setr_epi32(1, 1, 1, 1, 3, 3, 3, 3))};
#pragma GCC unroll 2
    for (size_t odd = 0; odd < 2; ++odd) {
      const __m256i halves[2] = {_mm256_unpacklo_epi8(nibbles[odd][0], nibbles[odd][1]),
                                 _mm256_unpackhi_epi8(nibbles[odd][0], nibbles[odd][1])};
#pragma GCC unroll 2
      for (size_t half = 0; half < 2; ++half) {
        __m256i* to = sums + 4 * half + 2 * odd;
        to[0] = _mm256_add_epi32(
            to[0], _mm256_madd_epi16(_mm256_unpacklo_epi8(halves[half], zero), factors[half]));
        to[1] = _mm256_add_epi32(
            to[1], _mm256_madd_epi16(_mm256_unpackhi_epi8(halves[half], zero), factors[half]));
      }
    }
  }
  for (size_t j = 0; j < kEights; ++j) StoreInts(words.sums + k + 8 * j, sums[j]);
}

// The numbers of blocks at k and k + 32, or k + 16 and k + 48, four times each.
template <typename T>
inline __m256i SpreadTwo(const T* of_blocks, size_t half) {
  return _mm256_setr_m128i(_mm_set1_epi32(LoadFour(of_blocks + half)),
                           _mm_set1_epi32(LoadFour(of_blocks + half + 2)));
}

void SumRowsByWords(const HeadWordArgs& a) {
  const size_t blocks = a.cols / 16;
  const HeadWords words(a, blocks);
  for (size_t b = 0; b < blocks; b += 8) {
    ScaleEight(a, blocks, b, words);
    NarrowEight(a, blocks, b, words);
  }
  for (size_t k = 0; k < a.cols; k += 8) StoreInts(words.sums + k, _mm256_setzero_si256());
  size_t n = 0;
  for (; n + 2 * kPairsAtOnce <= a.w_rows; n += 2 * kPairsAtOnce) {
    for (size_t k = 0; k < a.cols; k += kWideCols) AddPairs<kPairsAtOnce>(a, blocks, n, k, words);
  }
  for (; n < a.w_rows; n += 2) {
    for (size_t k = 0; k < a.cols; k += kWideCols) AddPairs<1>(a, blocks, n, k, words);
  }
  // Weights are doubled, and factors 2^-20 of what they mean.
  const __m256 scale = _mm256_mul_ps(_mm256_set1_ps(a.scale), _mm256_set1_ps(0x1p19f));
  for (size_t k = 0; k < a.cols; k += kWideCols) {
    __m256 v[kEights];
    for (size_t j = 0; j < kEights; ++j) {
      const size_t half = j / 4, block = k / 16;
      const __m256i sum = _mm256_sub_epi32(LoadInts(words.sums + k + 8 * j),
                                           SpreadTwo(words.corrections + block, half));
      const __m256 units = _mm256_castsi256_ps(SpreadTwo(words.units + block, half));
      v[j] = _mm256_mul_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), units), scale);
    }
    StoreTurned64(v, a.y + k);
  }
}
