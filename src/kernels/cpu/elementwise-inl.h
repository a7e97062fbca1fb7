// The operations between the matrix products, on sixteen lanes. All but the exponential are the
// scalar definitions' own steps in their order, without fused multiply-add: the same bits.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind float-inl.h.

inline float SquareRoot(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }

void RmsNorm(const float* x, const float* weight, size_t count, float eps, float* y) {
  F32x16 squares = Broadcast(0.0f);
  for (size_t i = 0; i < count; i += kLanes) {
    const F32x16 part = LoadPart(x, i, count);
    squares = Add(squares, Mul(part, part));
  }
  const float mean = HorizontalSum(squares) / static_cast<float>(count);
  const F32x16 factor = Broadcast(1.0f / SquareRoot(mean + eps));
  for (size_t i = 0; i < count; i += kLanes) {
    const F32x16 scaled = Mul(LoadPart(x, i, count), factor);
    StorePart(Mul(LoadPart(weight, i, count), scaled), y, i, count);
  }
}

void LayerNorm(const float* x, const float* weight, const float* bias, size_t count, float eps,
               float* y) {
  F32x16 sum = Broadcast(0.0f), squares = sum;
  for (size_t i = 0; i < count; i += kLanes) sum = Add(sum, LoadPart(x, i, count));
  const F32x16 mean = Broadcast(HorizontalSum(sum) / static_cast<float>(count));
  for (size_t i = 0; i < count; i += kLanes) {
    F32x16 off = Sub(LoadPart(x, i, count), mean);
    if (i + kLanes > count) {
      off = Select(ToMask((1u << (count - i)) - 1), off, Broadcast(0.0f));
    }
    squares = Add(squares, Mul(off, off));
  }
  const float variance = HorizontalSum(squares) / static_cast<float>(count);
  const F32x16 factor = Broadcast(1.0f / SquareRoot(variance + eps));
  for (size_t i = 0; i < count; i += kLanes) {
    const F32x16 scaled = Mul(Sub(LoadPart(x, i, count), mean), factor);
    StorePart(Add(Mul(LoadPart(weight, i, count), scaled), LoadPart(bias, i, count)), y, i, count);
  }
}

// With e = exp(-|g|): g / (1 + e) for g >= 0, g e / (1 + e) below, where exp(-g) could overflow.
void SiluMul(const float* gate, const float* up, size_t count, float* y) {
  for (size_t i = 0; i < count; i += kLanes) {
    const F32x16 g = LoadPart(gate, i, count);
    const F32x16 e = ExpOfNonPositive(Sub(Broadcast(0.0f), Abs(g)));
    const F32x16 top = Select(Less(g, Broadcast(0.0f)), Mul(g, e), g);
    const F32x16 silu = Div(top, Add(Broadcast(1.0f), e));
    StorePart(Mul(silu, LoadPart(up, i, count)), y, i, count);
  }
}

void AddScaled(float scale, const float* x, size_t count, float* y) {
  const F32x16 factor = Broadcast(scale);
  for (size_t i = 0; i < count; i += kLanes) {
    StorePart(Add(LoadPart(y, i, count), Mul(factor, LoadPart(x, i, count))), y, i, count);
  }
}

void Softmax(float scale, float* x, size_t count) {
  const auto load = [&](size_t i) {
    const F32x16 part = LoadPart(x, i, count);
    if (i + kLanes <= count) return part;
    return Select(ToMask((1u << (count - i)) - 1), part, Broadcast(-kInfinity));
  };
  F32x16 maxima = Broadcast(-kInfinity);
  for (size_t i = 0; i < count; i += kLanes) maxima = Max(load(i), maxima);
  const F32x16 largest = Broadcast(HorizontalMax(maxima)), factor = Broadcast(scale);
  F32x16 sums = Broadcast(0.0f);
  for (size_t i = 0; i < count; i += kLanes) {
    const F32x16 weights = ExpOfNonPositive(Mul(factor, Sub(load(i), largest)));
    sums = Add(sums, weights);
    StorePart(weights, x, i, count);
  }
  const F32x16 inverse = Broadcast(1.0f / HorizontalSum(sums));
  for (size_t i = 0; i < count; i += kLanes) {
    StorePart(Mul(LoadPart(x, i, count), inverse), x, i, count);
  }
}

inline void Rotate(const float* cosines, const float* sines, F32x16& a, F32x16& b) {
  const F32x16 c = LoadF32(cosines), s = LoadF32(sines);
  const F32x16 rotated = Sub(Mul(a, c), Mul(b, s));
  b = Add(Mul(b, c), Mul(a, s));
  a = rotated;
}

void RotateInterleaved(const float* cosines, const float* sines, size_t half, float* x) {
  const size_t whole = half / kLanes * kLanes;
  for (size_t j = 0; j < whole; j += kLanes) {
    F32x16 a = LoadF32(x + 2 * j), b = LoadF32(x + 2 * j + kLanes);
    SplitPairs(a, b);
    Rotate(cosines + j, sines + j, a, b);
    JoinPairs(a, b);
    StoreF32(a, x + 2 * j);
    StoreF32(b, x + 2 * j + kLanes);
  }
  scalar::kTable.elementwise->rotate_interleaved(cosines + whole, sines + whole, half - whole,
                                                 x + 2 * whole);
}

void RotateHalves(const float* cosines, const float* sines, size_t half, float* x) {
  if (half % kLanes != 0) {
    return scalar::kTable.elementwise->rotate_halves(cosines, sines, half, x);
  }
  for (size_t j = 0; j < half; j += kLanes) {
    F32x16 a = LoadF32(x + j), b = LoadF32(x + half + j);
    Rotate(cosines + j, sines + j, a, b);
    StoreF32(a, x + j);
    StoreF32(b, x + half + j);
  }
}

// The patterns of tensor::F32ToBf16 in the low halves.
inline I32x16 ToBf16(F32x16 x) {
  const I32x16 bits = Bits(x), high = ShiftRight<16>(bits);
  const I32x16 odd = And(high, BroadcastInt(1));
  const I32x16 rounded = ShiftRight<16>(Add(Add(bits, BroadcastInt(0x7FFF)), odd));
  return Select(IsNan(x), Or(high, BroadcastInt(0x40)), rounded);
}

void RoundToBf16(const float* from, size_t count, float* to) {
  for (size_t i = 0; i < count; i += kLanes) {
    StorePart(FromBits(ShiftLeft<16>(ToBf16(LoadPart(from, i, count)))), to, i, count);
  }
}

// tensor::F32ToE4m3Saturating.
inline I32x16 ToE4m3(F32x16 x) {
  const F32x16 size = Min(Abs(x), Broadcast(448.0f));
  const I32x16 code = Select(IsNan(x), BroadcastInt(0x7F), EncodeE4m3(size));
  return Or(code, And(ShiftRight<24>(Bits(x)), BroadcastInt(0x80)));
}

// The values of tensor::F32ToE2m1 for |x|. Adding and subtracting 1.5 * 2^23 steps rounds to steps,
// ties to even: in steps of 1/2 below 2, of 1 below 4 and of 2 from there, each of which agrees
// with the next at the boundary. NaN counts as 6.
inline F32x16 RoundToE2m1(F32x16 size) {
  const auto rounded = [&](float step) {
    const F32x16 rounder = Broadcast(0x1.8p23f * step);
    return Sub(Add(size, rounder), rounder);
  };
  const F32x16 coarse =
      Select(Less(size, Broadcast(4.0f)), rounded(1.0f), Min(rounded(2.0f), Broadcast(6.0f)));
  return Select(Less(size, Broadcast(2.0f)), rounded(0.5f), coarse);
}

void RoundToNvfp4(const float* from, size_t count, float input_scale, float* to) {
  for (size_t i = 0; i < count; i += kLanes) {
    const F32x16 x = LoadF32(from + i);
    const float nan = ToBits(IsNan(x)) == 0 ? 0.0f : __builtin_nanf("");
    const float amax = HorizontalMax(Abs(x)) + nan;
    const I32x16 code = ToE4m3(Broadcast(amax / 6.0f / input_scale));
    const F32x16 decoded =
        Select(Equal(code, BroadcastInt(0x7F)), Broadcast(nan), DecodeE4m3(code));
    const F32x16 step = Mul(decoded, Broadcast(input_scale));
    const F32x16 quotient = Div(x, step);
    const F32x16 size = Mul(RoundToE2m1(Abs(quotient)), step);
    const F32x16 sign = Select(Less(quotient, Broadcast(0.0f)), Broadcast(-0.0f), Broadcast(0.0f));
    const F32x16 zero = Broadcast(0.0f);
    StoreF32(Select(Equal(step, zero), zero, FromBits(Or(Bits(size), Bits(sign)))), to + i);
  }
}
