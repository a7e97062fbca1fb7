#include "base/hash.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "base/check.h"

namespace glimmer::base {
namespace {

XXH3_state_t* Xxh3(void* state) { return static_cast<XXH3_state_t*>(state); }

}  // namespace

void Hasher::Free::operator()(void* state) const { XXH3_freeState(Xxh3(state)); }

Hasher::Hasher() : state_(XXH3_createState()) {
  GLIMMER_CHECK(state_ != nullptr);
  XXH3_128bits_reset(Xxh3(state_.get()));
}

void Hasher::Add(std::span<const std::byte> bytes) {
  XXH3_128bits_update(Xxh3(state_.get()), bytes.data(), bytes.size());
}

std::string Hasher::Hex() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(Xxh3(state_.get()));
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string HashOf(std::string_view text) {
  Hasher hasher;
  hasher.Add(text);
  return hasher.Hex();
}

}  // namespace glimmer::base
