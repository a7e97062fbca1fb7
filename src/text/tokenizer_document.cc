#include "text/tokenizer_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <set>

#include "base/text.h"
#include "text/byte_alphabet.h"

namespace glimmer::text {
namespace {

namespace bj = boost::json;
using base::Corrupt;
using base::Quoted;
using base::Result;

constexpr size_t kMaxItems = size_t{1} << 32;
// Guesses for reserving space.
constexpr size_t kBytesPerToken = 50, kBytesPerRule = 25;
constexpr size_t kModelPath = 3;  // the root, `model`, and the field in it

// Receives the JSON parser's events.
class Handler {
 public:
  static constexpr size_t max_object_size = kMaxItems;
  static constexpr size_t max_array_size = kMaxItems;
  static constexpr size_t max_key_size = kMaxItems;
  static constexpr size_t max_string_size = kMaxItems;

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code& code) {
    if (section_ != Section::kTree) return Refuse(code, "an object");
    path_.push_back(key_);
    keys_.emplace_back();
    if (IsAt("vocab")) section_ = Section::kVocab;
    return true;
  }
  bool on_object_end(size_t members, bj::error_code&) {
    stack.push_object(section_ == Section::kVocab ? 0 : members);
    section_ = Section::kTree;
    path_.pop_back();
    keys_.pop_back();
    return true;
  }
  bool on_array_begin(bj::error_code& code) {
    if (section_ == Section::kMerges && halves_ == kNoPair) {
      halves_ = 0;
      return true;
    }
    if (section_ != Section::kTree) return Refuse(code, "an array");
    path_.push_back(key_);
    key_.clear();
    if (IsAt("merges")) section_ = Section::kMerges;
    return true;
  }
  bool on_array_end(size_t items, bj::error_code& code) {
    if (halves_ != kNoPair) {
      if (halves_ != 2) return Refuse(code, "a pair that has not two members");
      halves_ = kNoPair;
      return true;
    }
    stack.push_array(section_ == Section::kMerges ? 0 : items);
    section_ = Section::kTree;
    path_.pop_back();
    return true;
  }
  bool on_key_part(bj::string_view part, size_t, bj::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_key(bj::string_view last, size_t, bj::error_code& code) {
    const std::string_view key = Whole(last);
    if (section_ == Section::kVocab) {
      spelling_ = {static_cast<uint32_t>(document.bytes.size()), 0, 0, false};
      spelling_.foreign = Append(key);
      spelling_.bytes = static_cast<uint32_t>(document.bytes.size()) - spelling_.begin;
    } else {
      if (!keys_.back().emplace(key).second) {
        return Fail(code, fmt::format("the key {} stands twice in one object", Quoted(key)));
      }
      key_ = key;
      stack.push_key(bj::string_view(key.data(), key.size()));
    }
    text_.clear();
    return true;
  }
  bool on_string_part(bj::string_view part, size_t, bj::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string(bj::string_view last, size_t, bj::error_code& code) {
    const std::string_view text = Whole(last);
    bool fine = true;
    if (section_ == Section::kVocab) {
      fine = Refuse(code, "a text");
    } else if (section_ == Section::kMerges) {
      fine = halves_ == kNoPair ? AddRuleText(text, code) : AddHalf(text, code);
    } else {
      stack.push_string(bj::string_view(text.data(), text.size()));
    }
    text_.clear();
    return fine;
  }
  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(int64_t number, bj::string_view, bj::error_code& code) {
    if (section_ == Section::kMerges) return Refuse(code, "a number");
    if (section_ == Section::kTree) {
      stack.push_int64(number);
      return true;
    }
    if (number < 0 || number > kMaxTokenId) {
      return Fail(code, fmt::format("model.vocab: {}: the id {} is not within 0 and {}",
                                    Quoted(Spelling()), number, kMaxTokenId));
    }
    spelling_.id = static_cast<TokenId>(number);
    document.tokens.push_back(spelling_);
    return true;
  }
  bool on_uint64(uint64_t number, bj::string_view, bj::error_code& code) {
    if (section_ != Section::kTree) return Refuse(code, fmt::format("the number {}", number));
    stack.push_uint64(number);
    return true;
  }
  bool on_double(double number, bj::string_view, bj::error_code& code) {
    if (section_ != Section::kTree) return Refuse(code, "a number that is no integer");
    stack.push_double(number);
    return true;
  }
  bool on_bool(bool truth, bj::error_code& code) {
    if (section_ != Section::kTree) return Refuse(code, "true or false");
    stack.push_bool(truth);
    return true;
  }
  bool on_null(bj::error_code& code) {
    if (section_ != Section::kTree) return Refuse(code, "null");
    stack.push_null();
    return true;
  }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }

  bj::value_stack stack;
  TokenizerDocument document;
  std::string problem;

 private:
  enum class Section { kTree, kVocab, kMerges };
  static constexpr int kNoPair = -1;

  bool IsAt(std::string_view field) const {
    return path_.size() == kModelPath && path_[1] == "model" && path_[2] == field;
  }
  // The text of the parts so far and the last; a view, so that the common text of one part is not
  // copied.
  std::string_view Whole(bj::string_view last) {
    if (text_.empty()) return {last.data(), last.size()};
    text_.append(last.data(), last.size());
    return text_;
  }
  std::string_view Spelling() const { return document.Bytes(spelling_.begin, spelling_.bytes); }

  bool Fail(bj::error_code& code, std::string what) {
    problem = std::move(what);
    code = make_error_code(bj::error::exception);
    return false;
  }
  bool Refuse(bj::error_code& code, std::string_view found) {
    if (section_ == Section::kVocab) {
      return Fail(code, fmt::format("model.vocab: {}: expected an id, found {}", Quoted(Spelling()),
                                    found));
    }
    return Fail(code, fmt::format("model.merges: rule {}: expected two tokens, found {}",
                                  document.rules.size(), found));
  }

  // Appends the bytes of a spelling, or the spelling itself; returns whether it is foreign.
  bool Append(std::string_view spelling) {
    const size_t before = document.bytes.size();
    if (AppendAlphabetBytes(spelling, document.bytes)) return false;
    document.bytes.resize(before);
    document.bytes += spelling;
    return true;
  }
  bool AddRuleText(std::string_view text, bj::error_code& code) {
    const size_t space = text.find(' ');
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
      return Refuse(code, Quoted(text));
    }
    return AddRule(text.substr(0, space), text.substr(space + 1), code);
  }
  bool AddHalf(std::string_view half, bj::error_code& code) {
    if (halves_ >= 2) return Refuse(code, "more than two");
    if (++halves_ == 1) {
      left_ = half;
      return true;
    }
    return AddRule(left_, half, code);
  }
  bool AddRule(std::string_view left, std::string_view right, bj::error_code& code) {
    if (left.empty() || right.empty()) return Refuse(code, "an empty one");
    std::string& bytes = document.bytes;
    TokenizerDocument::Rule rule{static_cast<uint32_t>(bytes.size()), 0, 0, false};
    const bool foreign_left = Append(left);
    rule.left_bytes = static_cast<uint32_t>(bytes.size() - rule.begin);
    rule.foreign = Append(right) || foreign_left;
    if (rule.foreign) {
      bytes.resize(rule.begin);
      bytes += left;
      rule.left_bytes = static_cast<uint32_t>(left.size());
      bytes += right;
    }
    rule.right_bytes = static_cast<uint32_t>(bytes.size() - rule.begin - rule.left_bytes);
    document.rules.push_back(rule);
    return true;
  }

  Section section_ = Section::kTree;
  int halves_ = kNoPair;  // of the pair being read
  std::string left_;
  std::string text_;
  std::string key_;                // the last key of the tree
  std::vector<std::string> path_;  // the key of each open container
  std::vector<std::set<std::string, std::less<>>> keys_;
  TokenizerDocument::Token spelling_{};
};

}  // namespace

Result<TokenizerDocument> ParseTokenizerDocument(std::string_view json, const std::string& source) {
  bj::parse_options options;
  options.max_depth = base::kJsonMaxDepth;
  bj::basic_parser<Handler> parser(options);
  Handler& handler = parser.handler();
  handler.stack.reset();
  handler.document.bytes.reserve(json.size());
  handler.document.tokens.reserve(json.size() / kBytesPerToken);
  handler.document.rules.reserve(json.size() / kBytesPerRule);
  bj::error_code code;
  const size_t used = parser.write_some(false, json.data(), json.size(), code);
  if (!handler.problem.empty()) {
    return Corrupt(
        fmt::format("{}: {} ({})", source, handler.problem, base::PlaceInText(json, used)));
  }
  if (code) {
    return Corrupt(
        fmt::format("{}: {}: not JSON: {}", source, base::PlaceInText(json, used), code.message()));
  }
  if (json.find_first_not_of(" \t\r\n", used) != std::string_view::npos) {
    return Corrupt(fmt::format("{}: {}: more text after the JSON value", source,
                               base::PlaceInText(json, used)));
  }
  base::JsonValue root = handler.stack.release();
  if (!root.is_object()) {
    return Corrupt(source + ": expected a JSON object, found " + base::Shown(root));
  }
  handler.document.tree = std::move(root.get_object());
  return std::move(handler.document);
}

}  // namespace glimmer::text
