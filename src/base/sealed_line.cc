#include "base/sealed_line.h"

#include "base/check.h"
#include "base/sha256.h"

namespace glimmer::base {
namespace {

constexpr std::string_view kBeforeSeal = R"(, "sha256": ")";
constexpr std::string_view kBehindSeal = R"("})";
constexpr size_t kSealDigits = 64;
constexpr size_t kEndBytes = kBeforeSeal.size() + kSealDigits + kBehindSeal.size();

std::string_view WithoutBreak(std::string_view line) {
  return line.ends_with('\n') ? line.substr(0, line.size() - 1) : line;
}

std::string SealFor(std::string_view before, std::string_view unsealed) {
  Sha256 hash;
  hash.Add(before);
  hash.Add(unsealed);
  return hash.Hex();
}

}  // namespace

std::string Seal(const JsonObject& object, std::string_view before) {
  GLIMMER_CHECK(!object.empty() && !object.contains("sha256"));
  std::string line = DumpJson(object, 0);
  const std::string seal = SealFor(before, line);
  line.pop_back();
  return line.append(kBeforeSeal).append(seal).append(kBehindSeal) + "\n";
}

std::optional<SealedLine> OpenSealed(std::string_view line, std::string_view before) {
  if (line.size() <= kEndBytes) return std::nullopt;
  const std::string_view end = line.substr(line.size() - kEndBytes);
  if (!end.starts_with(kBeforeSeal) || !end.ends_with(kBehindSeal)) return std::nullopt;
  const std::string seal = SealOf(line);
  const std::string unsealed = std::string(line.substr(0, line.size() - kEndBytes)) + "}";
  if (SealFor(before, unsealed) != seal) return std::nullopt;
  Result<JsonValue> value = ParseJson(unsealed, "line");
  if (!value.ok() || !value.value().is_object()) return std::nullopt;
  return SealedLine{std::move(value.value().get_object()), seal};
}

std::string SealOf(std::string_view line) {
  const std::string_view whole = WithoutBreak(line);
  GLIMMER_CHECK(whole.size() > kEndBytes);
  return std::string(whole.substr(whole.size() - kBehindSeal.size() - kSealDigits, kSealDigits));
}

}  // namespace glimmer::base
