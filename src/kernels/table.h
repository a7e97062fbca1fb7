// What each instruction set provides: one function for each kernel, behind plain pointers, so that
// the files compiled with special flags share no inline code with the rest of the program (an
// inline function compiled for AVX-512 could otherwise be the copy that the linker keeps).
#pragma once

#include <cstddef>
#include <cstdint>

namespace glimmer::kernels {

struct Table {
  uint16_t (*abs_max)(const uint16_t* weights, size_t count);
  void (*pack_nvfp4)(const uint16_t* weights, size_t blocks, float tensor_scale, uint8_t* packed,
                     uint8_t* scales);
};

namespace scalar {
extern const Table kTable;
}
namespace avx2 {
extern const Table kTable;
}
namespace avx512 {
extern const Table kTable;
}

}  // namespace glimmer::kernels
