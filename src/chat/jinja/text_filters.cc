// The filters that make text and numbers.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/text.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/filters.h"
#include "chat/jinja/methods.h"
#include "chat/jinja/number_text.h"
#include "chat/jinja/printf.h"
#include "chat/jinja/text_search.h"
#include "chat/jinja/value_ops.h"
#include "chat/jinja/value_text.h"
#include "unicode/python_str.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

JsonStyle JsonStyleOf(Heap& heap, const Arguments& arguments) {
  const auto bound =
      Bind("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = bound[0] != nullptr && IsTrue(*bound[0]);
  style.sort_keys = bound[3] != nullptr && IsTrue(*bound[3]);
  if (bound[1] != nullptr && !bound[1]->IsNone()) {
    style.is_indented = true;
    style.item_separator = ",";
    if (bound[1]->IsText()) {
      style.indent = bound[1]->bytes();
    } else {
      const int64_t width = IntegerArgument(*bound[1], "the indent of tojson");
      heap.CheckFits(static_cast<size_t>(std::max<int64_t>(width, 0)));
      style.indent.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
    }
  }
  if (bound[2] != nullptr && !bound[2]->IsNone()) {
    const auto separators = ItemsOf(heap, *bound[2]);
    if (separators.size() != 2) Fail("the separators of tojson are two texts");
    style.item_separator = TextArgument(separators[0], "a separator of tojson");
    style.key_separator = TextArgument(separators[1], "a separator of tojson");
  }
  return style;
}

Value ToJsonFilter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Heap& heap = interpreter.heap();
  const JsonStyle style = JsonStyleOf(heap, arguments);
  return MakeText(heap, ToJson(heap, input, style));
}

Value StringFilter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Bind("string", arguments, {});
  return input.IsText() ? input : MakeText(interpreter.heap(), ToText(interpreter.heap(), input));
}

Value TrimFilter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("trim", arguments, {"chars"});
  const std::string text = ToText(interpreter.heap(), input);
  const bool has_points = bound[0] != nullptr && !bound[0]->IsNone();
  return MakeText(
      interpreter.heap(),
      std::string(has_points ? unicode::TrimPoints(text, TextArgument(*bound[0], "chars"),
                                                   unicode::Ends::kBoth)
                             : unicode::Trim(text, unicode::Ends::kBoth)));
}

template <std::string (*kConvert)(std::string_view)>
Value Converted(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Bind("the filter", arguments, {});
  return MakeText(interpreter.heap(), kConvert(ToText(interpreter.heap(), input)));
}

// jinja2's title: words begin behind spaces, "-", "(", "{", "[" and "<".
std::string TitleWords(std::string_view text) {
  std::string out;
  size_t at = 0;
  bool starts_word = true;
  while (at < text.size()) {
    const size_t start = at;
    const uint32_t point = unicode::NextPoint(text, at);
    const std::string_view one = text.substr(start, at - start);
    const bool is_gap = unicode::IsSpace(point) ||
                        (point < 0x80 && std::string_view("-({[<").find(static_cast<char>(point)) !=
                                             std::string::npos);
    out += starts_word && !is_gap ? unicode::ToUpper(one) : unicode::ToLower(one);
    starts_word = is_gap;
  }
  return out;
}

Value Replace(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("replace", arguments, {"old", "new", "count"}, 2);
  Heap& heap = interpreter.heap();
  const bool has_count = bound[2] != nullptr && !bound[2]->IsNone();
  const int64_t most = has_count ? IntegerArgument(*bound[2], "the count of replace") : -1;
  return MakeText(heap, ReplacedText(heap, ToText(heap, input), ToText(heap, *bound[0]),
                                     ToText(heap, *bound[1]), most));
}

Value Indent(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("indent", arguments, {"width", "first", "blank"});
  Heap& heap = interpreter.heap();
  TextBuilder indent(heap);
  if (bound[0] != nullptr && bound[0]->IsText()) {
    indent.Append(bound[0]->bytes());
  } else {
    const int64_t width = bound[0] ? IntegerArgument(*bound[0], "the width of indent") : 4;
    indent.AppendRepeated(" ", static_cast<uint64_t>(std::max<int64_t>(width, 0)));
  }
  const std::string step = indent.Take();
  const bool indents_first = bound[1] != nullptr && IsTrue(*bound[1]);
  const bool indents_blank = bound[2] != nullptr && IsTrue(*bound[2]);
  // jinja2 adds the line end so that a text without one has a line, and one with it an empty last.
  const std::string text = TextArgument(input, "the input of indent") + "\n";
  TextBuilder out(heap);
  bool is_first = true;
  for (const std::string_view line : unicode::LinesOf(text, unicode::LineEnds::kDropped)) {
    if (!is_first) out.Append("\n");
    const bool is_indented = is_first ? indents_first : indents_blank || !line.empty();
    if (is_indented) out.Append(step);
    out.Append(line);
    heap.Step();
    is_first = false;
  }
  return MakeText(heap, out.Take());
}

Value Default(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("default", arguments, {"default_value", "boolean"});
  const bool replaces_false = bound[1] != nullptr && IsTrue(*bound[1]);
  if (!input.IsUndefined() && !(replaces_false && !IsTrue(input))) return input;
  return bound[0] ? *bound[0] : MakeText(interpreter.heap(), "");
}

Value Int(Interpreter&, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("int", arguments, {"default", "base"});
  const int64_t base = bound[1] ? IntegerArgument(*bound[1], "the base of int") : 10;
  const Value fallback = bound[0] ? *bound[0] : Value(int64_t{0});
  RequireDefined(input);
  if (input.IsInteger()) return Value(input.integer());
  double number = 0;
  if (input.kind() == Kind::kFloat) {
    number = input.number();
    if (std::isinf(number)) Fail("infinity is no int");
    if (std::isnan(number)) return fallback;
  } else if (input.IsText()) {
    if (const auto integer = ReadInteger(input.bytes(), base)) return Value(*integer);
    const auto read = ReadFloat(input.bytes());
    if (!read || !std::isfinite(*read)) return fallback;
    number = *read;
  } else {
    return fallback;
  }
  if (!(std::abs(number) < 0x1p63)) Fail("the number does not fit into a 64-bit integer");
  return Value(static_cast<int64_t>(number));
}

Value Float(Interpreter&, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("float", arguments, {"default"});
  RequireDefined(input);
  if (input.IsNumber()) return Value(input.number());
  if (input.IsText()) {
    if (const auto read = ReadFloat(input.bytes())) return Value(*read);
  }
  return bound[0] ? *bound[0] : Value(0.0);
}

Value Abs(Interpreter&, const Value& input, const Arguments& arguments) {
  Bind("abs", arguments, {});
  RequireDefined(input);
  if (input.kind() == Kind::kFloat) return Value(std::abs(input.number()));
  const int64_t number = IntegerArgument(input, "the input of abs");
  return number < 0 ? Negated(input) : Value(number);
}

// Rounds half to even on the exact binary value, as Python does.
double Rounded(double number, int64_t precision) {
  if (precision > 300 || !std::isfinite(number)) return number;
  if (precision < 0) {
    const double unit = std::pow(10.0, static_cast<double>(std::min<int64_t>(-precision, 400)));
    return std::isinf(unit) ? 0.0 : std::nearbyint(number / unit) * unit;
  }
  std::array<char, 1024> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%.*f", static_cast<int>(precision), number);
  return std::strtod(buffer.data(), nullptr);
}

Value Round(Interpreter&, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("round", arguments, {"precision", "method"});
  const int64_t precision = bound[0] ? IntegerArgument(*bound[0], "the precision of round") : 0;
  const std::string method = bound[1] ? TextArgument(*bound[1], "the method of round") : "common";
  RequireDefined(input);
  if (!input.IsNumber()) Fail(fmt::format("a {} cannot be rounded", TypeName(input)));
  if (method == "common") {
    if (input.IsInteger() && precision >= 0) return Value(input.integer());
    if (!input.IsInteger()) return Value(Rounded(input.number(), precision));
    return Value(static_cast<int64_t>(Rounded(input.number(), precision)));
  }
  if (method != "ceil" && method != "floor") Fail("round knows common, ceil and floor");
  const double unit =
      std::pow(10.0, static_cast<double>(std::clamp<int64_t>(precision, -400, 400)));
  const double scaled = input.number() * unit;
  if (!std::isfinite(scaled)) Fail("the number is too large to be rounded like this");
  return Value((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

Value Safe(Interpreter& interpreter, const Value& input, const Arguments&) {
  return MakeMarkup(interpreter.heap(), ToText(interpreter.heap(), input));
}

Value ForceEscape(Interpreter& interpreter, const Value& input, const Arguments&) {
  Heap& heap = interpreter.heap();
  std::string text = ToText(heap, input);
  heap.CheckFits(text.size() * 5);
  return MakeMarkup(heap, EscapedHtml(text));
}

Value Escape(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  if (input.IsText() && input.text().is_markup) return input;
  return ForceEscape(interpreter, input, arguments);
}

Value Format(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Heap& heap = interpreter.heap();
  const std::string pattern = ToText(heap, input);
  if (arguments.named.empty()) {
    return PrintfFormatted(heap, pattern, MakeList(heap, arguments.positional, ListKind::kTuple));
  }
  if (!arguments.positional.empty()) Fail("format takes named or unnamed values, not both");
  auto dict = std::make_shared<Dict>(heap);
  for (const auto& [name, value] : arguments.named) dict->Set(MakeText(heap, name), value);
  return PrintfFormatted(heap, pattern, Value(std::shared_ptr<const Dict>(std::move(dict))));
}

Value Truncate(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("truncate", arguments, {"length", "killwords", "end", "leeway"});
  Heap& heap = interpreter.heap();
  const int64_t length = bound[0] ? IntegerArgument(*bound[0], "the length of truncate") : 255;
  const bool cuts_words = bound[1] != nullptr && IsTrue(*bound[1]);
  const std::string end = bound[2] ? TextArgument(*bound[2], "the end of truncate") : "...";
  const bool has_leeway = bound[3] != nullptr && !bound[3]->IsNone();
  const int64_t leeway = has_leeway ? IntegerArgument(*bound[3], "the leeway of truncate") : 5;
  const std::string& text = TextArgument(input, "the input of truncate");
  const auto end_length = static_cast<int64_t>(unicode::CountPoints(end));
  if (length < end_length || leeway < 0) Fail("truncate: its end is longer than its length");
  const auto points = static_cast<int64_t>(unicode::CountPoints(text));
  if (points <= length || points - length <= leeway) return input;
  std::string kept =
      text.substr(0, unicode::OffsetOfPoint(text, static_cast<size_t>(length - end_length)));
  if (!cuts_words) kept = kept.substr(0, kept.rfind(' '));
  return MakeText(heap, kept + end);
}

Value Center(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("center", arguments, {"width"});
  const Value text = MakeText(interpreter.heap(), ToText(interpreter.heap(), input));
  const Arguments width{{bound[0] ? *bound[0] : Value(int64_t{80})}, {}};
  return FindTextMethod("center")(interpreter, text, width);
}

Value WordCount(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Bind("wordcount", arguments, {});
  const std::string text = ToText(interpreter.heap(), input);
  int64_t words = 0;
  bool is_inside = false;
  for (size_t at = 0; at < text.size();) {
    const uint32_t point = unicode::NextPoint(text, at);
    const bool is_word = point == '_' || unicode::IsAlphabetic(point) || unicode::IsNumeric(point);
    if (is_word && !is_inside) ++words;
    is_inside = is_word;
  }
  return Value(words);
}

constexpr std::array kTextFilters = {
    NamedFilter{"tojson", &ToJsonFilter},
    NamedFilter{"trim", &TrimFilter},
    NamedFilter{"string", &StringFilter},
    NamedFilter{"upper", &Converted<&unicode::ToUpper>},
    NamedFilter{"lower", &Converted<&unicode::ToLower>},
    NamedFilter{"title", &Converted<&TitleWords>},
    NamedFilter{"capitalize", &Converted<&unicode::Capitalized>},
    NamedFilter{"replace", &Replace},
    NamedFilter{"indent", &Indent},
    NamedFilter{"default", &Default},
    NamedFilter{"d", &Default},
    NamedFilter{"int", &Int},
    NamedFilter{"float", &Float},
    NamedFilter{"abs", &Abs},
    NamedFilter{"round", &Round},
    NamedFilter{"safe", &Safe},
    NamedFilter{"escape", &Escape},
    NamedFilter{"e", &Escape},
    NamedFilter{"forceescape", &ForceEscape},
    NamedFilter{"format", &Format},
    NamedFilter{"truncate", &Truncate},
    NamedFilter{"center", &Center},
    NamedFilter{"wordcount", &WordCount},
};

}  // namespace

FilterBody FindTextFilter(std::string_view name) { return BodyOf(kTextFilters, name); }

}  // namespace glimmer::chat::jinja
