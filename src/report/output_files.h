// The files of the output beside the report itself and the index, with their hashes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/facts.h"

namespace glimmer::report {

struct FileEntry {
  std::string name;
  uint64_t bytes = 0;
  std::string sha256;  // of its bytes, as in SHA256SUMS
  // Of weight files: XXH3 over the header and the hashes of the tensors in their order, as in the
  // journal.
  std::string digest{};
};

// Weight files, then the others by name. A file that cannot be read has no hash.
std::vector<FileEntry> OutputFiles(const Facts& facts, const std::string& card);

}  // namespace glimmer::report
