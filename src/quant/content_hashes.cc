#include "quant/content_hashes.h"

namespace glimmer::quant {

void ContentHashes::Add(size_t tensor, uint64_t offset, std::span<const std::byte> piece,
                        uint64_t size_bytes) {
  Begun* begun = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!hex_[tensor].empty()) return;
    if (offset == 0) begun_[tensor] = Begun();
    const auto found = begun_.find(tensor);
    if (found == begun_.end()) return;
    if (found->second.next != offset) {
      begun_.erase(found);
      return;
    }
    begun = &found->second;  // stays where it is while others come and go
  }
  begun->hasher.Add(piece);
  begun->next += piece.size();
  if (begun->next < size_bytes) return;
  std::string hex = begun->hasher.Hex();
  const std::lock_guard lock(mutex_);
  hex_[tensor] = std::move(hex);
  begun_.erase(tensor);
}

std::string ContentHashes::Of(size_t tensor) const {
  const std::lock_guard lock(mutex_);
  return hex_[tensor];
}

}  // namespace glimmer::quant
