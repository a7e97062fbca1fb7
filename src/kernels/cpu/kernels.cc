// The vector kernels of one instruction set. CMake compiles this file once for each of them, with
// GLIMMER_ISA naming the namespace and the matching compiler flags (see table.h for why nothing
// else that has functions may be included here).
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "base/exponential_terms.h"
#include "kernels/table.h"

namespace glimmer::kernels::GLIMMER_ISA {
namespace {

#include "kernels/cpu/vec-inl.h"
//
#include "kernels/cpu/nvfp4_pack-inl.h"
//
#include "kernels/cpu/weight_rows-inl.h"
//
#include "kernels/cpu/matmul-inl.h"
//
#include "kernels/cpu/nvfp4_ints-inl.h"
//
#include "kernels/cpu/nvfp4_few-inl.h"
//
#include "kernels/cpu/int_panel-inl.h"
//
#include "kernels/cpu/nvfp4_many-inl.h"
//
#include "kernels/cpu/pack_int-inl.h"
//
#include "kernels/cpu/float-inl.h"
//
#include "kernels/cpu/elementwise-inl.h"
//
#include "kernels/cpu/logit_weights-inl.h"
//
#include "kernels/cpu/cache_rows-inl.h"
//
#include "kernels/cpu/e4m3_pack-inl.h"
//
#include "kernels/cpu/attention-inl.h"
//
#include "kernels/cpu/indexer-inl.h"
//
#include "kernels/cpu/indexer_int-inl.h"
//
#include "kernels/cpu/head_rows-inl.h"
//
#include "kernels/cpu/head_products-inl.h"
//
#include "kernels/cpu/head_int-inl.h"
#if GLIMMER_BF16_PAIRS
#include "kernels/cpu/bf16_pairs-inl.h"
//
#include "kernels/cpu/bf16_matmul-inl.h"
//
#include "kernels/cpu/indexer_bf16-inl.h"

constexpr Bf16Table kBf16Pairs = {PairsBf16, PairsNvfp4,       PackPairs,
                                  Narrow,    ScoreKeysByPairs, DotPairsOnce};
constexpr const Bf16Table* kBf16 = &kBf16Pairs;
#else
constexpr const Bf16Table* kBf16 = nullptr;
#endif

constexpr ElementwiseTable kElementwise = {
    RmsNorm,      LayerNorm,   SiluMul,      AddScaled, Softmax, RotateInterleaved,
    RotateHalves, RoundToBf16, RoundToNvfp4, StoreRow,  LoadRow, WeighLogits};
constexpr AttentionTable kAttention = {
    Attend,           ScoreKeys,         ScoreKeysByWords,   PackQueries,
    kF32HeadProducts, kBf16HeadProducts, kNvfp4HeadProducts, SumRowsByWords,
    CountBuckets,     ListChosen};

}  // namespace

const Table kTable = {
    .abs_max = AbsMax,
    .pack_nvfp4 = PackNvfp4,
    .pack_error = PackError,
    .pack_e4m3 = PackE4m3,
    .matmul_plain = {PlainF32, PlainBf16, PlainNvfp4, PlainE4m3},
    .matmul_groups = {GroupsF32, GroupsBf16, GroupsNvfp4, GroupsE4m3},
    .matmul_int16 = MatMulInt16,
    .matmul_int8 = MatMulInt8,
    .matmul_int16_groups = MatMulInt16Groups,
    .matmul_int8_groups = MatMulInt8Groups,
    .pack_group = PackGroup,
    .pack_int16 = PackInt16,
    .pack_int8 = PackInt8,
    .pack_int16_group = PackInt16Group,
    .pack_int8_group = PackInt8Group,
    .elementwise = &kElementwise,
    .attention = &kAttention,
    .bf16 = kBf16,
};

}  // namespace glimmer::kernels::GLIMMER_ISA
