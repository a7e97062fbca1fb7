// Cached rows, stored and read back: the same bits as the scalar definitions.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind elementwise-inl.h.

// BF16 patterns of sixteen E4M3 codes; every E4M3 is a BF16. Normal numbers move to their place
// and the exponent's bias grows by 120; the eight others are looked up.
inline __m256i E4m3ToBf16(__m128i codes) {
  const __m256i subnormal = _mm256_broadcastsi128_si256(
      _mm_setr_epi16(0, 0x3B00, 0x3B80, 0x3BC0, 0x3C00, 0x3C20, 0x3C40, 0x3C60));
  const __m256i wide = _mm256_cvtepu8_epi16(codes);
  const __m256i magnitude = _mm256_and_si256(wide, _mm256_set1_epi16(0x7F));
  const __m256i sign = _mm256_slli_epi16(_mm256_xor_si256(wide, magnitude), 8);
  const __m256i normal =
      _mm256_add_epi16(_mm256_slli_epi16(magnitude, 4), _mm256_set1_epi16(120 << 7));
  // Bytes 2 m and 2 m + 1 of the table; what indices of larger m give is not used.
  const __m256i bytes = _mm256_add_epi16(_mm256_mullo_epi16(magnitude, _mm256_set1_epi16(0x0202)),
                                         _mm256_set1_epi16(0x0100));
  const __m256i is_normal = _mm256_cmpgt_epi16(magnitude, _mm256_set1_epi16(7));
  const __m256i is_nan = _mm256_cmpeq_epi16(magnitude, _mm256_set1_epi16(0x7F));
  const __m256i value =
      _mm256_blendv_epi8(_mm256_shuffle_epi8(subnormal, bytes), normal, is_normal);
  const __m256i nan = _mm256_and_si256(is_nan, _mm256_set1_epi16(0x7FC0));
  return _mm256_or_si256(_mm256_or_si256(value, nan), sign);
}

// The smallest power of two with amax / scale <= 448, amax at least 2^-60; 1 for infinite values.
// Adding all bits of the mantissa carries into the exponent unless the quotient is a power of two.
inline float KeyScale(const float* from, size_t count) {
  F32x16 amax = Broadcast(0x1p-60f);
  for (size_t i = 0; i < count; i += kLanes) {
    amax = Max(Abs(LoadPart(from, i, count)), amax);  // the second where one is NaN
  }
  const float largest = HorizontalMax(amax);
  if (largest == kInfinity) return 1;
  const uint32_t bits = __builtin_bit_cast(uint32_t, largest / 448.0f);
  return F32OfBits((bits + 0x7FFFFF) & 0xFF800000);
}

inline void StoreE4m3(const float* from, size_t count, float scale, uint8_t* to) {
  alignas(16) uint8_t part[kLanes];
  for (size_t i = 0; i < count; i += kLanes) {
    const F32x16 x = Div(LoadPart(from, i, count), Broadcast(scale));
    const bool whole = i + kLanes <= count;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(whole ? to + i : part), NarrowToBytes(ToE4m3(x)));
    if (!whole) __builtin_memcpy(to + i, part, count - i);
  }
}

inline void StoreBf16(const float* from, size_t count, uint8_t* to) {
  alignas(32) uint8_t part[2 * kLanes];
  for (size_t i = 0; i < count; i += kLanes) {
    const bool whole = i + kLanes <= count;
    StoreU16(ToBf16(LoadPart(from, i, count)), whole ? to + 2 * i : part);
    if (!whole) __builtin_memcpy(to + 2 * i, part, 2 * (count - i));
  }
}

void StoreRow(CacheFormat format, const float* from, size_t count, uint8_t* to) {
  switch (format) {
    case CacheFormat::kF32:
      __builtin_memcpy(to, from, count * sizeof(float));
      return;
    case CacheFormat::kBf16:
      return StoreBf16(from, count, to);
    case CacheFormat::kE4m3:
      return StoreE4m3(from, count, 1.0f, to);
    case CacheFormat::kScaledE4m3: {
      const float scale = KeyScale(from, count);
      StoreE4m3(from, count, scale, to);
      __builtin_memcpy(to + count, &scale, sizeof scale);
    }
  }
}

inline __m128i LoadCodes(const uint8_t* from, size_t i, size_t count) {
  if (i + kLanes <= count) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
  alignas(16) uint8_t part[kLanes] = {};
  __builtin_memcpy(part, from + i, count - i);
  return _mm_load_si128(reinterpret_cast<const __m128i*>(part));
}

inline __m256i LoadPatterns(const uint8_t* from, size_t i, size_t count) {
  if (i + kLanes <= count) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 2 * i));
  }
  alignas(32) uint8_t part[2 * kLanes] = {};
  __builtin_memcpy(part, from + 2 * i, 2 * (count - i));
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(part));
}

void LoadRow(CacheFormat format, const uint8_t* from, size_t count, float* to) {
  switch (format) {
    case CacheFormat::kF32:
      __builtin_memcpy(to, from, count * sizeof(float));
      return;
    case CacheFormat::kBf16:
      for (size_t i = 0; i < count; i += kLanes) {
        StorePart(WidenBf16(LoadPatterns(from, i, count)), to, i, count);
      }
      return;
    case CacheFormat::kE4m3:
      for (size_t i = 0; i < count; i += kLanes) {
        StorePart(WidenBf16(E4m3ToBf16(LoadCodes(from, i, count))), to, i, count);
      }
      return;
    case CacheFormat::kScaledE4m3: {
      float scale;
      __builtin_memcpy(&scale, from + count, sizeof scale);
      const F32x16 factor = Broadcast(scale);
      for (size_t i = 0; i < count; i += kLanes) {
        const F32x16 x = WidenBf16(E4m3ToBf16(LoadCodes(from, i, count)));
        StorePart(Mul(x, factor), to, i, count);
      }
    }
  }
}
