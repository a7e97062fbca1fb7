// Calibration data: the token sequences that a model is run on to see what its layers' inputs look
// like, read from files in the order given and each file from its beginning, without shuffling.
//
//   JSON lines   one sample a line (row.h): every name that does not end in .txt
//   .txt         one text: encoded from its beginning and cut every seq_len tokens; the last
//                sample is shorter
//   .gz, .zst    behind either; told by the content (byte_stream.h)
//
// Samples longer than seq_len lose their right end. There is no padding. Lines that give no sample
// are skipped, counted, and replaced by the lines that follow. Memory: one line (line_reader.h),
// its tokens, and the result.
//
// Source: modelopt 0.47, get_dataset_dataloader(pack=False); docs/calibration-data.md.
// Threads: one thread for a call; calls with tokenizers of their own may run at once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/result.h"
#include "data/calibration_file.h"
#include "data/model_text.h"
#include "data/row.h"
#include "data/skip.h"
#include "text/token.h"

namespace glimmer::data {

struct DataOptions {
  std::vector<CalibrationFile> files;
  uint64_t samples = 256;   // of all files; see ShareSamples
  uint64_t seq_len = 2048;  // tokens of the longest sample
  Turns turns = Turns::kJoined;
};

// What a file gave.
struct FileReport {
  std::string path;
  std::string sha256;  // of the whole file as it stands on the disk, read or not
  uint64_t samples_asked = 0;
  uint64_t samples = 0;  // fewer when the file has no more
  uint64_t tokens = 0;
  uint64_t truncated = 0;  // samples that were longer than seq_len
  uint64_t lines = 0;      // that were read and are not blank
  std::vector<SkippedLines> skipped = {};
};

struct CalibrationSet {
  std::vector<std::vector<text::TokenId>> sequences;  // none is empty
  std::vector<FileReport> files;                      // as in DataOptions
  // SHA-256 over all sequences in their order: the length as 64 bits, then each id as 32 bits, all
  // little-endian.
  std::string fingerprint;
};

// Errors, all with the file's name and, inside a file, the line's number: those of ShareSamples,
// ByteStream, LineReader and the loaders in `model`; kInvalid for a seq_len of 0, for a file
// without a single sample, and for ids outside the vocabulary; kCancelled.
// REQUIRES: 0 < model.vocab_size <= text::kMaxTokenId + 1.
base::Result<CalibrationSet> ReadCalibrationSet(const DataOptions& options, const ModelText& model,
                                                const base::CancelFlag& cancel);

// What the user should know about a file that was read: fewer samples than asked, lines skipped.
// One sentence each; none when all is well.
std::vector<std::string> Warnings(const FileReport& file);

}  // namespace glimmer::data
