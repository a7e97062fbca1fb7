// Writing one safetensors file whose layout is known beforehand: tensors may arrive in any order
// and from several threads, each at its place. The file carries a `.partial` name until Publish(),
// or a caller that has several files to publish at once, renames it after a Sync(), so that the
// final name only ever stands for complete bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "io/safetensors.h"

namespace glimmer::io {

class ShardWriter {
 public:
  // Creates `folder/name.partial`, reserves `file_bytes` and writes the header.
  // Errors: kExhausted when the disk is full, kIo.
  static base::Result<ShardWriter> Create(const std::string& folder, const std::string& name,
                                          std::string_view first_bytes, uint64_t file_bytes);

  // Goes on with the `folder/name.partial` that an earlier writer left. Errors: kNotFound, kIo.
  static base::Result<ShardWriter> Reopen(const std::string& folder, const std::string& name);

  // Writes at an offset of the file, as LayOutSafetensors() gave it.
  base::Status WriteAt(std::span<const std::byte> bytes, uint64_t offset) const;
  // Makes everything written so far durable, still under the partial name.
  base::Status Sync() const { return file_.Sync(); }
  // Gives the file its final name. REQUIRES: Sync() succeeded after the last write.
  base::Status Publish() const;

 private:
  ShardWriter(base::File file, std::string folder, std::string name)
      : file_(std::move(file)), folder_(std::move(folder)), name_(std::move(name)) {}

  base::File file_;
  std::string folder_;
  std::string name_;
};

}  // namespace glimmer::io
