// SHA-256 of byte streams, for lists of files that others publish. (Our own journals use the much
// faster hash.h.)
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace glimmer::base {

class Sha256 {
 public:
  Sha256();

  void Add(std::span<const std::byte> bytes);
  // 64 lower-case hexadecimal digits of all bytes added so far. Called once, at the end.
  std::string Hex();

 private:
  struct Free {
    void operator()(void* state) const;
  };
  std::unique_ptr<void, Free> state_;
};

}  // namespace glimmer::base
