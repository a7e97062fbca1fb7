#include "chat/jinja/printf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/format_spec.h"
#include "chat/jinja/value_ops.h"
#include "chat/jinja/value_text.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

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

  void TakeFlags(FormatSpec& spec) {
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
    FormatSpec spec;
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

  void Append(const Value& value, FormatSpec& spec) {
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

  void AppendWhole(const Value& value, FormatSpec& spec) {
    RequireDefined(value);
    spec.type = 'd';
    if (value.IsInteger()) return out_.Append(NumberFormatted(heap_, value, spec));
    const bool is_small = value.kind() == Kind::kFloat && std::abs(value.number()) < 0x1p63;
    if (!is_small) Fail(fmt::format("`%d` needs a number, not a {}", TypeName(value)));
    const Value whole(static_cast<int64_t>(value.number()));
    out_.Append(NumberFormatted(heap_, whole, spec));
  }

  void AppendCharacter(const Value& value, const FormatSpec& spec) {
    std::string text;
    if (value.IsInteger()) {
      const int64_t point = value.integer();
      if (point < 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        Fail("`%c` needs a character");
      }
      unicode::AppendUtf8(static_cast<uint32_t>(point), text);
    } else {
      text = TextArgument(value, "the value of `%c`");
      if (unicode::CountPoints(text) != 1) Fail("`%c` needs a single character");
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

}  // namespace

Value PrintfFormatted(Heap& heap, std::string_view pattern, const Value& values) {
  return Printf(heap, pattern, values).Run();
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
