#include "base/preload.h"

#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <vector>

#include "base/processors.h"

namespace glimmer::base {
namespace {

// What one thread reads before it looks at the cancel flag: many of them at once, on a disk that
// gives 500 MB/s, end within a second. Whole huge pages.
constexpr uint64_t kChunkBytes = 4 << 20;
// More readers gain nothing on any disk, and pages already in memory take little time.
constexpr size_t kMaxReaders = 32;

struct Chunk {
  const MappedFile* file;
  uint64_t offset;
};

std::vector<Chunk> ChunksOf(std::span<const MappedFile> files) {
  std::vector<Chunk> chunks;
  for (const MappedFile& file : files) {
    for (uint64_t offset = 0; offset < file.bytes().size(); offset += kChunkBytes) {
      chunks.push_back({&file, offset});
    }
  }
  return chunks;
}

// While it lives, pages that the calling thread brings into memory alternate between these nodes.
// Nothing happens with fewer than two nodes, or where a policy was chosen already.
class InterleavesPages {
 public:
  explicit InterleavesPages(const std::vector<size_t>& nodes) {
    int policy = MPOL_DEFAULT;
    if (nodes.size() < 2) return;
    if (::syscall(SYS_get_mempolicy, &policy, nullptr, 0, nullptr, 0) != 0) return;
    if (policy != MPOL_DEFAULT) return;
    constexpr size_t kWordBits = sizeof(unsigned long) * CHAR_BIT;
    std::vector<unsigned long> mask(nodes.back() / kWordBits + 1);
    for (const size_t node : nodes) mask[node / kWordBits] |= 1ul << node % kWordBits;
    // The kernel takes one bit fewer than it is told of.
    active_ = ::syscall(SYS_set_mempolicy, MPOL_INTERLEAVE, mask.data(),
                        mask.size() * kWordBits + 1) == 0;
  }
  ~InterleavesPages() {
    if (active_) ::syscall(SYS_set_mempolicy, MPOL_DEFAULT, nullptr, 0);
  }
  InterleavesPages(const InterleavesPages&) = delete;
  InterleavesPages& operator=(const InterleavesPages&) = delete;

 private:
  bool active_ = false;
};

}  // namespace

Status Preload(std::span<const MappedFile> files, size_t threads, std::atomic<uint64_t>& bytes_done,
               const CancelFlag& cancel) {
  const std::vector<Chunk> chunks = ChunksOf(files);
  const std::vector<size_t> nodes = NodesOf(ReadProcessors(AllowedCpus()));
  return RunJobs(chunks.size(), std::min(threads, kMaxReaders), [&](size_t i, size_t) -> Status {
    if (cancel.IsSet()) return Cancelled("stopped while weights were loaded");
    const InterleavesPages policy(nodes);
    const Chunk& chunk = chunks[i];
    GLIMMER_TRY(chunk.file->Populate(chunk.offset, kChunkBytes));
    bytes_done += std::min(kChunkBytes, chunk.file->bytes().size() - chunk.offset);
    return {};
  });
}

}  // namespace glimmer::base
