// JSON: strict parsing (duplicate keys, depth and size are errors, with line and column), reading
// of fields that names file and field in every error, and the ecosystem's ways to write it.
// The library behind it is Boost.JSON; objects keep the order of their keys.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_types.h"
#include "base/result.h"

namespace glimmer::base {

constexpr size_t kJsonMaxDepth = 64;

// "line 3, column 7", for errors: where the byte at `offset` stands.
std::string PlaceInText(std::string_view text, size_t offset);

// What becomes of the words Infinity, -Infinity and NaN, which JSON does not have and Python's json
// writes: kRefused is JSON. kAccepted makes numbers of them, for files that other programs wrote
// about models of all kinds (Nemotron's config.json has one) and that are looked into for a few
// fields: no range of JsonFields holds such a number, so a field that matters refuses it by name.
enum class NonFinite { kRefused, kAccepted };

// Errors: kCorrupt `source: line L, column C: …`; a key that stands twice in one object is one.
Result<JsonValue> ParseJson(std::string_view text, const std::string& source,
                            NonFinite non_finite = NonFinite::kRefused);
// Reads and parses a file whose top level must be an object.
Result<JsonObject> ReadJsonObject(const std::string& path, uint64_t limit_bytes,
                                  NonFinite non_finite = NonFinite::kRefused);

// Like Python's json.dump: `indent` spaces a level, ", " and ": " where indent is 0 and not
// compact, keys in their order, "/" unescaped, text beyond ASCII as UTF-8.
std::string DumpJson(const JsonValue& value, int indent);

// The JSON object text with the member `key` appended (or put in place of a member of that name),
// every other byte kept. `value` is dumped with the indentation of the text.
// REQUIRES: `text` parses as an object.
std::string WithJsonMember(std::string_view text, std::string_view key, const JsonValue& value);

// Reads the fields of one object. The first error stays and every later read returns a harmless
// value, so that a reader of forty fields tests once at its end.
class JsonFields {
 public:
  // `where` is named in each error: "config.json" gives `config.json: hidden_size: expected …`.
  JsonFields(const JsonObject& object, std::string where)
      : object_(object), where_(std::move(where)) {}

  bool Has(std::string_view key) const;  // present and not null
  int64_t Int(std::string_view key, int64_t least, int64_t most);
  int64_t IntOr(std::string_view key, int64_t least, int64_t most, int64_t absent);
  double NumberOr(std::string_view key, double least, double most, double absent);
  bool BoolOr(std::string_view key, bool absent);
  std::string StringOr(std::string_view key, std::string_view absent);
  // An array of strings; empty when absent.
  std::vector<std::string> Strings(std::string_view key);
  // nullptr when absent.
  const JsonObject* ObjectOrNull(std::string_view key);

  // Records `field: problem` unless an error came before.
  void Fail(std::string_view field, const std::string& problem);
  Status status() const;

 private:
  const JsonValue* Find(std::string_view key) const;

  const JsonObject& object_;
  std::string where_;
  std::optional<Error> error_;
};

// The value as one short line, for error messages.
std::string Shown(const JsonValue& value);

}  // namespace glimmer::base
