// Which instruction set the kernels run on. Chosen once, at the first use of a kernel: the best one
// that this processor has, or the one that the environment variable GLIMMER_ISA names.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace glimmer::kernels {

enum class Isa {
  kScalar,
  kAvx2,        // AVX2, FMA, F16C
  kAvx512,      // F, BW, DQ, VL, VNNI of AVX-512 as well
  kAvx512Bf16,  // and VBMI and BF16: Zen 4, Sapphire Rapids
};

// "scalar", "avx2", "avx512", "avx512bf16".
std::string_view IsaName(Isa isa);

// Instruction sets that this processor has and this program was built for, slowest first.
std::vector<Isa> AvailableIsas();

// The one in use. A GLIMMER_ISA that cannot be had falls back to kScalar; apps call
// CheckIsaRequest() first to refuse it.
Isa ActiveIsa();

// Errors: kUnsupported when GLIMMER_ISA names an instruction set that is unknown or missing here.
base::Status CheckIsaRequest();

}  // namespace glimmer::kernels
