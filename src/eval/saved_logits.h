// Logits of a text on disk, to compare another model or another program with: a safetensors file of
//   logits     F32 [T, V]      row t is the prediction behind token t
//   input_ids  I32 [T]         the text
//   mtp_logits F32 [T - 1, V]  optional; row t is the MTP layer's draft of token t + 2
// and nothing else. Both directions stream: a caller holds as many rows as it likes, we hold none.
// Source: docs/evaluation.md#saved-logits.
// Threads: one thread for a writer; const use of a reader from several is safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "io/safetensors.h"
#include "io/shard_writer.h"
#include "text/token.h"

namespace glimmer::eval {

enum class MtpLogits { kAbsent, kPresent };

class LogitsWriter {
 public:
  // Creates `path.partial`, reserves the space of the whole file and writes header and input_ids.
  // Errors: kNotFound for the folder, kExhausted when the disk is full, kIo.
  // REQUIRES: at least two ids, all below vocab_size.
  static base::Result<LogitsWriter> Create(const std::string& path,
                                           std::span<const text::TokenId> input_ids,
                                           uint64_t vocab_size, MtpLogits mtp);

  // The next rows [n, V] of `logits` or `mtp_logits`, in order of position.
  // REQUIRES: whole rows, together no more than the tensor has.
  base::Status Append(std::span<const float> rows);
  base::Status AppendMtp(std::span<const float> rows);
  // Syncs the file and gives it its name. REQUIRES: every row was appended.
  base::Status Finish();

  // Without Finish() nothing is left behind.
  LogitsWriter(LogitsWriter&&) noexcept = default;
  LogitsWriter& operator=(LogitsWriter&&) noexcept = default;
  ~LogitsWriter();

 private:
  struct Section {
    uint64_t offset = 0;  // in the file, of the next row
    uint64_t left_bytes = 0;
  };

  LogitsWriter(io::ShardWriter file, std::string path)
      : file_(std::move(file)), unfinished_(std::make_unique<std::string>(std::move(path))) {}
  base::Status AppendTo(Section& section, std::span<const float> rows);

  io::ShardWriter file_;
  std::unique_ptr<std::string> unfinished_;  // the file's path, until it is complete
  uint64_t row_bytes_ = 0;
  Section logits_, mtp_logits_;
};

class SavedLogits {
 public:
  // Opens a file and compares it with the text of this run. Errors: kNotFound, kIo; kCorrupt for a
  // malformed file; kInvalid when tensors, element types or shapes are others than above, the
  // vocabulary has another size, or the text is another, named by the first position that differs.
  static base::Result<SavedLogits> Open(const std::string& path,
                                        std::span<const text::TokenId> input_ids,
                                        uint64_t vocab_size);

  const std::string& path() const { return file_.path(); }
  bool has_mtp() const { return mtp_logits_offset_ != 0; }
  // Fills `out` [V] with row `row` of `logits`. REQUIRES: row < T.
  base::Status ReadRow(size_t row, std::span<float> out) const;
  // The same of `mtp_logits`. REQUIRES: has_mtp(); row < T - 1.
  base::Status ReadMtpRow(size_t row, std::span<float> out) const;

 private:
  explicit SavedLogits(base::File file) : file_(std::move(file)) {}
  base::Status ReadRowAt(uint64_t tensor_offset, size_t row, std::span<float> out) const;

  base::File file_;
  uint64_t token_count_ = 0;
  uint64_t vocab_size_ = 0;
  uint64_t logits_offset_ = 0;
  uint64_t mtp_logits_offset_ = 0;  // 0 without the tensor: a header comes first
};

}  // namespace glimmer::eval
