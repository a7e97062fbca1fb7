#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <array>

#include "base/text.h"
#include "unicode/properties.h"
#include "unicode/utf8.h"

namespace glimmer::text {
namespace {

using base::Result;
using unicode::AppendUtf8;
using unicode::ChangedSinceUnicode14;
using unicode::CodePoint;
using unicode::DecodeAt;
using unicode::kCodePoints;
using unicode::Properties;

constexpr size_t kFirstMatchStackBytes = 256 << 10;
constexpr size_t kPropertyValues = 256;

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_jit_stack* stack) const { pcre2_jit_stack_free(stack); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

std::string MessageOf(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

// For each property byte, a code point of 3 and one of 4 bytes that had it in Unicode 14 already.
struct Substitutes {
  Substitutes() {
    for (uint32_t point = kCodePoints - 1; point >= 0x800; --point) {
      if (ChangedSinceUnicode14(point)) continue;
      auto& table = point < 0x10000 ? three_bytes : four_bytes;
      table[Properties()[point]] = point;
    }
  }
  uint32_t For(CodePoint point) const {
    const auto& table = point.bytes == 3 ? three_bytes : four_bytes;
    return table[Properties()[point.value]];  // 0: there is none
  }
  std::array<uint32_t, kPropertyValues> three_bytes{}, four_bytes{};
};

// Puts substitutes for code points newer than PCRE2's Unicode into `copy` and returns a view of
// it; returns `text` itself when it has none.
std::string_view AsUnicode14(std::string_view text, std::string& copy) {
  constexpr unsigned char kFirstLead = 0xe0;  // nothing shorter has changed
  static const Substitutes substitutes;
  for (size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < kFirstLead) {
      ++at;
      continue;
    }
    const CodePoint point = DecodeAt(text.data() + at);
    if (ChangedSinceUnicode14(point.value) && substitutes.For(point) != 0) {
      if (copy.empty()) copy = text;
      std::string bytes;
      AppendUtf8(substitutes.For(point), bytes);
      copy.replace(at, point.bytes, bytes);
    }
    at += point.bytes;
  }
  return copy.empty() ? text : copy;
}

}  // namespace

struct Regex::Code {
  Owned<pcre2_code> code;
};

struct Regex::Search::State {
  const pcre2_code* code;
  std::string copy;
  std::string_view text;
  size_t at = 0;
  size_t last_end = SIZE_MAX;
  Owned<pcre2_match_context> context{pcre2_match_context_create(nullptr)};
  Owned<pcre2_match_data> data;
  Owned<pcre2_jit_stack> stack;  // made once the 32 kB of the machine stack do not suffice

  int Match() {
    const auto match = [this] {
      return pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                         PCRE2_NO_UTF_CHECK, data.get(), context.get());
    };
    const int result = match();
    if (result != PCRE2_ERROR_JIT_STACKLIMIT || stack != nullptr) return result;
    stack.reset(pcre2_jit_stack_create(kFirstMatchStackBytes, kMaxMatchStackBytes, nullptr));
    pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
    return match();
  }
};

Regex::Regex(std::unique_ptr<Code> code) : code_(std::move(code)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::Compile(std::string_view pattern, RegexDialect dialect) {
  GLIMMER_ASSIGN(const std::string own, ToPcre2(pattern, dialect));
  Owned<pcre2_compile_context> context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  Owned<pcre2_code> code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(own.data()), own.size(),
                                       PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error,
                                       &offset, context.get()));
  if (code == nullptr) {
    return base::Unsupported(
        fmt::format("the regular expression {} is refused by PCRE2: {} (byte "
                    "{} of its rewritten form)",
                    base::Quoted(pattern), MessageOf(error), offset));
  }
  // Without JIT (a machine that forbids it) PCRE2 interprets: slower, the same matches.
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return Regex(std::make_unique<Code>(Code{std::move(code)}));
}

Regex::Search::Search(const Regex& regex, std::string_view text) : state_(new State) {
  state_->code = regex.code_->code.get();
  state_->text = AsUnicode14(text, state_->copy);
  state_->data.reset(pcre2_match_data_create_from_pattern(state_->code, nullptr));
  pcre2_set_match_limit(state_->context.get(), kMaxMatchSteps);
}

Regex::Search::~Search() = default;

Result<std::optional<Regex::Span>> Regex::Search::Next() {
  State& s = *state_;
  while (s.at < s.text.size()) {
    const int count = s.Match();
    if (count == PCRE2_ERROR_NOMATCH) break;
    if (count < 0) {
      return base::Exhausted(fmt::format("matching a text of {} bytes at byte {}: {}",
                                         s.text.size(), s.at, MessageOf(count)));
    }
    const PCRE2_SIZE* span = pcre2_get_ovector_pointer(s.data.get());
    const Span found{span[0], span[1]};
    const bool repeats_end = found.begin == found.end && found.begin == s.last_end;
    s.at = found.end;
    if (found.begin == found.end) {
      s.at += found.end < s.text.size() ? DecodeAt(s.text.data() + found.end).bytes : 1;
    }
    if (repeats_end) continue;
    s.last_end = found.end;
    return std::optional<Span>(found);
  }
  s.at = s.text.size();
  return std::optional<Span>();
}

}  // namespace glimmer::text
