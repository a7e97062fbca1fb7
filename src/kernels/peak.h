// What this processor and its memory do when nothing holds them up: multiply-adds between
// registers, and reading an array. The ceilings that speeds are given as shares of.
// Everything runs on the calling thread alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace glimmer::kernels {

enum class PeakKind : uint8_t {
  kF32,   // fused multiply-adds of F32
  kBf16,  // products of BF16 pairs with F32 sums, where the processor has instructions for them;
          // otherwise the same as kF32, since BF16 is then widened
  kInt8,  // products of INT8 with INT32 sums: of four in one instruction where the processor has
          // it, otherwise of pairs through INT16
};

// Runs about `millions` million multiply-adds and returns how many operations that were, a
// multiply-add being two.
double RunPeak(PeakKind kind, size_t millions);
// The instruction that RunPeak consists of: "vdpbf16ps", "vfmadd231ps".
std::string_view PeakInstruction(PeakKind kind);
// Whether kBf16 has instructions of its own here.
bool HasBf16Products();

// Reads every cache line of the words once, in the order of their addresses, and returns some
// function of them. At the rate of the memory when the array is larger than the caches.
uint64_t ReadOnce(std::span<const uint64_t> words);

}  // namespace glimmer::kernels
