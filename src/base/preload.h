// Mapped files brought into memory by several threads at once, before they are used.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/mapped_file.h"
#include "base/parallel.h"

namespace glimmer::base {

// Reads all pages of the files (MappedFile::Populate) in order, `bytes_done` counting along. Where
// this process may use processors of several NUMA nodes, what is read from the disk is spread over
// the memory of these nodes page by page: every thread reads all weights, so no node is nearer.
// A memory policy that the process was started with (numactl) is left as it is.
// REQUIRES: threads >= 1. Errors: those of Populate; kCancelled, soon after the flag was set.
Status Preload(std::span<const MappedFile> files, size_t threads, std::atomic<uint64_t>& bytes_done,
               const CancelFlag& cancel);

}  // namespace glimmer::base
