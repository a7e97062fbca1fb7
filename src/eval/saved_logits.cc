#include "eval/saved_logits.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/check.h"
#include "base/text.h"

namespace glimmer::eval {
namespace {

using base::Invalid;
using base::Quoted;
using base::Result;
using base::Status;
using io::TensorInfo;
using tensor::DType;
using text::TokenId;

constexpr char kLogits[] = "logits";
constexpr char kInputIds[] = "input_ids";
constexpr char kMtpLogits[] = "mtp_logits";
constexpr size_t kIdsInPiece = size_t{1} << 16;  // of input_ids, while comparing

TensorInfo Described(const char* name, DType dtype, const tensor::Shape& shape) {
  return {name, dtype, shape, 0, tensor::SizeBytes(dtype, shape).value()};
}

// What a file for this text and vocabulary holds.
std::vector<TensorInfo> TensorsFor(uint64_t token_count, uint64_t vocab_size, MtpLogits mtp) {
  std::vector<TensorInfo> tensors = {Described(kLogits, DType::kF32, {token_count, vocab_size}),
                                     Described(kInputIds, DType::kI32, {token_count})};
  if (mtp == MtpLogits::kPresent) {
    tensors.push_back(Described(kMtpLogits, DType::kF32, {token_count - 1, vocab_size}));
  }
  return tensors;
}

const TensorInfo* Find(const std::vector<TensorInfo>& tensors, std::string_view name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const TensorInfo& info) { return info.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

std::string Shown(const TensorInfo& info) {
  return fmt::format("{} {}", tensor::Name(info.dtype), tensor::ToString(info.shape));
}

// The file's tensors against those it must have. input_ids has been compared before, so that
// another text is named as such and not as a shape.
Status CheckTensors(const std::vector<TensorInfo>& found, const std::vector<TensorInfo>& expected) {
  for (const TensorInfo& info : expected) {
    const TensorInfo* same = Find(found, info.name);
    if (same == nullptr) return Invalid("has no tensor " + Quoted(info.name));
    if (same->dtype != info.dtype || same->shape != info.shape) {
      return Invalid(fmt::format("{}: expected {} for this text and model, found {}", info.name,
                                 Shown(info), Shown(*same)));
    }
  }
  for (const TensorInfo& info : found) {
    if (Find(expected, info.name) != nullptr) continue;
    return Invalid(fmt::format("tensor {}: expected only {}, {} and {}", Quoted(info.name), kLogits,
                               kInputIds, kMtpLogits));
  }
  return {};
}

// The first difference between the file's text and this run's.
Status CompareIds(const base::File& file, const TensorInfo* info,
                  std::span<const TokenId> input_ids) {
  if (info == nullptr) return Invalid(fmt::format("has no tensor {}", Quoted(kInputIds)));
  if (info->dtype != DType::kI32 || info->shape.size() != 1) {
    return Invalid(fmt::format("{}: expected I32 [T], found {}", kInputIds, Shown(*info)));
  }
  const uint64_t common = std::min<uint64_t>(info->shape[0], input_ids.size());
  std::vector<int32_t> piece(std::min<uint64_t>(kIdsInPiece, common));
  for (uint64_t done = 0; done < common; done += piece.size()) {
    piece.resize(std::min<uint64_t>(piece.size(), common - done));
    GLIMMER_TRY(file.ReadAt(std::as_writable_bytes(std::span(piece)), info->offset + 4 * done));
    const auto [saved, wanted] =
        std::mismatch(piece.begin(), piece.end(), input_ids.begin() + static_cast<ptrdiff_t>(done));
    if (saved == piece.end()) continue;
    return Invalid(
        fmt::format("input_ids: the logits are of another text: position {} has token "
                    "{}, expected {}",
                    done + static_cast<uint64_t>(saved - piece.begin()), *saved, *wanted));
  }
  if (info->shape[0] != input_ids.size()) {
    return Invalid(
        fmt::format("input_ids: the logits are of another text: expected {} tokens, found {}, the "
                    "first {} being the same",
                    input_ids.size(), info->shape[0], common));
  }
  return {};
}

}  // namespace

Result<LogitsWriter> LogitsWriter::Create(const std::string& path,
                                          std::span<const TokenId> input_ids, uint64_t vocab_size,
                                          MtpLogits mtp) {
  GLIMMER_CHECK(input_ids.size() >= 2);
  std::vector<TensorInfo> tensors = TensorsFor(input_ids.size(), vocab_size, mtp);
  const std::string first_bytes = io::LayOutSafetensors(tensors);
  GLIMMER_TRY(base::CheckCanWrite(path));
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const uint64_t file_bytes = tensors.back().offset + tensors.back().size_bytes;
  Result<io::ShardWriter> file =
      io::ShardWriter::Create(folder, base::BaseName(path), first_bytes, file_bytes);
  if (!file.ok()) {
    [[maybe_unused]] const Status gone = base::RemoveFile(base::PartialPath(path));
    return std::move(file).error();
  }
  LogitsWriter writer(std::move(file).value(), path);
  GLIMMER_TRY(writer.file_.WriteAt(std::as_bytes(input_ids), Find(tensors, kInputIds)->offset));
  writer.row_bytes_ = vocab_size * sizeof(float);
  const auto section = [&](const char* name) -> Section {
    const TensorInfo* info = Find(tensors, name);
    if (info == nullptr) return {};
    return {info->offset, info->size_bytes};
  };
  writer.logits_ = section(kLogits);
  writer.mtp_logits_ = section(kMtpLogits);
  return writer;
}

LogitsWriter::~LogitsWriter() {
  if (!unfinished_) return;
  [[maybe_unused]] const Status gone = base::RemoveFile(base::PartialPath(*unfinished_));
}

Status LogitsWriter::AppendTo(Section& section, std::span<const float> rows) {
  const auto bytes = std::as_bytes(rows);
  GLIMMER_CHECK(bytes.size() % row_bytes_ == 0 && bytes.size() <= section.left_bytes);
  GLIMMER_TRY(file_.WriteAt(bytes, section.offset));
  section.offset += bytes.size();
  section.left_bytes -= bytes.size();
  return {};
}

Status LogitsWriter::Append(std::span<const float> rows) { return AppendTo(logits_, rows); }

Status LogitsWriter::AppendMtp(std::span<const float> rows) { return AppendTo(mtp_logits_, rows); }

Status LogitsWriter::Finish() {
  GLIMMER_CHECK(logits_.left_bytes == 0 && mtp_logits_.left_bytes == 0);
  GLIMMER_TRY(file_.Sync());
  GLIMMER_TRY(file_.Publish());
  unfinished_.reset();
  return {};
}

Result<SavedLogits> SavedLogits::Open(const std::string& path, std::span<const TokenId> input_ids,
                                      uint64_t vocab_size) {
  GLIMMER_ASSIGN(base::File file, base::File::OpenForReading(path));
  GLIMMER_ASSIGN(const io::SafetensorsHeader header, io::ReadSafetensorsHeader(file));
  const TensorInfo* mtp_logits = Find(header.tensors, kMtpLogits);
  const MtpLogits mtp = mtp_logits == nullptr ? MtpLogits::kAbsent : MtpLogits::kPresent;
  Status status = CompareIds(file, Find(header.tensors, kInputIds), input_ids);
  if (status.ok()) {
    status = CheckTensors(header.tensors, TensorsFor(input_ids.size(), vocab_size, mtp));
  }
  if (!status.ok()) return std::move(status).error().In(Quoted(path));

  SavedLogits saved(std::move(file));
  saved.token_count_ = input_ids.size();
  saved.vocab_size_ = vocab_size;
  saved.logits_offset_ = Find(header.tensors, kLogits)->offset;
  if (mtp_logits != nullptr) saved.mtp_logits_offset_ = mtp_logits->offset;
  return saved;
}

Status SavedLogits::ReadRowAt(uint64_t tensor_offset, size_t row, std::span<float> out) const {
  GLIMMER_CHECK(out.size() == vocab_size_);
  return file_.ReadAt(std::as_writable_bytes(out), tensor_offset + row * out.size_bytes());
}

Status SavedLogits::ReadRow(size_t row, std::span<float> out) const {
  GLIMMER_CHECK(row < token_count_);
  return ReadRowAt(logits_offset_, row, out);
}

Status SavedLogits::ReadMtpRow(size_t row, std::span<float> out) const {
  GLIMMER_CHECK(has_mtp() && row + 1 < token_count_);
  return ReadRowAt(mtp_logits_offset_, row, out);
}

}  // namespace glimmer::eval
