#include "calib/row_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/text.h"
#include "tensor/bf16.h"

namespace glimmer::calib {
namespace {

using base::Result;
using base::Status;
using tensor::Bf16;

constexpr size_t kPieceElements = 16384;  // converted at a time

size_t ElementBytes(RowElement element) { return element == RowElement::kF32 ? 4 : 2; }

}  // namespace

uint64_t RowFile::SizeBytes(size_t rows, size_t cols, RowElement element) {
  return uint64_t{rows} * cols * ElementBytes(element);
}

Result<RowFile> RowFile::Create(const std::string& path, size_t rows, size_t cols,
                                RowElement element) {
  GLIMMER_ASSIGN(base::File file, base::File::Create(path));
  GLIMMER_TRY(file.Reserve(SizeBytes(rows, cols, element)));
  return RowFile(std::move(file), rows, cols, element);
}

Result<RowFile> RowFile::Open(const std::string& path, size_t rows, size_t cols,
                              RowElement element) {
  GLIMMER_ASSIGN(base::File file, base::File::OpenForUpdating(path));
  GLIMMER_ASSIGN(const uint64_t found, file.SizeBytes());
  const uint64_t expected = SizeBytes(rows, cols, element);
  if (found != expected) {
    return base::Corrupt(
        fmt::format("{}: expected {} bytes, found {}", base::Quoted(path), expected, found));
  }
  return RowFile(std::move(file), rows, cols, element);
}

Status RowFile::Read(size_t first, tensor::Matrix out) const {
  GLIMMER_CHECK(out.stride == cols_ && out.cols == cols_ && first + out.rows <= rows_);
  const std::span<float> to(out.data, out.rows * cols_);
  const uint64_t offset = SizeBytes(first, cols_, element_);
  if (element_ == RowElement::kF32) return file_.ReadAt(std::as_writable_bytes(to), offset);
  std::array<Bf16, kPieceElements> piece;
  for (size_t done = 0; done < to.size(); done += piece.size()) {
    const auto part = std::span(piece).first(std::min(piece.size(), to.size() - done));
    GLIMMER_TRY(file_.ReadAt(std::as_writable_bytes(part), offset + done * sizeof(Bf16)));
    for (size_t i = 0; i < part.size(); ++i) to[done + i] = tensor::Bf16ToF32(part[i]);
  }
  return {};
}

void RowFile::WillRead(size_t row) const {
  file_.WillRead(SizeBytes(row, cols_, element_), SizeBytes(1, cols_, element_));
}

Status RowFile::Write(size_t first, tensor::ConstMatrix rows) const {
  GLIMMER_CHECK(rows.stride == cols_ && rows.cols == cols_ && first + rows.rows <= rows_);
  const std::span<const float> from(rows.data, rows.rows * cols_);
  const uint64_t offset = SizeBytes(first, cols_, element_);
  if (element_ == RowElement::kF32) return file_.WriteAt(std::as_bytes(from), offset);
  std::array<Bf16, kPieceElements> piece;
  for (size_t done = 0; done < from.size(); done += piece.size()) {
    const auto part = std::span(piece).first(std::min(piece.size(), from.size() - done));
    for (size_t i = 0; i < part.size(); ++i) part[i] = tensor::F32ToBf16(from[done + i]);
    GLIMMER_TRY(file_.WriteAt(std::as_bytes(part), offset + done * sizeof(Bf16)));
  }
  return {};
}

}  // namespace glimmer::calib
