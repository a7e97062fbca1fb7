#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/text.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/value_ops.h"
#include "chat/jinja/value_text.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

namespace bj = boost::json;

// Escaped text is handed on in parts, so that the memory limit sees it grow.
constexpr size_t kFlushBytes = 4096;

// JSON that the caller hands in is not limited to base::kJsonMaxDepth.
Value FromJsonAt(Heap& heap, const base::JsonValue& json, size_t depth) {
  CheckedDepth(heap, depth);
  switch (json.kind()) {
    case bj::kind::null:
      return Value(None{});
    case bj::kind::bool_:
      return Value(json.get_bool());
    case bj::kind::int64:
      return Value(int64_t{json.get_int64()});
    case bj::kind::uint64:
      if (json.get_uint64() > INT64_MAX) {
        Fail(fmt::format("the number {} of the input is larger than 64-bit integers go",
                         json.get_uint64()));
      }
      return Value(static_cast<int64_t>(json.get_uint64()));
    case bj::kind::double_:
      return Value(json.get_double());
    case bj::kind::string: {
      const std::string_view text(json.get_string().data(), json.get_string().size());
      if (unicode::ValidPrefixBytes(text) < text.size()) {
        Fail("a text of the input is not valid UTF-8: " + base::Quoted(text));
      }
      return MakeText(heap, std::string(text));
    }
    case bj::kind::array: {
      std::vector<Value> items;
      items.reserve(json.get_array().size());
      for (const auto& item : json.get_array()) items.push_back(FromJsonAt(heap, item, depth + 1));
      return MakeList(heap, std::move(items));
    }
    case bj::kind::object:
      break;
  }
  auto dict = std::make_shared<Dict>(heap);
  for (const auto& member : json.get_object()) {
    const base::JsonValue key(member.key());
    dict->Set(FromJsonAt(heap, key, depth), FromJsonAt(heap, member.value(), depth + 1));
  }
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

class JsonWriter {
 public:
  JsonWriter(Heap& heap, const JsonStyle& style) : heap_(heap), style_(style), out_(heap) {}

  void Write(const Value& value, size_t level) {
    heap_.Step();
    switch (value.kind()) {
      case Kind::kNone:
        return out_.Append("null");
      case Kind::kBool:
        return out_.Append(value.boolean() ? "true" : "false");
      case Kind::kInt:
        return out_.Append(std::to_string(value.integer()));
      case Kind::kFloat:
        return out_.Append(NumberText(value.number()));
      case Kind::kText:
        return WriteText(value.bytes());
      case Kind::kList:
        return WriteList(value, level);
      case Kind::kDict:
        return WriteDict(value.dict(), level);
      default:
        Fail(fmt::format("tojson: JSON has no form for {}",
                         value.IsUndefined() ? UndefinedReason(value) : TypeName(value)));
    }
  }
  std::string Take() { return out_.Take(); }

 private:
  static std::string NumberText(double number) {
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
    return FloatText(number);
  }

  void WriteText(const std::string& text) {
    std::string escaped = "\"";
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      const uint32_t point = unicode::NextPoint(text, at);
      if (point == '"' || point == '\\') {
        escaped += '\\';
        escaped += static_cast<char>(point);
      } else if (point < 0x20) {
        AppendControl(escaped, point);
      } else if (point > 0x7f && style_.ensure_ascii) {
        AppendEscaped(escaped, point);
      } else {
        escaped.append(text, start, at - start);
      }
      if (escaped.size() > kFlushBytes) out_.Append(std::exchange(escaped, {}));
    }
    out_.Append(escaped);
    out_.Append("\"");
  }

  static void AppendControl(std::string& out, uint32_t point) {
    static constexpr std::string_view kNamed = "\b\f\n\r\t";
    const size_t at = kNamed.find(static_cast<char>(point));
    if (at == std::string_view::npos) {
      AppendEscaped(out, point);
    } else {
      out += '\\';
      out += "bfnrt"[at];
    }
  }

  static void AppendEscaped(std::string& out, uint32_t point) {
    if (point < 0x10000) {
      out += fmt::format("\\u{:04x}", point);
    } else {
      const uint32_t offset = point - 0x10000;
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (offset >> 10), 0xdc00 + (offset & 0x3ff));
    }
  }

  void BreakLine(size_t level) {
    if (!style_.is_indented) return;
    out_.Append("\n");
    for (size_t i = 0; i < level; ++i) out_.Append(style_.indent);
  }

  void WriteList(const Value& value, size_t level) {
    const List& list = value.list();
    if (list.kind != ListKind::kList && list.kind != ListKind::kTuple &&
        list.kind != ListKind::kGroup) {
      Fail(fmt::format("tojson: JSON has no form for a {}", TypeName(value)));
    }
    if (list.items.empty()) return out_.Append("[]");
    out_.Append("[");
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out_.Append(style_.item_separator);
      BreakLine(level + 1);
      Write(list.items[i], level + 1);
    }
    BreakLine(level);
    out_.Append("]");
  }

  std::string KeyText(const Value& key) {
    switch (key.kind()) {
      case Kind::kText:
        return key.bytes();
      case Kind::kNone:
        return "null";
      case Kind::kBool:
        return key.boolean() ? "true" : "false";
      case Kind::kInt:
        return std::to_string(key.integer());
      case Kind::kFloat:
        return NumberText(key.number());
      default:
        Fail(fmt::format("tojson: a {} cannot be a key in JSON", TypeName(key)));
    }
  }

  void WriteDict(const Dict& dict, size_t level) {
    if (dict.entries().empty()) return out_.Append("{}");
    auto entries = dict.entries();
    if (style_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(), [this](const auto& a, const auto& b) {
        return IsLess(heap_, a.first, b.first);
      });
    }
    out_.Append("{");
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_.Append(style_.item_separator);
      BreakLine(level + 1);
      WriteText(KeyText(entries[i].first));
      out_.Append(style_.key_separator);
      Write(entries[i].second, level + 1);
    }
    BreakLine(level);
    out_.Append("}");
  }

  Heap& heap_;
  const JsonStyle& style_;
  TextBuilder out_;
};

}  // namespace

Value FromJson(Heap& heap, const base::JsonValue& json) { return FromJsonAt(heap, json, 1); }

std::string ToJson(Heap& heap, const Value& value, const JsonStyle& style) {
  JsonWriter writer(heap, style);
  writer.Write(value, 0);
  return writer.Take();
}

}  // namespace glimmer::chat::jinja
