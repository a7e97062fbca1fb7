// The methods of str.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/interpreter.h"
#include "chat/jinja/methods.h"
#include "chat/jinja/printf.h"
#include "chat/jinja/text_search.h"
#include "chat/jinja/value_ops.h"
#include "unicode/python_str.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

constexpr size_t kNowhere = std::string_view::npos;

bool IsGiven(const Value* value) { return value != nullptr && !value->IsNone(); }

template <std::string (*kConvert)(std::string_view)>
Value Converted(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  Bind("the method", arguments, {});
  return MakeText(interpreter.heap(), kConvert(self.bytes()));
}

std::string SwappedCase(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const uint32_t point = unicode::NextPoint(text, at);
    const std::string_view one = text.substr(start, at - start);
    out += unicode::IsUppercase(point)   ? unicode::ToLower(one)
           : unicode::IsLowercase(point) ? unicode::ToUpper(one)
                                         : std::string(one);
  }
  return out;
}

template <unicode::Ends kEnds>
Value Stripped(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound = Bind("strip", arguments, {"chars"});
  interpreter.heap().StepBytes(self.bytes().size());
  const std::string_view kept =
      IsGiven(bound[0]) ? unicode::TrimPoints(self.bytes(), TextArgument(*bound[0], "chars"), kEnds)
                        : unicode::Trim(self.bytes(), kEnds);
  return MakeText(interpreter.heap(), std::string(kept));
}

int64_t MostSplits(const Value* argument) {
  return argument == nullptr ? -1 : IntegerArgument(*argument, "maxsplit");
}

// Splits at runs of white space.
std::vector<std::string_view> SplitAtSpace(std::string_view text, int64_t most) {
  std::vector<std::string_view> parts;
  std::string_view rest = unicode::TrimLeft(text);
  while (!rest.empty()) {
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.push_back(rest);
      break;
    }
    size_t end = 0;
    for (size_t after = 0; end < rest.size(); end = after) {
      if (unicode::IsSpace(unicode::NextPoint(rest, after))) break;
    }
    parts.push_back(rest.substr(0, end));
    rest = unicode::TrimLeft(rest.substr(end));
  }
  return parts;
}

std::vector<std::string_view> SplitAtSpaceFromRight(std::string_view text, int64_t most) {
  std::vector<std::string_view> parts;
  std::string_view rest = unicode::TrimRight(text);
  while (!rest.empty()) {
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.push_back(rest);
      break;
    }
    size_t start = rest.size();
    for (size_t before = start; start > 0; start = before) {
      if (unicode::IsSpace(unicode::PreviousPoint(rest, before))) break;
    }
    parts.push_back(rest.substr(start));
    rest = unicode::TrimRight(rest.substr(0, start));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> SplitAt(Heap& heap, std::string_view text, std::string_view separator,
                                      int64_t most) {
  std::vector<std::string_view> parts;
  size_t at = 0;
  while (most < 0 || static_cast<int64_t>(parts.size()) < most) {
    const size_t found = FindText(text, separator, at);
    if (found == kNowhere) break;
    heap.Step();
    parts.push_back(text.substr(at, found - at));
    at = found + separator.size();
  }
  parts.push_back(text.substr(at));
  return parts;
}

// All parts first, then the left ones put together again.
std::vector<std::string_view> SplitAtFromRight(Heap& heap, const std::string& text,
                                               std::string_view separator, int64_t most) {
  const std::string backwards(text.rbegin(), text.rend());
  const std::string mark(separator.rbegin(), separator.rend());
  std::vector<std::string_view> parts = SplitAt(heap, backwards, mark, most);
  std::reverse(parts.begin(), parts.end());
  for (auto& part : parts) {
    const auto from_end = static_cast<size_t>(part.data() - backwards.data()) + part.size();
    part = std::string_view(text).substr(text.size() - from_end, part.size());
  }
  return parts;
}

Value ListOf(Heap& heap, const std::vector<std::string_view>& parts,
             ListKind kind = ListKind::kList) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (const auto part : parts) {
    heap.Step();
    items.push_back(MakeText(heap, std::string(part)));
  }
  return MakeList(heap, std::move(items), kind);
}

const std::string& Separator(const Value& value) {
  const std::string& separator = TextArgument(value, "the separator");
  if (separator.empty()) Fail("the separator is empty");
  return separator;
}

Value Split(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound = Bind("str.split", arguments, {"sep", "maxsplit"});
  Heap& heap = interpreter.heap();
  heap.StepBytes(self.bytes().size());
  const int64_t most = MostSplits(bound[1]);
  if (!IsGiven(bound[0])) return ListOf(heap, SplitAtSpace(self.bytes(), most));
  return ListOf(heap, SplitAt(heap, self.bytes(), Separator(*bound[0]), most));
}

Value SplitRight(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound = Bind("str.rsplit", arguments, {"sep", "maxsplit"});
  Heap& heap = interpreter.heap();
  heap.StepBytes(self.bytes().size());
  const int64_t most = MostSplits(bound[1]);
  if (!IsGiven(bound[0])) return ListOf(heap, SplitAtSpaceFromRight(self.bytes(), most));
  return ListOf(heap, SplitAtFromRight(heap, self.bytes(), Separator(*bound[0]), most));
}

Value SplitLines(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound = Bind("str.splitlines", arguments, {"keepends"});
  const bool keeps_ends = bound[0] != nullptr && IsTrue(*bound[0]);
  const unicode::LineEnds ends =
      keeps_ends ? unicode::LineEnds::kKept : unicode::LineEnds::kDropped;
  return ListOf(interpreter.heap(), unicode::LinesOf(self.bytes(), ends));
}

template <bool kFromRight>
Value Partition(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound = Bind("str.partition", arguments, {"sep"}, 1);
  const std::string& separator = Separator(*bound[0]);
  const std::string_view text = self.bytes();
  const size_t found = kFromRight ? FindLastText(text, separator) : FindText(text, separator);
  std::vector<std::string_view> parts;
  if (found == kNowhere) {
    parts = {text, "", ""};
    if (kFromRight) std::swap(parts[0], parts[2]);
  } else {
    parts = {text.substr(0, found), separator, text.substr(found + separator.size())};
  }
  return ListOf(interpreter.heap(), parts, ListKind::kTuple);
}

// The part of a text that optional start and end arguments choose.
struct Window {
  std::string_view text;
  size_t first_point = 0;
  bool is_valid = true;  // false: it starts behind the end of the text
};

Window WindowOf(Heap& heap, const Value& self, const Value* start, const Value* end) {
  Window window{self.bytes()};
  if (!IsGiven(start) && !IsGiven(end)) return window;
  heap.StepBytes(self.bytes().size());
  const auto length = static_cast<int64_t>(LengthOf(heap, self));
  const auto resolved = [length](const Value* bound, int64_t absent) {
    if (!IsGiven(bound)) return absent;
    const int64_t at = IntegerArgument(*bound, "a bound of the search");
    return at < 0 ? std::max<int64_t>(at < -length ? 0 : at + length, 0) : at;
  };
  const int64_t first = resolved(start, 0);
  const int64_t last = std::min(resolved(end, length), length);
  window.is_valid = first <= last;
  if (!window.is_valid) return window;
  window.first_point = static_cast<size_t>(first);
  const size_t offset = unicode::OffsetOfPoint(self.bytes(), window.first_point);
  window.text.remove_prefix(offset);
  window.text =
      window.text.substr(0, unicode::OffsetOfPoint(window.text, static_cast<size_t>(last - first)));
  return window;
}

int64_t PlaceOf(Interpreter& interpreter, const Value& self, const Arguments& arguments,
                bool from_right) {
  if (!arguments.named.empty()) Fail("searching in a str takes no named arguments");
  const auto bound = Bind("the search", arguments, {"sub", "start", "end"}, 1);
  interpreter.heap().StepBytes(4 * self.bytes().size());  // searching is slower than copying
  const std::string& needle = TextArgument(*bound[0], "what is searched in a str");
  const Window window = WindowOf(interpreter.heap(), self, bound[1], bound[2]);
  if (!window.is_valid) return -1;
  const size_t found =
      from_right ? FindLastText(window.text, needle) : FindText(window.text, needle);
  if (found == kNowhere) return -1;
  return static_cast<int64_t>(window.first_point +
                              unicode::CountPoints(window.text.substr(0, found)));
}

template <bool kFromRight>
Value Find(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  return Value(PlaceOf(interpreter, self, arguments, kFromRight));
}

template <bool kFromRight>
Value Index(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const int64_t place = PlaceOf(interpreter, self, arguments, kFromRight);
  if (place < 0) Fail("the str does not contain " + base::Quoted(arguments.positional[0].bytes()));
  return Value(place);
}

Value Count(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound = Bind("str.count", arguments, {"sub", "start", "end"}, 1);
  interpreter.heap().StepBytes(4 * self.bytes().size());  // searching is slower than copying
  const std::string& needle = TextArgument(*bound[0], "what is counted in a str");
  const Window window = WindowOf(interpreter.heap(), self, bound[1], bound[2]);
  return Value(static_cast<int64_t>(window.is_valid ? CountText(window.text, needle) : 0));
}

// str.startswith and str.endswith: one text, or a tuple of them.
template <bool kAtEnd>
Value HasAffix(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound =
      Bind(kAtEnd ? "str.endswith" : "str.startswith", arguments, {"prefix", "start", "end"}, 1);
  const Window window = WindowOf(interpreter.heap(), self, bound[1], bound[2]);
  const auto matches = [&window](const Value& affix) {
    const std::string& text = TextArgument(affix, "the beginning or end of a str");
    return kAtEnd ? window.text.ends_with(text) : window.text.starts_with(text);
  };
  interpreter.heap().Step();
  if (!bound[0]->IsList(ListKind::kTuple)) return Value(matches(*bound[0]) && window.is_valid);
  const auto& affixes = bound[0]->list().items;
  return Value(window.is_valid && std::any_of(affixes.begin(), affixes.end(), matches));
}

template <bool kAtEnd>
Value WithoutAffix(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound = Bind("the method", arguments, {"affix"}, 1);
  const std::string& affix = TextArgument(*bound[0], "what is removed from a str");
  std::string_view text = self.bytes();
  if (kAtEnd && text.ends_with(affix)) text.remove_suffix(affix.size());
  if (!kAtEnd && text.starts_with(affix)) text.remove_prefix(affix.size());
  return MakeText(interpreter.heap(), std::string(text));
}

Value Replace(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound = Bind("str.replace", arguments, {"old", "new", "count"}, 2);
  const int64_t most = bound[2] ? IntegerArgument(*bound[2], "count") : -1;
  return MakeText(interpreter.heap(),
                  ReplacedText(interpreter.heap(), self.bytes(),
                               TextArgument(*bound[0], "what is replaced in a str"),
                               TextArgument(*bound[1], "the replacement"), most));
}

Value Join(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound = Bind("str.join", arguments, {"iterable"}, 1);
  TextBuilder out(interpreter.heap());
  bool is_first = true;
  for (const Value& item : ItemsOf(interpreter.heap(), *bound[0])) {
    if (!is_first) out.Append(self.bytes());
    is_first = false;
    out.Append(TextArgument(item, "each item of str.join"));
    interpreter.heap().Step();
  }
  return MakeText(interpreter.heap(), out.Take());
}

Value Format(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  return StrFormatted(interpreter.heap(), self.bytes(), arguments);
}

enum class Side { kLeft, kRight, kCenter };
template <Side kSide>
Value Padded(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound = Bind("the method", arguments, {"width", "fillchar"}, 1);
  Heap& heap = interpreter.heap();
  const std::string fill = bound[1] ? TextArgument(*bound[1], "fillchar") : " ";
  if (unicode::CountPoints(fill) != 1) Fail("fillchar must be one character");
  const int64_t width = IntegerArgument(*bound[0], "width");
  const auto length = static_cast<int64_t>(LengthOf(heap, self));
  if (width <= length) return self;
  const auto missing = static_cast<uint64_t>(width) - static_cast<uint64_t>(length);
  const uint64_t before = kSide == Side::kLeft    ? 0
                          : kSide == Side::kRight ? missing
                                                  : missing / 2 + (missing & width & 1);
  TextBuilder out(heap);
  out.AppendRepeated(fill, before);
  out.Append(self.bytes());
  out.AppendRepeated(fill, missing - before);
  return MakeText(heap, out.Take());
}

Value ZeroFilled(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound = Bind("str.zfill", arguments, {"width"}, 1);
  Heap& heap = interpreter.heap();
  const int64_t width = IntegerArgument(*bound[0], "width");
  const auto length = static_cast<int64_t>(LengthOf(heap, self));
  std::string_view text = self.bytes();
  TextBuilder out(heap);
  if (text.starts_with("-") || text.starts_with("+")) {
    out.Append(text.substr(0, 1));
    text.remove_prefix(1);
  }
  out.AppendRepeated("0", static_cast<uint64_t>(std::max<int64_t>(width - length, 0)));
  out.Append(text);
  return MakeText(heap, out.Take());
}

bool IsAlphanumeric(uint32_t point) {
  return unicode::IsAlphabetic(point) || unicode::IsNumeric(point);
}

template <bool (*kIs)(uint32_t)>
Value Consists(Interpreter&, const Value& self, const Arguments& arguments) {
  Bind("the method", arguments, {});
  const std::string& text = self.bytes();
  for (size_t at = 0; at < text.size();) {
    if (!kIs(unicode::NextPoint(text, at))) return Value(false);
  }
  return Value(!text.empty());
}

template <bool (*kIs)(uint32_t), bool (*kIsOther)(uint32_t)>
Value HasCase(Interpreter&, const Value& self, const Arguments& arguments) {
  Bind("the method", arguments, {});
  const std::string& text = self.bytes();
  bool has_case = false;
  for (size_t at = 0; at < text.size();) {
    const uint32_t point = unicode::NextPoint(text, at);
    if (kIsOther(point)) return Value(false);
    has_case = has_case || kIs(point);
  }
  return Value(has_case);
}

constexpr std::array kTextMethods = {
    NamedMethod{"split", &Split},
    NamedMethod{"rsplit", &SplitRight},
    NamedMethod{"splitlines", &SplitLines},
    NamedMethod{"strip", &Stripped<unicode::Ends::kBoth>},
    NamedMethod{"lstrip", &Stripped<unicode::Ends::kLeft>},
    NamedMethod{"rstrip", &Stripped<unicode::Ends::kRight>},
    NamedMethod{"startswith", &HasAffix<false>},
    NamedMethod{"endswith", &HasAffix<true>},
    NamedMethod{"removeprefix", &WithoutAffix<false>},
    NamedMethod{"removesuffix", &WithoutAffix<true>},
    NamedMethod{"replace", &Replace},
    NamedMethod{"upper", &Converted<&unicode::ToUpper>},
    NamedMethod{"lower", &Converted<&unicode::ToLower>},
    NamedMethod{"title", &Converted<&unicode::ToTitle>},
    NamedMethod{"capitalize", &Converted<&unicode::Capitalized>},
    NamedMethod{"swapcase", &Converted<&SwappedCase>},
    NamedMethod{"join", &Join},
    NamedMethod{"format", &Format},
    NamedMethod{"find", &Find<false>},
    NamedMethod{"rfind", &Find<true>},
    NamedMethod{"index", &Index<false>},
    NamedMethod{"rindex", &Index<true>},
    NamedMethod{"count", &Count},
    NamedMethod{"partition", &Partition<false>},
    NamedMethod{"rpartition", &Partition<true>},
    NamedMethod{"ljust", &Padded<Side::kLeft>},
    NamedMethod{"rjust", &Padded<Side::kRight>},
    NamedMethod{"center", &Padded<Side::kCenter>},
    NamedMethod{"zfill", &ZeroFilled},
    NamedMethod{"isalpha", &Consists<&unicode::IsAlphabetic>},
    NamedMethod{"isalnum", &Consists<&IsAlphanumeric>},
    NamedMethod{"isdigit", &Consists<&unicode::IsDigit>},
    NamedMethod{"isnumeric", &Consists<&unicode::IsNumeric>},
    NamedMethod{"isspace", &Consists<&unicode::IsSpace>},
    NamedMethod{"islower", &HasCase<&unicode::IsLowercase, &unicode::IsUppercase>},
    NamedMethod{"isupper", &HasCase<&unicode::IsUppercase, &unicode::IsLowercase>},
};

}  // namespace

Function::Body FindTextMethod(std::string_view name) { return BodyOf(kTextMethods, name); }

}  // namespace glimmer::chat::jinja
