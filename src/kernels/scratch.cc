#include "kernels/scratch.h"

#include <vector>

namespace glimmer::kernels {

float* Scratch(size_t floats) {
  thread_local std::vector<float> memory;
  if (memory.size() < floats) memory.assign(floats, 0.0f);
  return memory.data();
}

}  // namespace glimmer::kernels
