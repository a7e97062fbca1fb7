// Cached rows, stored and read back: the same bits as the scalar definitions.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind elementwise-inl.h.

// The values of sixteen E4M3 codes. As a half float, whose exponent has one bit
// more and a bias 8 larger, a code means 2^-8 of itself, subnormal or not; only NaN has no such
// place, so it gets the half float's.
inline F32x16 E4m3Values(__m128i codes) {
  const __m256i nan = _mm256_set1_epi16(0x3F80);
  const __m256i moved = _mm256_slli_epi16(_mm256_cvtepi8_epi16(codes), 7);
  const __m256i halves = _mm256_and_si256(moved, _mm256_set1_epi16(static_cast<short>(0xBF80)));
  const __m256i is_nan = _mm256_cmpeq_epi16(_mm256_and_si256(moved, nan), nan);
  const __m256i marked =
      _mm256_or_si256(halves, _mm256_and_si256(is_nan, _mm256_set1_epi16(0x7E00)));
  return Mul(WidenF16(marked), Broadcast(256.0f));
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

// decode(p) gives sixteen values of the kBytes bytes each from p on.
template <size_t kBytes, class Decode>
inline void LoadEach(const uint8_t* from, size_t count, float* to, Decode decode) {
  const size_t whole = count / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes) StoreF32(decode(from + i * kBytes), to + i);
  if (whole == count) return;
  alignas(64) uint8_t part[kLanes * kBytes] = {};
  __builtin_memcpy(part, from + whole * kBytes, (count - whole) * kBytes);
  StorePart(decode(part), to, whole, count);
}

inline F32x16 LoadE4m3(const uint8_t* p) {
  return E4m3Values(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

void LoadRow(CacheFormat format, const uint8_t* from, size_t count, float* to) {
  switch (format) {
    case CacheFormat::kF32:
      __builtin_memcpy(to, from, count * sizeof(float));
      return;
    case CacheFormat::kBf16:
      return LoadEach<2>(from, count, to, [](const uint8_t* p) {
        return WidenBf16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
      });
    case CacheFormat::kE4m3:
      return LoadEach<1>(from, count, to, LoadE4m3);
    case CacheFormat::kScaledE4m3: {
      float scale;
      __builtin_memcpy(&scale, from + count, sizeof scale);
      return LoadEach<1>(from, count, to,
                         [&](const uint8_t* p) { return Mul(LoadE4m3(p), Broadcast(scale)); });
    }
  }
}
