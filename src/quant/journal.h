// The record of a conversion in progress: what it was asked for, which files are complete with
// which content, and of files that are not, which tensors are. One sealed line each
// (base/sealed_line.h), appended and synced before a file gets its final name, so that after a kill
// at any moment --resume knows exactly what it may keep; what a damaged line named is done again.
// The open journal is also the lock of the output folder.
#pragma once

#include <map>
#include <string>

#include "base/file.h"
#include "base/json_types.h"
#include "base/result.h"
#include "kernels/nvfp4_pack.h"

namespace glimmer::quant {

// Of packed tensors, how far they are from the original.
using PackErrors = std::map<uint32_t, kernels::PackError>;  // by slot

inline constexpr char kJournalName[] = ".glimmer-journal.jsonl";

class Journal {
 public:
  // Opens or starts the journal in `folder`. `settings` are the facts that must not change between
  // the attempts, each a text under the name that an error mentions.
  // Errors: kInvalid naming what has changed, or that another process is at work; kCorrupt when the
  // line of the settings is damaged and others are not.
  static base::Result<Journal> Open(const std::string& folder, const base::JsonObject& settings);
  static bool Exists(const std::string& folder);
  // Compares the settings of an existing journal without opening it for writing.
  static base::Status CheckSettings(const std::string& folder, const base::JsonObject& settings);

  // Digest of a file recorded as complete; empty if there is none.
  std::string DigestOf(const std::string& file) const;
  // Hashes of the tensors that an unfinished file is recorded to hold, by slot.
  std::map<uint32_t, std::string> TensorsOf(const std::string& file) const;
  // What was measured of the file's tensors, complete or not.
  PackErrors ErrorsOf(const std::string& file) const;
  // Both are thread-safe, and durable when they return.
  base::Status RecordTensors(const std::string& file, const std::map<uint32_t, std::string>& hashes,
                             const PackErrors& errors);
  base::Status Record(const std::string& file, const std::string& digest, const PackErrors& errors);
  // The conversion is complete.
  base::Status Remove();

 private:
  Journal(base::File file, std::string folder)
      : file_(std::move(file)), folder_(std::move(folder)) {}

  base::File file_;
  std::string folder_;
  std::map<std::string, std::string> digests_;
  std::map<std::string, std::map<uint32_t, std::string>> tensors_;
  std::map<std::string, PackErrors> errors_;
};

}  // namespace glimmer::quant
