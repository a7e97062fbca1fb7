// E4M3 packing on vectors; the bytes and the error of the plain loop.
// Included inside namespace glimmer::kernels::GLIMMER_ISA behind cache_rows-inl.h.

struct ErrorSums {
  F64x16 errors, weights;
};

// Sixteen weights into sixteen codes.
inline void PackSixteen(const uint16_t* weights, F32x16 scale, uint8_t* codes, ErrorSums& sums) {
  const F32x16 w = WidenBf16(weights);
  const __m128i packed = NarrowToBytes(ToE4m3(Div(w, scale)));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(codes), packed);
  sums.errors = AddSquares(Sub(w, Mul(E4m3Values(packed), scale)), sums.errors);
  sums.weights = AddSquares(w, sums.weights);
}

void PackE4m3(const PackE4m3Args& args) {
  const F32x16 scale = Broadcast(args.scale);
  ErrorSums sums = {LoadF64(args.squares), LoadF64(args.squares + kErrorLanes)};
  const size_t whole = args.count / kLanes * kLanes;
  for (size_t k = 0; k < whole; k += kLanes) {
    PackSixteen(args.weights + k, scale, args.codes + k, sums);
  }
  if (whole < args.count) {  // with zeros behind, which cost no error
    const size_t rest = args.count - whole;
    uint16_t weights[kLanes] = {};
    uint8_t codes[kLanes];
    __builtin_memcpy(weights, args.weights + whole, rest * sizeof *weights);
    PackSixteen(weights, scale, codes, sums);
    __builtin_memcpy(args.codes + whole, codes, rest);
  }
  StoreF64(sums.errors, args.squares);
  StoreF64(sums.weights, args.squares + kErrorLanes);
}
