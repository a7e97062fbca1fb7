// Products of BF16 pairs (bf16_table.h): one step, and activations in the order of the steps.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind elementwise-inl.h.

// One step of sixteen sums: dot_pairs in bf16_table.h.
#if defined(GLIMMER_SOFTWARE_BF16)
inline __m512 DotPairs(__m512 sum, __m512i a, __m512i b) {
  const __m512i high = _mm512_set1_epi32(static_cast<int>(0xFFFF0000));
  const __m512i a_odd = _mm512_and_si512(a, high), b_odd = _mm512_and_si512(b, high);
  const __m512i a_even = _mm512_slli_epi32(a, 16), b_even = _mm512_slli_epi32(b, 16);
  // To nearest even, subnormal operands and results to zero, no exceptions.
  uint32_t modes = 0x9FC0, modes_before = 0;
  asm volatile(
      "vstmxcsr %[before]\n\t"
      "vldmxcsr %[modes]\n\t"
      "vfmadd231ps %[b_odd], %[a_odd], %[sum]\n\t"
      "vfmadd231ps %[b_even], %[a_even], %[sum]\n\t"
      "vldmxcsr %[before]"
      : [sum] "+&v"(sum), [before] "+m"(modes_before)
      : [modes] "m"(modes), [a_odd] "v"(a_odd), [b_odd] "v"(b_odd), [a_even] "v"(a_even),
        [b_even] "v"(b_even));
  return sum;
}
#else
inline __m512 DotPairs(__m512 sum, __m512i a, __m512i b) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}
#endif

void DotPairsOnce(const uint16_t* a, const uint16_t* b, float* sums) {
  _mm512_storeu_ps(sums,
                   DotPairs(_mm512_loadu_ps(sums), _mm512_loadu_si512(a), _mm512_loadu_si512(b)));
}

void PackPairs(const PackPairsArgs& a) {
  alignas(64) uint16_t words[kLanes];
  for (size_t k = 0; k < a.cols; k += kLanes) {
    for (size_t i = 0; i < a.count; ++i) {
      StoreU16(ToBf16(LoadPart(a.rows[i], k, a.cols)), reinterpret_cast<uint8_t*>(words));
      for (size_t half = 0; half < kLanes && k + half < a.cols; half += kPairColumns) {
        __builtin_memcpy(a.to + (k + half) * a.count + i * kPairColumns, words + half,
                         kPairColumns * sizeof(uint16_t));
      }
    }
  }
}

void Narrow(const float* from, size_t count, uint16_t* to) {
  for (size_t i = 0; i < count; i += kLanes) {
    StoreU16(ShiftRight<16>(Bits(LoadF32(from + i))), reinterpret_cast<uint8_t*>(to + i));
  }
}
