// SHA-256 (FIPS 180-4) of byte streams: fingerprints that other programs can compare, such as
// `sha256sum`. The library behind it is OpenSSL's libcrypto.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/parallel.h"
#include "base/result.h"

namespace glimmer::base {

class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept = default;
  Sha256& operator=(Sha256&&) noexcept = default;

  void Add(std::span<const std::byte> bytes);
  void Add(std::string_view text) { Add(std::as_bytes(std::span(text))); }
  // 64 hexadecimal digits of all bytes added so far.
  std::string Hex() const;

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
};

std::string Sha256Of(std::string_view text);
// Of the file's bytes as they stand on the disk; `bytes_done` grows by what was read. Errors:
// kNotFound, kIo, kInvalid for no file, kCancelled.
Result<std::string> Sha256OfFile(const std::string& path, const CancelFlag& cancel,
                                 std::atomic<uint64_t>* bytes_done = nullptr);

}  // namespace glimmer::base
