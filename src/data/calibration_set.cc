#include "data/calibration_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/sha256.h"
#include "base/text.h"
#include "data/encoder.h"
#include "data/line_reader.h"
#include "data/text_blocks.h"

namespace glimmer::data {
namespace {

using base::Result;
using base::Status;
using text::TokenId;

constexpr std::string_view kTextEnding = ".txt";

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

bool IsPlainText(std::string_view path) {
  return WithoutCompressedEnding(path).ends_with(kTextEnding);
}

// Reads one file to the end of its share.
class FileReading {
 public:
  FileReading(const DataOptions& options, Encoder& encoder, FileReport& report,
              std::vector<std::vector<TokenId>>& sequences, const base::CancelFlag& cancel)
      : options_(options),
        encoder_(encoder),
        report_(report),
        sequences_(sequences),
        cancel_(cancel) {}

  Status ReadRows(LineReader& reader);
  Status ReadText(LineReader& reader);

 private:
  bool Full() const { return report_.samples == report_.samples_asked; }
  Result<std::optional<Line>> NextLine(LineReader& reader) const;
  Result<Encoder::Encoded> SampleOf(std::string_view line);
  Status AddBlock(uint64_t last_line);
  void AddSample(std::vector<TokenId> ids);
  void CutSamples(size_t least_tokens);

  const DataOptions& options_;
  Encoder& encoder_;
  FileReport& report_;
  std::vector<std::vector<TokenId>>& sequences_;
  const base::CancelFlag& cancel_;
  TextBlocks blocks_;
  std::vector<TokenId> pending_;  // of a plain text, not yet in a sample
};

Result<std::optional<Line>> FileReading::NextLine(LineReader& reader) const {
  if (cancel_.IsSet()) return base::Cancelled("stopped");
  return reader.Next();
}

void FileReading::AddSample(std::vector<TokenId> ids) {
  if (ids.size() > options_.seq_len) {
    ids.resize(options_.seq_len);
    ++report_.truncated;
  }
  ids.shrink_to_fit();
  ++report_.samples;
  report_.tokens += ids.size();
  sequences_.push_back(std::move(ids));
}

Result<Encoder::Encoded> FileReading::SampleOf(std::string_view line) {
  GLIMMER_ASSIGN(Row row, ParseRow(line, {options_.turns, encoder_.vocab_size()}));
  Encoder::Encoded made = Skip{SkipReason::kNoTokens, "the text is empty"};
  if (auto* ids = std::get_if<std::vector<TokenId>>(&row)) {
    made = std::move(*ids);
  } else if (auto* skip = std::get_if<Skip>(&row)) {
    made = std::move(*skip);
  } else if (const auto* input = std::get_if<chat::ChatInput>(&row)) {
    GLIMMER_ASSIGN(made, encoder_.EncodeChat(*input));
  } else if (const auto& text = std::get<std::string>(row); !text.empty()) {
    GLIMMER_ASSIGN(made, encoder_.EncodeSample(text));
  }
  const auto* ids = std::get_if<std::vector<TokenId>>(&made);
  if (ids != nullptr && ids->empty()) made = Skip{SkipReason::kNoTokens, "it gives no token"};
  return made;
}

Status FileReading::ReadRows(LineReader& reader) {
  while (!Full()) {
    GLIMMER_ASSIGN(const std::optional<Line> line, NextLine(reader));
    if (!line) break;
    if (IsBlank(line->bytes)) continue;
    ++report_.lines;
    auto sample = SampleOf(line->bytes);
    if (!sample.ok()) {
      return std::move(sample).error().In(
          fmt::format("{}: line {}", base::Quoted(report_.path), line->number));
    }
    if (auto* skip = std::get_if<Skip>(&sample.value())) {
      AddSkip(*line, std::move(*skip), report_.skipped);
    } else {
      AddSample(std::get<std::vector<TokenId>>(std::move(sample).value()));
    }
  }
  return {};
}

void FileReading::CutSamples(size_t least_tokens) {
  size_t begin = 0;
  while (!Full() && pending_.size() - begin >= least_tokens) {
    const size_t count = std::min<size_t>(options_.seq_len, pending_.size() - begin);
    const auto ids = std::span(pending_).subspan(begin, count);
    AddSample({ids.begin(), ids.end()});
    begin += count;
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(begin));
}

Status FileReading::AddBlock(uint64_t last_line) {
  const std::string block = blocks_.Take();
  if (block.empty()) return {};
  auto encoded = encoder_.EncodePiece(block);
  if (!encoded.ok()) return std::move(encoded).error().In(base::Quoted(report_.path));
  if (auto* skip = std::get_if<Skip>(&encoded.value())) {
    AddSkip({last_line, block}, std::move(*skip), report_.skipped);
    return {};
  }
  const auto& ids = std::get<std::vector<TokenId>>(encoded.value());
  pending_.insert(pending_.end(), ids.begin(), ids.end());
  CutSamples(options_.seq_len);
  return {};
}

Status FileReading::ReadText(LineReader& reader) {
  uint64_t last = 0;
  while (!Full()) {
    GLIMMER_ASSIGN(const std::optional<Line> line, NextLine(reader));
    if (!line) break;
    if (!IsBlank(line->bytes)) ++report_.lines;
    if (auto skip = EncodingProblem(line->bytes)) {
      AddSkip(*line, *std::move(skip), report_.skipped);
      continue;
    }
    if (blocks_.EndsBefore(line->bytes)) GLIMMER_TRY(AddBlock(last));
    blocks_.Add(line->bytes);
    last = line->number;
  }
  const bool is_blank = report_.lines == CountSkipped(report_.skipped);
  if (Full() || is_blank) return {};
  GLIMMER_TRY(AddBlock(last));
  CutSamples(1);
  return {};
}

Status CheckHasSamples(const FileReport& report) {
  if (report.samples > 0) return {};
  const std::string expected =
      IsPlainText(report.path)
          ? std::string("UTF-8 text")
          : fmt::format("JSON lines, each an object with one of {}", kRowFields);
  if (report.lines == 0) {
    return base::Invalid(
        fmt::format("{}: holds no text; expected {}", base::Quoted(report.path), expected));
  }
  return base::Invalid(fmt::format("{}: none of its {} lines gives a sample; expected {}; found {}",
                                   base::Quoted(report.path), base::WithCommas(report.lines),
                                   expected, Described(report.skipped)));
}

Status ReadFile(const CalibrationFile& file, const DataOptions& options, Encoder& encoder,
                const base::CancelFlag& cancel, CalibrationSet& set, FileReport& report) {
  auto stream =
      file.built_in ? ByteStream::OfMemory(file.path, *file.built_in) : ByteStream::Open(file.path);
  if (!stream.ok()) return std::move(stream).error();
  LineReader reader(std::move(stream).value());
  FileReading reading(options, encoder, report, set.sequences, cancel);
  GLIMMER_TRY(IsPlainText(file.path) ? reading.ReadText(reader) : reading.ReadRows(reader));
  GLIMMER_TRY(CheckHasSamples(report));
  if (file.built_in) {
    report.sha256 = base::Sha256Of(*file.built_in);
  } else {
    GLIMMER_ASSIGN(report.sha256, base::Sha256OfFile(file.path, cancel));
  }
  return {};
}

template <size_t kBytes>
void AddLittleEndian(base::Sha256& hash, uint64_t value) {
  std::array<std::byte, kBytes> bytes;
  for (size_t i = 0; i < kBytes; ++i) bytes[i] = static_cast<std::byte>(value >> (8 * i));
  hash.Add(bytes);
}

std::string Fingerprint(const std::vector<std::vector<TokenId>>& sequences) {
  base::Sha256 hash;
  for (const std::vector<TokenId>& ids : sequences) {
    AddLittleEndian<8>(hash, ids.size());
    for (const TokenId id : ids) AddLittleEndian<4>(hash, static_cast<uint64_t>(id));
  }
  return hash.Hex();
}

}  // namespace

Result<CalibrationSet> ReadCalibrationSet(const DataOptions& options, const ModelText& model,
                                          const base::CancelFlag& cancel) {
  GLIMMER_CHECK(model.vocab_size > 0 && model.vocab_size <= uint64_t{text::kMaxTokenId} + 1);
  if (options.seq_len == 0) {
    return base::Invalid("calibration: expected samples of at least 1 token, found a length of 0");
  }
  GLIMMER_ASSIGN(const std::vector<uint64_t> shares, ShareSamples(options.files, options.samples));
  CalibrationSet set;
  Encoder encoder(model);
  for (size_t i = 0; i < options.files.size(); ++i) {
    const CalibrationFile& file = options.files[i];
    FileReport report{file.path, "", shares[i]};
    GLIMMER_TRY(ReadFile(file, options, encoder, cancel, set, report));
    set.files.push_back(std::move(report));
  }
  set.fingerprint = Fingerprint(set.sequences);
  return set;
}

std::vector<std::string> Warnings(const FileReport& file) {
  std::vector<std::string> warnings;
  const std::string path = base::Quoted(file.path);
  if (file.samples < file.samples_asked) {
    warnings.push_back(fmt::format("{}: {} sample{} of the {} asked for; it has no more", path,
                                   base::WithCommas(file.samples), file.samples == 1 ? "" : "s",
                                   base::WithCommas(file.samples_asked)));
  }
  if (!file.skipped.empty()) {
    warnings.push_back(fmt::format("{}: {} of {} lines skipped: {}", path,
                                   base::WithCommas(CountSkipped(file.skipped)),
                                   base::WithCommas(file.lines), Described(file.skipped)));
  }
  return warnings;
}

}  // namespace glimmer::data
