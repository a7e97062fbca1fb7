// NVFP4 packing on vectors; same bytes as tensor/nvfp4.h, without dividing each weight.
//
// A block's codes depend on |w| / step, rounded to F32, against seven bounds. Division is monotone,
// so for each block and bound there is a least BF16 magnitude that reaches the bound, and the code
// of a weight is the number of these thresholds that its magnitude reaches: seven 16-bit integer
// comparisons for sixteen weights at once. docs/kernels/nvfp4-pack.md proves the thresholds exact.
//
// Sixteen blocks are done together, so that their scales and thresholds are vectors too.

constexpr size_t kBlock = 16;
constexpr size_t kBlocksAtOnce = 16;
constexpr uint16_t kMagnitude = 0x7FFF;
// Above this step a quotient of the least BF16 could underflow to zero and lose its sign; tensors
// whose blocks could have such a step (weights of about 4e5 and more) take the plain path.
constexpr float kMaxStep = 65536.0f;

// A quotient has code k + 1 or more iff it is at least kBound[k]. Ties go to the even code: up at
// 0.75, 1.75 and 3.5, which are bounds themselves, and down at 0.25, 1.25, 2.5 and 5, in whose
// place the next larger float stands.
constexpr size_t kBounds = 7;
constexpr float kBound[kBounds] = {0x1.000002p-2f, 0.75f, 0x1.400002p0f, 1.75f,
                                   0x1.400002p1f,  3.5f,  0x1.400002p2f};

// Positive values in [2^-9, 448] -> E4M3 codes, nearest even. Normal numbers round in the integer
// domain; below 2^-6 the code is the value in steps of 2^-9.
inline I32x16 EncodeE4m3(F32x16 t) {
  const I32x16 bits = Bits(t);
  const I32x16 odd = And(ShiftRight<20>(bits), BroadcastInt(1));
  const I32x16 rounded = ShiftRight<20>(Add(Add(bits, BroadcastInt(0x7FFFF)), odd));
  const I32x16 normal = Add(rounded, BroadcastInt(-(120 << 3)));
  const I32x16 subnormal = RoundToInt(Mul(t, Broadcast(0x1p9f)));
  return Select(Less(t, Broadcast(0x1p-6f)), subnormal, normal);
}

inline F32x16 DecodeE4m3(I32x16 code) {
  const I32x16 normal = Add(ShiftLeft<20>(code), BroadcastInt(120 << 23));
  const F32x16 count = ToF32(code);
  const I32x16 subnormal = Bits(Mul(count, Broadcast(0x1p-9f)));
  return FromBits(Select(Less(count, Broadcast(8.0f)), subnormal, normal));
}

inline F32x16 WidenBf16(const uint16_t* p) { return FromBits(ShiftLeft<16>(WidenU16(p))); }

// For each of sixteen steps, one less than the least BF16 magnitude whose quotient reaches the
// bound. The product bound * step, cut to BF16, is that magnitude or the one before it; one
// division tells which.
inline I32x16 ThresholdBelow(F32x16 steps, size_t bound) {
  const F32x16 limit = Broadcast(kBound[bound]);
  const I32x16 cut = And(Bits(Mul(limit, steps)), BroadcastInt(static_cast<int32_t>(0xFFFF0000)));
  const F32x16 quotient = Div(FromBits(cut), steps);
  const Mask fails = Less(quotient, limit);
  const I32x16 magnitude = ShiftRight<16>(cut);
  return Select(fails, magnitude, Add(magnitude, BroadcastInt(-1)));
}

struct Thresholds {
  alignas(64) int16_t below[kBounds][kBlocksAtOnce];
};

// Codes of one block, one to a 16-bit lane.
inline __m256i EncodeBlock(const uint16_t* weights, const Thresholds& thresholds, size_t block) {
  const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights));
  const __m256i magnitude = _mm256_and_si256(w, _mm256_set1_epi16(kMagnitude));
  __m256i code = _mm256_setzero_si256();
  for (size_t k = 0; k < kBounds; ++k) {
    const __m256i below = _mm256_set1_epi16(thresholds.below[k][block]);
    code = _mm256_sub_epi16(code, _mm256_cmpgt_epi16(magnitude, below));
  }
  const __m256i nonzero = _mm256_cmpgt_epi16(magnitude, _mm256_setzero_si256());
  const __m256i sign = _mm256_and_si256(_mm256_srli_epi16(w, 12), _mm256_set1_epi16(8));
  return _mm256_or_si256(code, _mm256_and_si256(sign, nonzero));
}

// Codes of two blocks -> sixteen bytes, the even element of each pair in the low nibble.
inline __m128i JoinNibbles(__m256i a, __m256i b) {
  const __m256i bytes = _mm256_packus_epi16(a, b);  // within each half: eight of a, eight of b
  const __m256i pairs = _mm256_maddubs_epi16(bytes, _mm256_set1_epi16(0x1001));
  const __m256i packed = _mm256_packus_epi16(pairs, pairs);
  return _mm_unpacklo_epi32(_mm256_castsi256_si128(packed), _mm256_extracti128_si256(packed, 1));
}

uint16_t AbsMax(const uint16_t* weights, size_t count) {
  constexpr size_t kChains = 4;
  U16xN largest[kChains] = {ZeroU16(), ZeroU16(), ZeroU16(), ZeroU16()};
  size_t i = 0;
  for (; i + kChains * kU16Lanes <= count; i += kChains * kU16Lanes) {
    for (size_t c = 0; c < kChains; ++c) {
      largest[c] = Max(largest[c], And(LoadU16(weights + i + c * kU16Lanes), kMagnitude));
    }
  }
  const U16xN all = Max(Max(largest[0], largest[1]), Max(largest[2], largest[3]));
  uint16_t amax = HorizontalMax(FoldHalves(all));
  for (; i < count; ++i) {
    const uint16_t magnitude = weights[i] & kMagnitude;
    if (magnitude > amax) amax = magnitude;
  }
  return amax;
}

// Sixteen blocks.
inline void PackBlocks(const uint16_t* weights, float tensor_scale, uint8_t* packed,
                       uint8_t* scales) {
  alignas(64) uint16_t amax[kBlocksAtOnce];
  const __m256i magnitude = _mm256_set1_epi16(kMagnitude);
  for (size_t b = 0; b < kBlocksAtOnce; ++b) {
    const auto* block = reinterpret_cast<const __m256i*>(weights + b * kBlock);
    amax[b] = HorizontalMax(_mm256_and_si256(_mm256_loadu_si256(block), magnitude));
  }
  F32x16 t = Div(WidenBf16(amax), Broadcast(6.0f * tensor_scale));
  t = FromBits(Select(LessEqual(t, Broadcast(0.0f)), Bits(Broadcast(1.0f)), Bits(t)));
  t = Min(Max(t, Broadcast(0x1p-9f)), Broadcast(448.0f));
  const I32x16 codes = EncodeE4m3(t);
  const F32x16 steps = Mul(DecodeE4m3(codes), Broadcast(tensor_scale));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(scales), NarrowToBytes(codes));

  Thresholds thresholds;
  for (size_t k = 0; k < kBounds; ++k) {
    StoreAsI16(ThresholdBelow(steps, k), thresholds.below[k]);
  }
  for (size_t b = 0; b < kBlocksAtOnce; b += 2) {
    const __m256i even = EncodeBlock(weights + b * kBlock, thresholds, b);
    const __m256i odd = EncodeBlock(weights + (b + 1) * kBlock, thresholds, b + 1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(packed + b * kBlock / 2), JoinNibbles(even, odd));
  }
}

void PackNvfp4(const uint16_t* weights, size_t blocks, float tensor_scale, uint8_t* packed,
               uint8_t* scales) {
  // 448 is the largest block scale.
  const size_t vector_blocks =
      448.0f * tensor_scale <= kMaxStep ? blocks / kBlocksAtOnce * kBlocksAtOnce : 0;
  for (size_t b = 0; b < vector_blocks; b += kBlocksAtOnce) {
    PackBlocks(weights + b * kBlock, tensor_scale, packed + b * kBlock / 2, scales + b);
  }
  scalar::kTable.pack_nvfp4(weights + vector_blocks * kBlock, blocks - vector_blocks, tensor_scale,
                            packed + vector_blocks * kBlock / 2, scales + vector_blocks);
}

void PackError(const PackErrorArgs& args) {
  F64x16 errors = LoadF64(args.squares), weights = LoadF64(args.squares + kBlock);
  for (size_t b = 0; b < args.blocks; ++b) {
    const F32x16 step = Broadcast(args.e4m3_values[args.scales[b]] * args.tensor_scale);
    const F32x16 w = WidenBf16(args.weights + b * kBlock);
    errors = AddSquares(Sub(w, Mul(DecodeE2m1(args.packed + b * kBlock / 2), step)), errors);
    weights = AddSquares(w, weights);
  }
  StoreF64(errors, args.squares);
  StoreF64(weights, args.squares + kBlock);
}
