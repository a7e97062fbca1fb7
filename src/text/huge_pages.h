// An allocator for tables of megabytes that are read at random: asks the system for huge pages,
// so that a look-up waits for one cache line and not for the page tables as well, and filling the
// table takes a handful of page faults.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace glimmer::text {

constexpr size_t kHugePageBytes = size_t{2} << 20;

template <typename T>
struct HugePageAllocator {
  using value_type = T;
  HugePageAllocator() = default;
  template <typename U>
  HugePageAllocator(const HugePageAllocator<U>&) {}  // NOLINT: implicit as containers expect it

  T* allocate(size_t count) {
    size_t bytes = count * sizeof(T);
    const bool huge = bytes >= kHugePageBytes;
    const size_t alignment = huge ? kHugePageBytes : alignof(T) < 16 ? 16 : alignof(T);
    bytes = (bytes + alignment - 1) / alignment * alignment;
    void* memory = std::aligned_alloc(alignment, bytes);
    if (memory == nullptr) throw std::bad_alloc();
    if (huge) madvise(memory, bytes, MADV_HUGEPAGE);  // a wish; ordinary pages serve as well
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t) { std::free(memory); }
  bool operator==(const HugePageAllocator&) const = default;
};

}  // namespace glimmer::text
