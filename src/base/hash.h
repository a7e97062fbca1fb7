// XXH3 (128 bit) of byte streams: to notice changed or damaged files, not to resist an attacker.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace glimmer::base {

class Hasher {
 public:
  Hasher();
  Hasher(Hasher&&) noexcept = default;
  Hasher& operator=(Hasher&&) noexcept = default;

  void Add(std::span<const std::byte> bytes);
  void Add(std::string_view text) { Add(std::as_bytes(std::span(text))); }
  // 32 hexadecimal digits of all bytes added so far.
  std::string Hex() const;

 private:
  struct Free {
    void operator()(void* state) const;
  };
  std::unique_ptr<void, Free> state_;
};

std::string HashOf(std::string_view text);

}  // namespace glimmer::base
