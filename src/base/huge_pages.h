// Memory for megabytes that are read at random or from end to end: asks the system for huge pages,
// so that a look-up waits for one cache line and not for the page tables as well, and filling them
// takes a handful of page faults.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace glimmer::base {

constexpr size_t kHugePageBytes = size_t{2} << 20;

// At least `bytes` bytes that nobody has set, aligned to 64 or more. Throws std::bad_alloc.
inline void* AllocateHuge(size_t bytes) {
  const bool huge = bytes >= kHugePageBytes;
  const size_t alignment = huge ? kHugePageBytes : 64;
  bytes = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, bytes);
  if (memory == nullptr) throw std::bad_alloc();
  if (huge) madvise(memory, bytes, MADV_HUGEPAGE);  // a wish; ordinary pages serve as well
  return memory;
}

struct FreeHuge {
  void operator()(std::byte* p) const { std::free(p); }
};
using HugeBytes = std::unique_ptr<std::byte[], FreeHuge>;

// The same, owned. Threads that fill a part each share the page faults too.
inline HugeBytes AllocateHugeBytes(size_t bytes) {
  return HugeBytes(static_cast<std::byte*>(AllocateHuge(bytes)));
}

template <typename T>
struct HugePageAllocator {
  using value_type = T;
  HugePageAllocator() = default;
  template <typename U>
  HugePageAllocator(const HugePageAllocator<U>&) {}  // NOLINT: implicit as containers expect it

  T* allocate(size_t count) {
    static_assert(alignof(T) <= 64);
    return static_cast<T*>(AllocateHuge(count * sizeof(T)));
  }
  void deallocate(T* memory, size_t) { std::free(memory); }
  bool operator==(const HugePageAllocator&) const = default;
};

}  // namespace glimmer::base
