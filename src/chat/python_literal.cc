#include "chat/python_literal.h"

#include "base/json.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/string_literal.h"
#include "chat/tool_schema.h"

namespace glimmer::chat {
namespace {

constexpr size_t kMostDepth = 60;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool ReadWhole(std::string& json) {
    const bool is_read = Read(json, 0);
    SkipSpace();
    return is_read && at_ == text_.size();
  }

 private:
  void SkipSpace() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool Take(std::string_view word) {
    SkipSpace();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  bool Read(std::string& json, size_t depth) {
    if (depth > kMostDepth) return false;
    SkipSpace();
    if (at_ == text_.size()) return false;
    switch (text_[at_]) {
      case '[':
        return ReadList(json, "]", depth);
      case '(':
        return ReadList(json, ")", depth);
      case '{':
        return ReadDict(json, depth);
      case '\'':
      case '"':
        return ReadText(json);
      default:
        return ReadWord(json);
    }
  }

  bool ReadList(std::string& json, std::string_view close, size_t depth) {
    ++at_;
    json += "[";
    for (bool is_first = true; !Take(close); is_first = false) {
      if (!is_first && !Take(",")) return false;
      if (!is_first && Take(close)) break;
      if (!is_first) json += ", ";
      if (!Read(json, depth + 1)) return false;
    }
    json += "]";
    return true;
  }

  bool ReadDict(std::string& json, size_t depth) {
    ++at_;
    json += "{";
    for (bool is_first = true; !Take("}"); is_first = false) {
      if (!is_first && !Take(",")) return false;
      if (!is_first && Take("}")) break;
      if (!is_first) json += ", ";
      SkipSpace();
      const bool is_text = at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"');
      if (!is_text || !ReadText(json) || !Take(":")) return false;
      json += ": ";
      if (!Read(json, depth + 1)) return false;
    }
    json += "}";
    return true;
  }

  bool ReadText(std::string& json) {
    const char quote = text_[at_];
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) return false;
    try {
      json += JsonText(jinja::UnescapedString(text_.substr(at_ + 1, end - at_ - 1), 0));
    } catch (const jinja::Failure&) {
      return false;
    }
    at_ = end + 1;
    return true;
  }

  bool ReadWord(std::string& json) {
    for (const auto& [python, word] :
         {std::pair("True", "true"), std::pair("False", "false"), std::pair("None", "null")}) {
      if (!Take(python)) continue;
      json += word;
      return true;
    }
    const size_t end = std::min(text_.find_first_not_of("0123456789+-.eE", at_), text_.size());
    const std::string number(text_.substr(at_, end - at_));
    if (number.empty() || !base::ParseJson(number, "").ok()) return false;
    json += number;
    at_ = end;
    return true;
  }

  const std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::optional<std::string> PythonLiteralToJson(std::string_view text) {
  std::string json;
  if (!Reader(text).ReadWhole(json)) return std::nullopt;
  // Keys that stand twice are no valid JSON object.
  return base::ParseJson(json, "").ok() ? std::optional(std::move(json)) : std::nullopt;
}

}  // namespace glimmer::chat
