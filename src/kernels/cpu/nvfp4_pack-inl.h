// NVFP4 packing on sixteen-lane vectors; same steps and bytes as tensor/nvfp4.h.
// Sixteen blocks at a time: their largest magnitudes are collected first, so that the sixteen block
// scales come from one division, one rounding and one decoding; then each block is divided by its
// step and rounded. The divisions are real ones: multiplying by a reciprocal changes bytes.

constexpr size_t kBlock = 16;
constexpr size_t kBlocksAtOnce = 16;
constexpr uint16_t kMagnitude = 0x7FFF;

// Positive values in [2^-9, 448] -> E4M3 codes, nearest even. Normal numbers round in the integer
// domain; below 2^-6 the code is the value in steps of 2^-9.
inline I32x16 EncodeE4m3(F32x16 t) {
  const I32x16 bits = Bits(t);
  const I32x16 odd = And(ShiftRight<20>(bits), BroadcastInt(1));
  const I32x16 rounded = ShiftRight<20>(Add(Add(bits, BroadcastInt(0x7FFFF)), odd));
  const I32x16 normal = Add(rounded, BroadcastInt(-(120 << 3)));
  const I32x16 subnormal = RoundToInt(Mul(t, Broadcast(0x1p9f)));
  return SelectLess(t, Broadcast(0x1p-6f), subnormal, normal);
}

inline F32x16 DecodeE4m3(I32x16 code) {
  const I32x16 normal = Add(ShiftLeft<20>(code), BroadcastInt(120 << 23));
  const F32x16 count = ToF32(code);
  const I32x16 subnormal = Bits(Mul(count, Broadcast(0x1p-9f)));
  return FromBits(SelectLess(count, Broadcast(8.0f), subnormal, normal));
}

// E2M1 codes of sixteen values. The grid has steps of 0.5 up to 2, of 1 up to 4, of 2 up to 6;
// rounding to each of the three grids gives three codes, and the least of them is the right one
// (ties included, since a tie to an even integer is a tie to an even code). 7 is the largest code;
// infinity and NaN round to 0x80000000 and end there too.
inline I32x16 EncodeE2m1(F32x16 x) {
  const F32x16 size = Abs(x);
  const I32x16 halves = RoundToInt(Mul(size, Broadcast(2.0f)));
  const I32x16 ones = Add(RoundToInt(size), BroadcastInt(2));
  const I32x16 twos = Add(RoundToInt(Mul(size, Broadcast(0.5f))), BroadcastInt(4));
  const I32x16 code = MinUnsigned(MinUnsigned(halves, ones), MinUnsigned(twos, BroadcastInt(7)));
  return Or(code, SelectLess(x, Broadcast(0.0f), BroadcastInt(8), BroadcastInt(0)));
}

// Sixteen codes -> eight bytes, the even element in the low nibble.
inline void StoreNibbles(I32x16 codes, uint8_t* out) {
  const __m128i pairs = _mm_maddubs_epi16(NarrowToBytes(codes), _mm_set1_epi16(0x1001));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(pairs, pairs));
}

inline F32x16 WidenBf16(const uint16_t* p) { return FromBits(ShiftLeft<16>(WidenU16(p))); }

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

// At most sixteen blocks. Lanes beyond `blocks` compute on zeros and are not stored.
inline void PackBlocks(const uint16_t* weights, size_t blocks, float tensor_scale, uint8_t* packed,
                       uint8_t* scales) {
  alignas(64) uint16_t amax[kBlocksAtOnce] = {};
  for (size_t b = 0; b < blocks; ++b) {
    const auto* block = reinterpret_cast<const __m256i*>(weights + b * kBlock);
    const __m256i magnitude = _mm256_set1_epi16(static_cast<short>(kMagnitude));
    amax[b] = HorizontalMax(_mm256_and_si256(_mm256_loadu_si256(block), magnitude));
  }
  const F32x16 zero = Broadcast(0.0f), one = Broadcast(1.0f);
  F32x16 t = Div(WidenBf16(amax), Broadcast(6.0f * tensor_scale));
  t = SelectEqual(t, zero, one, t);
  t = Min(Max(t, Broadcast(0x1p-9f)), Broadcast(448.0f));
  const I32x16 codes = EncodeE4m3(t);

  alignas(64) float steps[kBlocksAtOnce];
  StoreF32(Mul(DecodeE4m3(codes), Broadcast(tensor_scale)), steps);
  alignas(16) uint8_t code_bytes[kBlocksAtOnce];
  _mm_store_si128(reinterpret_cast<__m128i*>(code_bytes), NarrowToBytes(codes));
  for (size_t b = 0; b < blocks; ++b) scales[b] = code_bytes[b];

  for (size_t b = 0; b < blocks; ++b) {
    const F32x16 x = Div(WidenBf16(weights + b * kBlock), Broadcast(steps[b]));
    StoreNibbles(EncodeE2m1(x), packed + b * kBlock / 2);
  }
}

void PackNvfp4(const uint16_t* weights, size_t blocks, float tensor_scale, uint8_t* packed,
               uint8_t* scales) {
  size_t b = 0;
  for (; b + kBlocksAtOnce <= blocks; b += kBlocksAtOnce) {
    PackBlocks(weights + b * kBlock, kBlocksAtOnce, tensor_scale, packed + b * kBlock / 2,
               scales + b);
  }
  PackBlocks(weights + b * kBlock, blocks - b, tensor_scale, packed + b * kBlock / 2, scales + b);
}
