#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_set>

#include "base/check.h"
#include "base/file.h"
#include "base/text.h"

namespace glimmer::base {
namespace {

namespace bj = boost::json;

constexpr uint64_t kMaxItems = uint64_t{1} << 32;

// Python's words for numbers that JSON cannot hold, and a JSON number of the same length.
struct Word {
  std::string_view word;
  std::string_view number;
  double value;
};
constexpr Word kWords[] = {
    {"-Infinity", "-0.000000", -std::numeric_limits<double>::infinity()},
    {"Infinity", "0.000000", std::numeric_limits<double>::infinity()},
    {"NaN", "0.0", std::numeric_limits<double>::quiet_NaN()},
};

// Whether [begin, end) of the text is a value of its own and no part of a longer token.
bool StandsAlone(std::string_view text, size_t begin, size_t end) {
  constexpr std::string_view kBeside = " \t\r\n[]{}:,";
  return (begin == 0 || kBeside.find(text[begin - 1]) != std::string_view::npos) &&
         (end == text.size() || kBeside.find(text[end]) != std::string_view::npos);
}

// Puts numbers in the place of such words outside strings; what they stand for, by place.
std::map<const char*, double> ReplaceWords(std::string& text) {
  std::map<const char*, double> values;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (in_string && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      in_string = !in_string;
    } else if (!in_string) {
      for (const Word& w : kWords) {
        if (!std::string_view(text).substr(i).starts_with(w.word)) continue;
        if (!StandsAlone(text, i, i + w.word.size())) continue;
        text.replace(i, w.word.size(), w.number);
        values[text.data() + i] = w.value;
        i += w.word.size() - 1;
        break;
      }
    }
  }
  return values;
}

// As Python writes it.
std::string NumberText(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  return fmt::format("{}", number);
}

// Receives the parser's events, builds the value, and stops at a key seen before in its object.
struct StrictHandler {
  static constexpr size_t max_object_size = kMaxItems;
  static constexpr size_t max_array_size = kMaxItems;
  static constexpr size_t max_key_size = kMaxItems;
  static constexpr size_t max_string_size = kMaxItems;

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code&) {
    keys.emplace_back();
    return true;
  }
  bool on_object_end(size_t members, bj::error_code&) {
    keys.pop_back();
    stack.push_object(members);
    return true;
  }
  bool on_array_begin(bj::error_code&) { return true; }
  bool on_array_end(size_t items, bj::error_code&) {
    stack.push_array(items);
    return true;
  }
  bool on_key_part(bj::string_view part, size_t, bj::error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_key(bj::string_view last, size_t, bj::error_code& code) {
    text.append(last.data(), last.size());
    const bool is_new = keys.back().insert(text).second;
    if (!is_new) {
      duplicate = text;
      code = make_error_code(bj::error::exception);
      return false;
    }
    stack.push_key(text);
    text.clear();
    return true;
  }
  bool on_string_part(bj::string_view part, size_t, bj::error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_string(bj::string_view last, size_t, bj::error_code&) {
    text.append(last.data(), last.size());
    stack.push_string(text);
    text.clear();
    return true;
  }
  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(int64_t number, bj::string_view, bj::error_code&) {
    stack.push_int64(number);
    return true;
  }
  bool on_uint64(uint64_t number, bj::string_view, bj::error_code&) {
    stack.push_uint64(number);
    return true;
  }
  bool on_double(double number, bj::string_view literal, bj::error_code&) {
    const auto word = words.find(literal.data());
    stack.push_double(word == words.end() ? number : word->second);
    return true;
  }
  bool on_bool(bool truth, bj::error_code&) {
    stack.push_bool(truth);
    return true;
  }
  bool on_null(bj::error_code&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }

  bj::value_stack stack;
  std::string text;
  std::string duplicate;
  std::vector<std::unordered_set<std::string>> keys;
  std::map<const char*, double> words;  // what numbers at these places stand for
};

class Dumper {
 public:
  explicit Dumper(int indent) : indent_(indent) {}

  void Write(const JsonValue& value, int level) {
    switch (value.kind()) {
      case bj::kind::object:
        return WriteObject(value.get_object(), level);
      case bj::kind::array:
        return WriteArray(value.get_array(), level);
      case bj::kind::string:
        out += bj::serialize(value);
        return;
      case bj::kind::double_:
        out += NumberText(value.get_double());
        return;
      default:
        out += bj::serialize(value);
    }
  }

  std::string out;

 private:
  void NewLine(int level) {
    if (indent_ == 0) return;
    out += '\n';
    out.append(static_cast<size_t>(indent_ * level), ' ');
  }
  void Separate(bool first, int level) {
    if (!first) out += indent_ == 0 ? ", " : ",";
    NewLine(level);
  }
  void WriteObject(const JsonObject& object, int level) {
    out += '{';
    bool first = true;
    for (const auto& member : object) {
      Separate(first, level + 1);
      first = false;
      out += bj::serialize(bj::string(member.key())) + ": ";
      Write(member.value(), level + 1);
    }
    if (!first) NewLine(level);
    out += '}';
  }
  void WriteArray(const JsonArray& array, int level) {
    out += '[';
    bool first = true;
    for (const JsonValue& item : array) {
      Separate(first, level + 1);
      first = false;
      Write(item, level + 1);
    }
    if (!first) NewLine(level);
    out += ']';
  }

  int indent_;
};

// A member of the outermost object of a JSON text: [begin, end) holds its key and value.
struct MemberSpan {
  size_t begin, end;
};

// Walks over the outermost object once; knows strings and nesting, which is all that finding
// members needs in a text that is known to parse.
std::vector<MemberSpan> TopLevelMembers(std::string_view text) {
  std::vector<MemberSpan> members;
  size_t depth = 0, begin = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
      continue;
    }
    in_string = c == '"';
    const bool closes = c == '}' || c == ']';
    if ((depth == 1 && c == ',') || (depth == 1 && closes)) members.push_back({begin, i});
    if (c == '{' || c == '[') ++depth;
    if (closes) --depth;
    if (depth == 1 && (c == '{' || c == ',')) begin = i + 1;
  }
  return members;
}

size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size() && std::string_view(" \t\r\n").find(text[at]) != std::string_view::npos) {
    ++at;
  }
  return at;
}

}  // namespace

std::string PlaceInText(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 == 0
  return fmt::format("line {}, column {}", line, before.size() - line_start + 1);
}

Result<JsonValue> ParseJson(std::string_view text, const std::string& source,
                            NonFinite non_finite) {
  std::string replaced;
  std::map<const char*, double> words;
  if (non_finite == NonFinite::kAccepted) {
    replaced = text;
    words = ReplaceWords(replaced);
    text = replaced;
  }
  bj::parse_options options;
  options.max_depth = kJsonMaxDepth;
  bj::basic_parser<StrictHandler> parser(options);
  parser.handler().stack.reset();
  parser.handler().words = std::move(words);
  bj::error_code code;
  const size_t used = parser.write_some(false, text.data(), text.size(), code);
  if (!parser.handler().duplicate.empty()) {
    return Corrupt(fmt::format("{}: {}: the key {} stands twice in one object", source,
                               PlaceInText(text, used), Quoted(parser.handler().duplicate)));
  }
  if (code) {
    return Corrupt(
        fmt::format("{}: {}: not JSON: {}", source, PlaceInText(text, used), code.message()));
  }
  if (SkipSpace(text, used) != text.size()) {
    return Corrupt(fmt::format("{}: {}: more text after the JSON value", source,
                               PlaceInText(text, SkipSpace(text, used))));
  }
  return parser.handler().stack.release();
}

Result<JsonObject> ReadJsonObject(const std::string& path, uint64_t limit_bytes,
                                  NonFinite non_finite) {
  GLIMMER_ASSIGN(const std::string text, ReadTextFile(path, limit_bytes));
  GLIMMER_ASSIGN(JsonValue value, ParseJson(text, Quoted(path), non_finite));
  if (!value.is_object()) {
    return Corrupt(Quoted(path) + ": expected a JSON object, found " + Shown(value));
  }
  return std::move(value.get_object());
}

std::string DumpJson(const JsonValue& value, int indent) {
  Dumper dumper(indent);
  dumper.Write(value, 0);
  return std::move(dumper.out);
}

std::string WithJsonMember(std::string_view text, std::string_view key, const JsonValue& value) {
  const std::vector<MemberSpan> members = TopLevelMembers(text);
  GLIMMER_CHECK(!members.empty());
  const size_t first = SkipSpace(text, members.front().begin);
  const size_t line_start = text.rfind('\n', first);
  const bool one_line = line_start == std::string_view::npos || line_start < members[0].begin - 1;
  const int indent = one_line ? 0 : static_cast<int>(first - line_start - 1);

  const std::string quoted_key = bj::serialize(bj::string(bj::string_view(key.data(), key.size())));
  std::string member = DumpJson(JsonObject{{key, value}}, indent);
  member = member.substr(1, member.rfind('}') - 1);  // keeps the line break before the key
  while (!member.empty() && (member.back() == ' ' || member.back() == '\n')) member.pop_back();

  std::string out(text);
  for (const MemberSpan& span : members) {
    if (text.substr(SkipSpace(text, span.begin)).starts_with(quoted_key)) {
      return out.replace(span.begin, span.end - span.begin, member + (one_line ? "" : "\n"));
    }
  }
  size_t end = members.back().end;
  const bool empty = SkipSpace(text, members.back().begin) == end;
  while (end > 0 && SkipSpace(text, end - 1) != end - 1) --end;
  if (empty) return out.insert(end, member);
  return out.insert(end, (one_line ? ", " : ",") + member);
}

const JsonValue* JsonFields::Find(std::string_view key) const {
  const auto* member = object_.if_contains(bj::string_view(key.data(), key.size()));
  return member == nullptr || member->is_null() ? nullptr : member;
}

bool JsonFields::Has(std::string_view key) const { return Find(key) != nullptr; }

int64_t JsonFields::Int(std::string_view key, int64_t least, int64_t most) {
  if (!Has(key)) {
    Fail(key, "is missing");
    return least;
  }
  return IntOr(key, least, most, least);
}

int64_t JsonFields::IntOr(std::string_view key, int64_t least, int64_t most, int64_t absent) {
  const JsonValue* member = Find(key);
  if (member == nullptr) return absent;
  if (member->is_int64() && member->get_int64() >= least && member->get_int64() <= most) {
    return member->get_int64();
  }
  Fail(key,
       fmt::format("expected an integer from {} to {}, found {}", least, most, Shown(*member)));
  return least;
}

double JsonFields::NumberOr(std::string_view key, double least, double most, double absent) {
  const JsonValue* member = Find(key);
  if (member == nullptr) return absent;
  if (member->is_number()) {
    const double number = member->to_number<double>();
    if (number >= least && number <= most) return number;
  }
  Fail(key, fmt::format("expected a number from {} to {}, found {}", least, most, Shown(*member)));
  return least;
}

bool JsonFields::BoolOr(std::string_view key, bool absent) {
  const JsonValue* member = Find(key);
  if (member == nullptr) return absent;
  if (member->is_bool()) return member->get_bool();
  Fail(key, "expected true or false, found " + Shown(*member));
  return absent;
}

std::string JsonFields::StringOr(std::string_view key, std::string_view absent) {
  const JsonValue* member = Find(key);
  if (member == nullptr) return std::string(absent);
  if (member->is_string()) return std::string(member->get_string());
  Fail(key, "expected a text, found " + Shown(*member));
  return std::string(absent);
}

std::vector<std::string> JsonFields::Strings(std::string_view key) {
  const JsonValue* member = Find(key);
  std::vector<std::string> texts;
  if (member == nullptr) return texts;
  if (!member->is_array()) {
    Fail(key, "expected an array of texts, found " + Shown(*member));
    return texts;
  }
  for (const JsonValue& item : member->get_array()) {
    if (!item.is_string()) {
      Fail(key, "expected an array of texts, found in it " + Shown(item));
      return {};
    }
    texts.emplace_back(item.get_string());
  }
  return texts;
}

const JsonObject* JsonFields::ObjectOrNull(std::string_view key) {
  const JsonValue* member = Find(key);
  if (member == nullptr) return nullptr;
  if (!member->is_object()) Fail(key, "expected an object, found " + Shown(*member));
  return member->if_object();
}

void JsonFields::Fail(std::string_view field, const std::string& problem) {
  if (!error_) error_ = Invalid(fmt::format("{}: {}: {}", where_, field, problem));
}

Status JsonFields::status() const {
  if (error_) return *error_;
  return {};
}

std::string Shown(const JsonValue& value) {
  constexpr size_t kLongest = 60;
  std::string text = value.is_double() ? NumberText(value.get_double()) : bj::serialize(value);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

}  // namespace glimmer::base
