// Weights of logits (elementwise.h): base/exponential.h step by step, four numbers at a time and
// without fused multiply-add, so that every set gives the bits of the scalar code.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind nvfp4_ints-inl.h.

inline __m256d ExpOfNonPositive(__m256d x) {
  const auto all = [](double v) { return _mm256_set1_pd(v); };
  const __m256d clamped = _mm256_max_pd(x, all(base::kLeastExponent));
  const __m256d shifted =
      _mm256_add_pd(_mm256_mul_pd(clamped, all(base::kInverseLn2)), all(base::kRounder));
  const __m256d k = _mm256_sub_pd(shifted, all(base::kRounder));
  const __m256d r = _mm256_sub_pd(_mm256_sub_pd(clamped, _mm256_mul_pd(k, all(base::kLn2High))),
                                  _mm256_mul_pd(k, all(base::kLn2Low)));
  __m256d sum = all(base::kInverseFactorials[base::kExponentialDegree]);
#pragma GCC unroll 13
  for (int n = base::kExponentialDegree; n-- > 0;) {
    sum = _mm256_add_pd(_mm256_mul_pd(sum, r), all(base::kInverseFactorials[n]));
  }
  const __m256i power = _mm256_slli_epi64(
      _mm256_add_epi64(_mm256_castpd_si256(shifted), _mm256_set1_epi64x(1023)), 52);
  const __m256d too_small = _mm256_cmp_pd(x, all(base::kLeastExponent), _CMP_LT_OQ);
  return _mm256_andnot_pd(too_small, _mm256_mul_pd(sum, _mm256_castsi256_pd(power)));
}

void WeighLogits(const float* logits, size_t count, float max, double inverse_temperature,
                 uint64_t* weights) {
  const __m256d unit = _mm256_set1_pd(static_cast<double>(kLogitWeightUnit));
  // Whole numbers below 2^52 are the low bits of what they and 2^52 make.
  const __m256d low_bits = _mm256_set1_pd(0x1p52);
  const size_t whole = count / 4 * 4;
  for (size_t i = 0; i < whole; i += 4) {
    const __m256d below = _mm256_mul_pd(_mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(logits + i)),
                                                      _mm256_set1_pd(static_cast<double>(max))),
                                        _mm256_set1_pd(inverse_temperature));
    const __m256d weight = _mm256_floor_pd(
        _mm256_add_pd(_mm256_mul_pd(ExpOfNonPositive(below), unit), _mm256_set1_pd(0.5)));
    StoreInts(weights + i, _mm256_xor_si256(_mm256_castpd_si256(_mm256_add_pd(weight, low_bits)),
                                            _mm256_castpd_si256(low_bits)));
  }
  scalar::kTable.elementwise->weigh_logits(logits + whole, count - whole, max, inverse_temperature,
                                           weights + whole);
}
