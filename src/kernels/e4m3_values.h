// The meaning of each of the 256 E4M3 codes, and of its products with E2M1 codes, for kernels that
// look them up.
#pragma once

#include <cstdint>

namespace glimmer::kernels {

// 256 numbers; codes 0x7F and 0xFF are NaN.
const float* E4m3Values();

// [256, 16]: the BF16 of E4M3 code times E2M1 code. At most six significant bits, so exact.
const uint16_t* Nvfp4Products();

}  // namespace glimmer::kernels
