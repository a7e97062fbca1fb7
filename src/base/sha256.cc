#include "base/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <vector>

#include "base/check.h"
#include "base/file.h"

namespace glimmer::base {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;  // of a file

EVP_MD_CTX* Evp(void* context) { return static_cast<EVP_MD_CTX*>(context); }

}  // namespace

void Sha256::Free::operator()(void* context) const { EVP_MD_CTX_free(Evp(context)); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  GLIMMER_CHECK(context_ != nullptr);
  GLIMMER_CHECK(EVP_DigestInit_ex(Evp(context_.get()), EVP_sha256(), nullptr) == 1);
}

void Sha256::Add(std::span<const std::byte> bytes) {
  GLIMMER_CHECK(EVP_DigestUpdate(Evp(context_.get()), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::Hex() const {
  const Sha256 copy;  // finishing ends a context
  GLIMMER_CHECK(EVP_MD_CTX_copy_ex(Evp(copy.context_.get()), Evp(context_.get())) == 1);
  std::array<unsigned char, 32> digest;
  GLIMMER_CHECK(EVP_DigestFinal_ex(Evp(copy.context_.get()), digest.data(), nullptr) == 1);
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

std::string Sha256Of(std::string_view text) {
  Sha256 hash;
  hash.Add(text);
  return hash.Hex();
}

Result<std::string> Sha256OfFile(const std::string& path, const CancelFlag& cancel,
                                 std::atomic<uint64_t>* bytes_done) {
  GLIMMER_ASSIGN(const File file, File::OpenForReading(path));
  GLIMMER_ASSIGN(const uint64_t size_bytes, file.SizeBytes());
  Sha256 hash;
  std::vector<std::byte> piece(kPieceBytes);
  GLIMMER_TRY(
      file.ReadInPieces(0, size_bytes, piece, [&](std::span<const std::byte> bytes) -> Status {
        if (cancel.IsSet()) return Cancelled("stopped");
        hash.Add(bytes);
        if (bytes_done != nullptr) *bytes_done += bytes.size();
        return {};
      }));
  return hash.Hex();
}

}  // namespace glimmer::base
