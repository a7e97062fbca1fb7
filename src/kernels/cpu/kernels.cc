// The vector kernels of one instruction set. CMake compiles this file once for each of them, with
// GLIMMER_ISA naming the namespace and the matching compiler flags (see table.h for why nothing
// else may be included here).
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/table.h"

namespace glimmer::kernels::GLIMMER_ISA {
namespace {

#include "kernels/cpu/vec-inl.h"
//
#include "kernels/cpu/nvfp4_pack-inl.h"
//
#include "kernels/cpu/matmul-inl.h"
//
#include "kernels/cpu/float-inl.h"
//
#include "kernels/cpu/elementwise-inl.h"
//
#include "kernels/cpu/cache_rows-inl.h"
//
#include "kernels/cpu/attention-inl.h"
//
#include "kernels/cpu/indexer-inl.h"
//
#include "kernels/cpu/head_products-inl.h"

constexpr ElementwiseTable kElementwise = {
    RmsNorm,      LayerNorm,   SiluMul,      AddScaled, Softmax, RotateInterleaved,
    RotateHalves, RoundToBf16, RoundToNvfp4, StoreRow,  LoadRow};
constexpr AttentionTable kAttention = {
    Attend,       ScoreKeys, kF32HeadProducts, kBf16HeadProducts, kNvfp4HeadProducts,
    CountBuckets, ListChosen};

}  // namespace

const Table kTable = {AbsMax,      PackNvfp4,   PackError,     MatMulF32,  MatMulBf16,
                      MatMulNvfp4, WeightedSum, &kElementwise, &kAttention};

}  // namespace glimmer::kernels::GLIMMER_ISA
