// The meaning of each of the 256 E4M3 codes, for kernels that look them up.
#pragma once

namespace glimmer::kernels {

// 256 numbers; codes 0x7F and 0xFF are NaN.
const float* E4m3Values();

}  // namespace glimmer::kernels
