// str.format of printf.h.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/format_spec.h"
#include "chat/jinja/printf.h"
#include "chat/jinja/value_ops.h"
#include "chat/jinja/value_text.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

class StrFormat {
 public:
  StrFormat(Heap& heap, std::string_view pattern, const Arguments& arguments)
      : heap_(heap), pattern_(pattern), arguments_(arguments), out_(heap) {}

  Value Run() {
    while (at_ < pattern_.size()) {
      const size_t brace = std::min(pattern_.find_first_of("{}", at_), pattern_.size());
      out_.Append(pattern_.substr(at_, brace - at_));
      at_ = brace;
      if (at_ < pattern_.size()) Brace();
    }
    return MakeText(heap_, out_.Take());
  }

 private:
  void Brace() {
    const char brace = pattern_[at_++];
    if (at_ < pattern_.size() && pattern_[at_] == brace) {
      out_.Append(pattern_.substr(at_++, 1));
      return;
    }
    if (brace == '}') Fail("str.format: a single \"}\"");
    const size_t end = pattern_.find_first_of("{}", at_);
    if (end == std::string_view::npos || pattern_[end] == '{') {
      Fail("str.format: a field that does not end, or one inside another");
    }
    heap_.Step();
    Field(pattern_.substr(at_, end - at_));
    at_ = end + 1;
  }

  void Field(std::string_view field) {
    const size_t colon = std::min(field.find(':'), field.size());
    std::string_view name = field.substr(0, colon);
    const std::string_view spec = colon < field.size() ? field.substr(colon + 1) : "";
    const size_t mark = name.find('!');
    char conversion = '\0';
    if (mark != std::string_view::npos) {
      if (name.size() != mark + 2) Fail("str.format: a broken conversion");
      conversion = name[mark + 1];
      name = name.substr(0, mark);
    }
    Value value = Lookup(name);
    if (conversion == 'r') value = MakeText(heap_, ToRepr(heap_, value));
    if (conversion == 's') value = MakeText(heap_, ToText(heap_, value));
    out_.Append(Formatted(value, spec));
  }

  // name, name.attribute, name[key].
  Value Lookup(std::string_view name) {
    const size_t end = std::min(name.find_first_of(".["), name.size());
    Value value = Argument(name.substr(0, end));
    size_t at = end;
    while (at < name.size()) {
      const bool is_item = name[at] == '[';
      const size_t stop = is_item ? name.find(']', at) : name.find_first_of(".[", at + 1);
      if (is_item && stop == std::string_view::npos) Fail("str.format: an unclosed \"[\"");
      const size_t last = std::min(stop, name.size());
      const std::string_view key = name.substr(at + 1, last - at - 1);
      value = is_item ? ItemOf(heap_, value, KeyOf(key)) : AttributeOf(heap_, value, key);
      RequireDefined(value);
      at = last + (is_item ? 1 : 0);
      if (is_item && at < name.size() && name[at] != '.' && name[at] != '[') {
        Fail("str.format: a broken field name");
      }
    }
    return value;
  }

  Value KeyOf(std::string_view key) {
    size_t at = 0;
    const int64_t number = TakeNumber(key, at, kMostWidth);
    if (number >= 0 && at == key.size()) return Value(number);
    return MakeText(heap_, std::string(key));
  }

  const Value& Argument(std::string_view name) {
    size_t at = 0;
    int64_t index = TakeNumber(name, at, kMostWidth);
    if (name.empty()) {
      if (is_numbered_) Fail("str.format: numbered and unnumbered fields are mixed");
      is_counted_ = true;
      index = static_cast<int64_t>(next_++);
    } else if (index >= 0 && at == name.size()) {
      if (is_counted_) Fail("str.format: numbered and unnumbered fields are mixed");
      is_numbered_ = true;
    } else {
      for (const auto& [key, value] : arguments_.named) {
        if (key == name) return value;
      }
      Fail("str.format was not given " + base::Quoted(name));
    }
    if (static_cast<size_t>(index) >= arguments_.positional.size()) {
      Fail(fmt::format("str.format was not given value {}", index));
    }
    return arguments_.positional[static_cast<size_t>(index)];
  }

  static FormatSpec Parsed(std::string_view text) {
    static constexpr std::string_view kAligns = "<>^=";
    FormatSpec spec;
    size_t at = 0;
    size_t after_fill = 0;
    if (!text.empty()) unicode::NextPoint(text, after_fill);
    if (after_fill < text.size() && kAligns.find(text[after_fill]) != std::string::npos) {
      spec.fill = std::string(text.substr(0, after_fill));
      spec.align = text[after_fill];
      at = after_fill + 1;
    } else if (!text.empty() && kAligns.find(text[0]) != std::string::npos) {
      spec.align = text[0];
      at = 1;
    }
    const auto takes = [&](std::string_view choices) {
      const bool found = at < text.size() && choices.find(text[at]) != std::string::npos;
      return found ? text[at++] : '\0';
    };
    if (const char sign = takes("+- ")) spec.sign = sign;
    spec.is_alternate = takes("#") != '\0';
    if (takes("0") != '\0' && spec.align == '\0') {
      spec.align = '=';
      spec.fill = "0";
    }
    spec.width = std::max<int64_t>(TakeNumber(text, at, kMostWidth), 0);
    spec.grouping = takes(",_");
    if (takes(".") != '\0') {
      spec.precision = TakeNumber(text, at, kMostPrecision);
      if (spec.precision < 0) Fail("str.format: a precision is missing");
    }
    spec.type = takes("bcdeEfFgGosxX%");
    if (at != text.size()) Fail("str.format: a broken format " + base::Quoted(text));
    return spec;
  }

  std::string Formatted(const Value& value, std::string_view text) {
    if (text.empty()) return ToText(heap_, value);
    RequireDefined(value);
    FormatSpec spec = Parsed(text);
    if (value.IsText()) {
      const bool is_zero_padded = spec.align == '=' && spec.fill == "0" && text[0] == '0';
      if (is_zero_padded) spec.align = '<';
      if ((spec.type != '\0' && spec.type != 's') || spec.align == '=') {
        Fail("str.format: the format " + base::Quoted(text) + " does not fit a str");
      }
      return TextFormatted(heap_, value.bytes(), spec, '<');
    }
    static constexpr std::string_view kIntegerTypes = "bdoxX";
    const bool is_integer_type =
        spec.type != '\0' && kIntegerTypes.find(spec.type) != std::string::npos;
    const bool fits = value.IsNumber() && spec.type != 's' && spec.type != 'c' &&
                      !(value.kind() == Kind::kFloat && is_integer_type);
    if (!fits) {
      Fail(fmt::format("str.format: the format {} does not fit a {}", base::Quoted(text),
                       TypeName(value)));
    }
    return NumberFormatted(heap_, value, spec);
  }

  Heap& heap_;
  const std::string_view pattern_;
  const Arguments& arguments_;
  TextBuilder out_;
  size_t at_ = 0;
  size_t next_ = 0;
  bool is_counted_ = false;   // {} was seen
  bool is_numbered_ = false;  // {0} was seen
};

}  // namespace

Value StrFormatted(Heap& heap, std::string_view pattern, const Arguments& arguments) {
  return StrFormat(heap, pattern, arguments).Run();
}

}  // namespace glimmer::chat::jinja
