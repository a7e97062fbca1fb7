#include "calib/hidden_states.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace glimmer::calib {
namespace {

using base::JoinPath;
using base::Result;
using base::Status;

constexpr const char* kResidualNames[] = {"hidden_0.bin", "hidden_1.bin", "hidden_2.bin"};
constexpr char kNormedName[] = "normed.bin";
constexpr char kRoutedName[] = "routed.bin";

Status CheckStream(const std::string& path, const std::string& expected) {
  GLIMMER_ASSIGN(const std::string found, base::HashOfFile(path));
  if (found == expected) return {};
  return base::Corrupt(fmt::format("{}: expected activations with XXH3 {}, found {}",
                                   base::Quoted(path), expected, found));
}

}  // namespace

RowElement ElementOf(model::Activations activations) {
  return activations == model::Activations::kBf16 ? RowElement::kBf16 : RowElement::kF32;
}

Result<HiddenStates> HiddenStates::Open(const std::string& folder, size_t tokens, size_t width,
                                        RowElement element, const std::optional<KeptStream>& kept) {
  GLIMMER_ASSIGN(RowFile normed,
                 RowFile::Create(JoinPath(folder, kNormedName), tokens, width, element));
  GLIMMER_ASSIGN(RowFile routed,
                 RowFile::Create(JoinPath(folder, kRoutedName), tokens, width, RowElement::kF32));
  HiddenStates states(folder, kept, std::move(normed), std::move(routed));
  states.before_ = kept ? kept->file : 0;
  const std::string path = JoinPath(folder, kResidualNames[states.before_]);
  GLIMMER_ASSIGN(states.residual_[states.before_],
                 kept ? RowFile::Open(path, tokens, width, RowElement::kF32)
                      : RowFile::Create(path, tokens, width, RowElement::kF32));
  if (kept) GLIMMER_TRY(CheckStream(path, kept->hash));
  GLIMMER_TRY(states.ChooseBehind());
  return states;
}

Status HiddenStates::ChooseBehind() {
  behind_ = 0;
  while (behind_ == before_ || (kept_ && behind_ == kept_->file)) ++behind_;
  if (residual_[behind_]) return {};
  GLIMMER_ASSIGN(residual_[behind_],
                 RowFile::Create(JoinPath(folder_, kResidualNames[behind_]), before().rows(),
                                 before().cols(), RowElement::kF32));
  return {};
}

Status HiddenStates::WriteResult(size_t row, tensor::ConstMatrix rows) {
  GLIMMER_CHECK(row == result_rows_ && rows.stride == rows.cols);
  result_rows_ += rows.rows;
  result_hash_.Add(std::as_bytes(std::span(rows.data, rows.rows * rows.cols)));
  return behind().Write(row, rows);
}

Status HiddenStates::Advance(bool keep) {
  GLIMMER_CHECK(result_rows_ == behind().rows());
  before_ = behind_;
  if (keep) {
    GLIMMER_TRY(before().Sync());
    kept_ = {before_, result_hash_.Hex()};
  }
  result_hash_ = base::Hasher();
  result_rows_ = 0;
  ForgetRouted();
  return ChooseBehind();
}

// A third residual stream is needed while the kept one is not before().
uint64_t HiddenStates::DiskBytes(const model::Config& config, size_t tokens, RowElement element) {
  const uint64_t of_floats = config.shares_indexers() ? 4 : 3;
  return of_floats * RowFile::SizeBytes(tokens, config.hidden_size, RowElement::kF32) +
         RowFile::SizeBytes(tokens, config.hidden_size, element);
}

Status HiddenStates::ReadRouted(size_t row, tensor::Matrix out) const {
  for (size_t i = 0; i < out.rows; ++i) {
    if (has_routed_[row + i] != 0) {
      GLIMMER_TRY(routed_.Read(row + i, out.Rows(i, 1)));
    } else {
      std::fill_n(out.row(i), out.cols, 0.0f);
    }
  }
  return {};
}

Status HiddenStates::WriteRouted(size_t row, tensor::ConstMatrix sum) {
  GLIMMER_TRY(routed_.Write(row, sum));
  std::fill_n(has_routed_.begin() + static_cast<ptrdiff_t>(row), sum.rows, uint8_t{1});
  return {};
}

void HiddenStates::WillVisit(size_t row) const {
  normed_.WillRead(row);
  if (has_routed_[row] != 0) routed_.WillRead(row);
}

void HiddenStates::ForgetRouted() { std::fill(has_routed_.begin(), has_routed_.end(), 0); }

}  // namespace glimmer::calib
