// What a worker of a conversion holds of the weights at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "quant/convert.h"
#include "quant/source.h"
#include "tensor/nvfp4.h"

namespace glimmer::quant {

constexpr uint64_t kWindowElements = kWindowBytes / sizeof(tensor::Bf16);
constexpr uint64_t kChunkElements = kChunkBytes / sizeof(tensor::Bf16);
static_assert(kChunkElements % tensor::kNvfp4Block == 0 && kWindowElements >= kChunkElements);

// Indices into Plan::specs: linears with one scale, or a single tensor to copy.
using Job = std::vector<size_t>;

// Gives the chunks of a group's tensors, first to last, any number of times; from memory after the
// first time when the whole group fits into the window.
class Window {
 public:
  explicit Window(uint64_t elements) : buffer_(elements) {}

  void Begin(const WeightSource& source, const Job& job) {
    source_ = &source;
    starts_.clear();
    uint64_t total = 0;
    for (const size_t index : job) {
      starts_.push_back(total);
      total += *tensor::ElementCount(source.spec(index).shape);
    }
    resident_ = total <= buffer_.size();
    loaded_ = false;
  }

  // `member` is the position of `index` in the job.
  template <typename Use>  // Status(std::span<const tensor::Bf16>, uint64_t first)
  base::Status ForEachChunk(size_t member, size_t index, Use use) {
    const uint64_t elements = *tensor::ElementCount(source_->spec(index).shape);
    for (uint64_t first = 0; first < elements; first += kChunkElements) {
      const uint64_t at = resident_ ? starts_[member] + first : 0;
      const auto chunk = std::span(buffer_).subspan(at, std::min(kChunkElements, elements - first));
      if (!resident_ || !loaded_) GLIMMER_TRY(source_->ReadBf16(index, first, chunk));
      GLIMMER_TRY(use(std::span<const tensor::Bf16>(chunk), first));
    }
    return {};
  }
  // Every member has been read once.
  void Loaded() { loaded_ = true; }

  std::span<std::byte> raw() { return std::as_writable_bytes(std::span(buffer_)); }

 private:
  std::vector<tensor::Bf16> buffer_;
  const WeightSource* source_ = nullptr;
  std::vector<uint64_t> starts_;
  bool resident_ = false;
  bool loaded_ = false;
};

}  // namespace glimmer::quant
