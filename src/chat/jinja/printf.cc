#include "chat/jinja/printf.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

#include "base/text.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/unicode.h"
#include "chat/jinja/value_ops.h"
#include "chat/jinja/value_text.h"

namespace glimmer::chat::jinja {
namespace {

constexpr int64_t kMostPrecision = 300;
constexpr int64_t kMostWidth = 1'000'000;

// How one value is to be written, in either of Python's notations.
struct Spec {
  std::string fill = " ";
  char align = '\0';  // '<', '>', '^', '=' or none
  char sign = '-';    // '-', '+' or ' '
  bool is_alternate = false;
  char grouping = '\0';
  int64_t width = 0;
  int64_t precision = -1;
  char type = '\0';
};

// Reads decimal digits at `at`; -1 when there are none.
int64_t TakeNumber(std::string_view text, size_t& at, int64_t most) {
  const size_t start = at;
  int64_t number = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    number = number * 10 + (text[at++] - '0');
    if (number > most) Fail(fmt::format("a width or precision is beyond {}", most));
  }
  return at == start ? -1 : number;
}

std::string Grouped(std::string digits, char mark) {
  size_t end = digits.find_first_not_of("0123456789");
  if (end == std::string::npos) end = digits.size();
  for (size_t at = end; at > 3;) digits.insert(at -= 3, 1, mark);
  return digits;
}

std::string IntegerDigits(uint64_t magnitude, const Spec& spec) {
  const bool is_hex = spec.type == 'x' || spec.type == 'X';
  const int base = is_hex ? 16 : spec.type == 'o' ? 8 : spec.type == 'b' ? 2 : 10;
  std::array<char, 72> buffer;
  const auto end = std::to_chars(buffer.begin(), buffer.end(), magnitude, base).ptr;
  std::string digits(buffer.begin(), end);
  if (spec.type == 'X') digits = ToUpper(digits);
  if (spec.is_alternate && base != 10) digits = std::string("0") + spec.type + digits;
  if (spec.grouping != '\0') digits = Grouped(std::move(digits), spec.grouping);
  return digits;
}

std::string FloatDigits(double magnitude, const Spec& spec) {
  if (spec.type == '\0' && spec.precision < 0) return FloatText(magnitude);
  const bool is_percent = spec.type == '%';
  const char type = is_percent ? 'f' : spec.type == '\0' ? 'g' : spec.type;
  const std::string pattern = std::string(spec.is_alternate ? "%#.*" : "%.*") + type;
  const int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
  std::array<char, 1024> buffer;
  const int written = std::snprintf(buffer.data(), buffer.size(), pattern.c_str(), precision,
                                    is_percent ? magnitude * 100 : magnitude);
  std::string digits(buffer.data(), static_cast<size_t>(written));
  const bool is_plain = digits.find_first_not_of("0123456789") == std::string::npos;
  if (spec.type == '\0' && is_plain) digits += ".0";
  if (spec.grouping != '\0') digits = Grouped(std::move(digits), spec.grouping);
  return is_percent ? digits + "%" : digits;
}

std::string Padded(Heap& heap, const std::string& sign, const std::string& body, const Spec& spec,
                   char natural_align) {
  const char align = spec.align == '\0' ? natural_align : spec.align;
  const auto length = static_cast<int64_t>(CountPoints(sign) + CountPoints(body));
  const auto missing = static_cast<uint64_t>(std::max<int64_t>(spec.width - length, 0));
  const uint64_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  TextBuilder out(heap);
  if (align == '=') out.Append(sign);
  out.AppendRepeated(spec.fill, before);
  if (align != '=') out.Append(sign);
  out.Append(body);
  out.AppendRepeated(spec.fill, missing - before);
  return out.Take();
}

std::string SignText(bool is_negative, const Spec& spec) {
  if (is_negative) return "-";
  return spec.sign == '-' ? "" : std::string(1, spec.sign);
}

std::string NumberFormatted(Heap& heap, const Value& value, const Spec& spec) {
  static constexpr std::string_view kFloatTypes = "eEfFgG%";
  const bool is_float = value.kind() == Kind::kFloat ||
                        (spec.type != '\0' && kFloatTypes.find(spec.type) != std::string::npos);
  if (is_float) {
    const double number = value.number();
    return Padded(heap, SignText(std::signbit(number), spec), FloatDigits(std::abs(number), spec),
                  spec, '>');
  }
  const int64_t number = value.integer();
  const uint64_t magnitude = number < 0 ? 0 - static_cast<uint64_t>(number) : number;
  return Padded(heap, SignText(number < 0, spec), IntegerDigits(magnitude, spec), spec, '>');
}

std::string TextFormatted(Heap& heap, std::string_view text, const Spec& spec, char align) {
  if (spec.precision >= 0) {
    text = text.substr(0, OffsetOfPoint(text, static_cast<size_t>(spec.precision)));
  }
  return Padded(heap, "", std::string(text), spec, align);
}

class Printf {
 public:
  Printf(Heap& heap, std::string_view pattern, const Value& values)
      : heap_(heap), pattern_(pattern), values_(values), out_(heap) {}

  Value Run() {
    while (at_ < pattern_.size()) {
      const size_t percent = std::min(pattern_.find('%', at_), pattern_.size());
      out_.Append(pattern_.substr(at_, percent - at_));
      at_ = percent + 1;
      if (percent < pattern_.size()) Conversion();
    }
    const bool may_have_more = values_.IsDict() || values_.IsList(ListKind::kList);
    const size_t given = IsTuple() ? values_.list().items.size() : 1;
    if (!may_have_more && next_ < given) Fail("`%` was given more values than its text uses");
    return MakeText(heap_, out_.Take());
  }

 private:
  bool IsTuple() const { return values_.IsList(ListKind::kTuple); }

  const Value& NextValue() {
    const size_t index = next_++;
    if (IsTuple() && index < values_.list().items.size()) return values_.list().items[index];
    if (!IsTuple() && index == 0) return values_;
    Fail("`%` was given fewer values than its text uses");
  }

  const Value& NamedValue() {
    const size_t end = pattern_.find(')', at_);
    if (end == std::string_view::npos) Fail("`%` has an unclosed \"(\"");
    const std::string_view name = pattern_.substr(at_ + 1, end - at_ - 1);
    if (!values_.IsDict()) Fail("`%` with names needs a dict");
    at_ = end + 1;
    next_ = 1;
    const Value* value = values_.dict().Find(name);
    if (value == nullptr) Fail("`%` was not given " + base::Quoted(name));
    return *value;
  }

  void TakeFlags(Spec& spec) {
    for (; at_ < pattern_.size(); ++at_) {
      const char c = pattern_[at_];
      if (c == '-') {
        spec.align = '<';
      } else if (c == '+' || (c == ' ' && spec.sign != '+')) {
        spec.sign = c;
      } else if (c == '#') {
        spec.is_alternate = true;
      } else if (c == '0' && spec.align != '<') {
        spec.align = '=';
        spec.fill = "0";
      } else if (c != ' ' && c != '0') {
        break;
      }
    }
    if (spec.align == '<') spec.fill = " ";
  }

  int64_t TakeCount(int64_t most) {
    if (at_ >= pattern_.size() || pattern_[at_] != '*') return TakeNumber(pattern_, at_, most);
    ++at_;
    const int64_t count = IntegerArgument(NextValue(), "a width or precision");
    if (count < 0 || count > most) Fail(fmt::format("a width or precision is not in 0..{}", most));
    return count;
  }

  void Conversion() {
    Spec spec;
    const Value* named = nullptr;
    if (at_ < pattern_.size() && pattern_[at_] == '(') named = &NamedValue();
    TakeFlags(spec);
    spec.width = std::max<int64_t>(TakeCount(kMostWidth), 0);
    if (at_ < pattern_.size() && pattern_[at_] == '.') {
      ++at_;
      spec.precision = std::max<int64_t>(TakeCount(kMostPrecision), 0);
    }
    while (at_ < pattern_.size() &&
           std::string_view("hlL").find(pattern_[at_]) != std::string::npos) {
      ++at_;
    }
    if (at_ >= pattern_.size()) Fail("`%` has an incomplete format");
    spec.type = pattern_[at_++];
    if (spec.type == '%') return out_.Append("%");
    heap_.Step();
    Append(named == nullptr ? NextValue() : *named, spec);
  }

  void Append(const Value& value, Spec& spec) {
    switch (spec.type) {
      case 's':
      case 'r':
      case 'a':
        if (spec.fill == "0") spec.fill = " ";
        if (spec.align == '=') spec.align = '>';
        return out_.Append(TextFormatted(
            heap_, spec.type == 's' ? ToText(heap_, value) : ToRepr(heap_, value), spec, '>'));
      case 'c':
        return AppendCharacter(value, spec);
      case 'd':
      case 'i':
      case 'u':
        return AppendWhole(value, spec);
      case 'x':
      case 'X':
      case 'o':
        IntegerArgument(value, "the value of an integer format");
        return out_.Append(NumberFormatted(heap_, value, spec));
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        RequireDefined(value);
        if (!value.IsNumber()) Fail(fmt::format("`%` needs a number, not a {}", TypeName(value)));
        return out_.Append(NumberFormatted(heap_, value, spec));
      default:
        Fail("`%` has no format " + base::Quoted(std::string(1, spec.type)));
    }
  }

  void AppendWhole(const Value& value, Spec& spec) {
    RequireDefined(value);
    spec.type = 'd';
    if (value.IsInteger()) return out_.Append(NumberFormatted(heap_, value, spec));
    const bool is_small = value.kind() == Kind::kFloat && std::abs(value.number()) < 0x1p63;
    if (!is_small) Fail(fmt::format("`%d` needs a number, not a {}", TypeName(value)));
    const Value whole(static_cast<int64_t>(value.number()));
    out_.Append(NumberFormatted(heap_, whole, spec));
  }

  void AppendCharacter(const Value& value, const Spec& spec) {
    std::string text;
    if (value.IsInteger()) {
      const int64_t point = value.integer();
      if (point < 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        Fail("`%c` needs a character");
      }
      AppendPoint(text, static_cast<uint32_t>(point));
    } else {
      text = TextArgument(value, "the value of `%c`");
      if (CountPoints(text) != 1) Fail("`%c` needs a single character");
    }
    out_.Append(TextFormatted(heap_, text, spec, '>'));
  }

  Heap& heap_;
  const std::string_view pattern_;
  const Value& values_;
  TextBuilder out_;
  size_t at_ = 0;
  size_t next_ = 0;
};

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

  static Spec Parsed(std::string_view text) {
    static constexpr std::string_view kAligns = "<>^=";
    Spec spec;
    size_t at = 0;
    size_t after_fill = 0;
    if (!text.empty()) NextPoint(text, after_fill);
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
    Spec spec = Parsed(text);
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

Value PrintfFormatted(Heap& heap, std::string_view pattern, const Value& values) {
  return Printf(heap, pattern, values).Run();
}

Value StrFormatted(Heap& heap, std::string_view pattern, const Arguments& arguments) {
  return StrFormat(heap, pattern, arguments).Run();
}

std::string EscapedHtml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace glimmer::chat::jinja
