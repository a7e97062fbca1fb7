#include "kernels/scratch.h"

#include <algorithm>

#include "tensor/matrix.h"

namespace glimmer::kernels {

float* Scratch(size_t floats) {
  thread_local tensor::OwnedMatrix memory;
  if (memory.cols() < floats) {
    memory = tensor::OwnedMatrix(1, floats);
    std::ranges::fill(memory.elements(), 0.0f);
  }
  return memory.row(0);
}

}  // namespace glimmer::kernels
