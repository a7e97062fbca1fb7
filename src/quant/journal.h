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
using HashesBySlot = std::map<uint32_t, std::string>;

// What is known of a file's tensors beside their own hashes.
struct TensorFacts {
  PackErrors errors;
  HashesBySlot source_hashes;  // of the tensors that they were made of

  bool operator==(const TensorFacts&) const = default;
};

// Hashes of a complete file.
struct FileHashes {
  std::string digest;  // XXH3 over header and tensors' hashes; empty if there is no such file
  std::string sha256;  // of the bytes; empty when it was not asked for
};

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

  // Of a file recorded as complete.
  FileHashes HashesOf(const std::string& file) const;
  // Hashes of the tensors that an unfinished file is recorded to hold.
  HashesBySlot TensorsOf(const std::string& file) const;
  // What was measured of the file's tensors, complete or not.
  TensorFacts FactsOf(const std::string& file) const;
  // Both are thread-safe, and durable when they return.
  base::Status RecordTensors(const std::string& file, const HashesBySlot& hashes,
                             const TensorFacts& facts);
  base::Status Record(const std::string& file, const FileHashes& hashes, const TensorFacts& facts);
  // The conversion is complete.
  base::Status Remove();

 private:
  Journal(base::File file, std::string folder)
      : file_(std::move(file)), folder_(std::move(folder)) {}

  base::File file_;
  std::string folder_;
  std::map<std::string, FileHashes> files_;
  std::map<std::string, HashesBySlot> tensors_;
  std::map<std::string, TensorFacts> facts_;
};

}  // namespace glimmer::quant
