// The files of a folder against a list in the format of sha256sum: `<64 hex digits>  <name>`, with
// `*` before the name for binary mode, and `\` before the line when the name has escapes.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/result.h"
#include "check/finding.h"

namespace glimmer::check {

struct HashedFile {
  std::string name;    // inside the folder, a leading "./" removed
  std::string sha256;  // 64 lower-case hex digits
};

// Errors: kCorrupt with the number of the first line that is not of the format, or for a name that
// leads out of the folder or stands twice; kNotFound, kIo.
base::Result<std::vector<HashedFile>> ReadSha256List(const std::string& path);

// Bytes of the listed files that are there.
uint64_t ListedBytes(const std::string& folder, const std::vector<HashedFile>& list);

// Adds a case for each file that is missing, that differs, or that the list does not name;
// `list_path` itself, SHA256SUMS and report.html and report.json need no line. Errors: kIo,
// kCancelled.
base::Status CompareSha256(const std::string& folder, const std::string& list_path,
                           const std::vector<HashedFile>& list, size_t workers,
                           const base::CancelFlag& cancel, std::atomic<uint64_t>& bytes_done,
                           Findings& findings);

}  // namespace glimmer::check
