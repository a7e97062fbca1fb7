#include "chat/tool_call_scanner.h"

#include <algorithm>

namespace glimmer::chat {
namespace {

constexpr std::string_view kCallEnd = "</tool_call>";
constexpr std::string_view kKey = "<arg_key>";
constexpr std::string_view kKeyEnd = "</arg_key>";
constexpr std::string_view kValue = "<arg_value>";
constexpr std::string_view kValueEnd = "</arg_value>";

std::string Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kOutputSpaces);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(kOutputSpaces) - first + 1));
}

}  // namespace

ToolCallScanner::Outcome ToolCallScanner::Scan(std::string_view text) {
  bool goes_on = true;
  Outcome outcome = Outcome::kNeedsMore;
  while (goes_on) {
    goes_on = false;
    outcome = Step(text, goes_on);
  }
  return outcome;
}

ToolCallScanner::Outcome ToolCallScanner::Step(std::string_view text, bool& goes_on) {
  switch (stage_) {
    case Stage::kName:
      return StepName(text, goes_on);
    case Stage::kNext:
      return StepNext(text, goes_on);
    case Stage::kBetween:
      return StepBetween(text, goes_on);
    case Stage::kKey:
      return StepKey(text, goes_on);
    case Stage::kValue: {
      std::string value;
      goes_on = TakeUntil(text, kValueEnd, value);
      if (!goes_on) return Outcome::kNeedsMore;
      arguments_.emplace_back(Trimmed(std::exchange(key_, {})), std::move(value));
      stage_ = Stage::kNext;
      return Outcome::kNeedsMore;
    }
  }
  return Outcome::kBroken;
}

// A name is a word: neither white space nor "<" inside.
ToolCallScanner::Outcome ToolCallScanner::StepName(std::string_view text, bool& goes_on) {
  if (name_.empty()) SkipSpace(text);
  while (at_ < text.size() && text[at_] != '<' &&
         kOutputSpaces.find(text[at_]) == std::string::npos) {
    name_ += text[at_++];
  }
  if (at_ == text.size()) return Outcome::kNeedsMore;
  if (name_.empty()) return Outcome::kBroken;
  stage_ = Stage::kNext;
  goes_on = true;
  return Outcome::kNeedsMore;
}

// Another argument or the end.
ToolCallScanner::Outcome ToolCallScanner::StepNext(std::string_view text, bool& goes_on) {
  SkipSpace(text);
  const Found key = TagHere(text, kKey);
  const Found end = TagHere(text, kCallEnd);
  if (key == Found::kYes) {
    at_ += kKey.size();
    stage_ = Stage::kKey;
    goes_on = true;
    return Outcome::kNeedsMore;
  }
  if (end == Found::kYes) {
    at_ += kCallEnd.size();
    return Outcome::kComplete;
  }
  const bool may_come = key == Found::kNeedsMore || end == Found::kNeedsMore;
  return may_come ? Outcome::kNeedsMore : Outcome::kBroken;
}

// A key holds no "<", so that a text of broken calls is not searched again and again.
ToolCallScanner::Outcome ToolCallScanner::StepKey(std::string_view text, bool& goes_on) {
  const size_t end = std::min(text.find('<', at_), text.size());
  key_ += text.substr(at_, end - at_);
  at_ = end;
  const Found found = TagHere(text, kKeyEnd);
  if (found == Found::kNo) return Outcome::kBroken;
  if (found == Found::kNeedsMore) return Outcome::kNeedsMore;
  at_ += kKeyEnd.size();
  stage_ = Stage::kBetween;
  goes_on = true;
  return Outcome::kNeedsMore;
}

// Between </arg_key> and <arg_value>: white space, also written out as \n.
ToolCallScanner::Outcome ToolCallScanner::StepBetween(std::string_view text, bool& goes_on) {
  SkipSpace(text);
  while (text.substr(at_).starts_with("\\n")) {
    at_ += 2;
    SkipSpace(text);
  }
  if (text.substr(at_) == "\\") return Outcome::kNeedsMore;
  const Found value = TagHere(text, kValue);
  if (value == Found::kNo) return Outcome::kBroken;
  if (value == Found::kNeedsMore) return Outcome::kNeedsMore;
  at_ += kValue.size();
  stage_ = Stage::kValue;
  goes_on = true;
  return Outcome::kNeedsMore;
}

bool ToolCallScanner::TakeUntil(std::string_view text, std::string_view tag, std::string& out) {
  const size_t found = text.find(tag, std::max(at_, searched_));
  if (found == std::string_view::npos) {
    searched_ = text.size() - std::min(text.size(), tag.size() - 1);
    return false;
  }
  out = std::string(text.substr(at_, found - at_));
  at_ = found + tag.size();
  return true;
}

ToolCallScanner::Found ToolCallScanner::TagHere(std::string_view text, std::string_view tag) const {
  const std::string_view rest = text.substr(at_);
  if (rest.starts_with(tag)) return Found::kYes;
  return tag.starts_with(rest) ? Found::kNeedsMore : Found::kNo;
}

void ToolCallScanner::SkipSpace(std::string_view text) {
  while (at_ < text.size() && kOutputSpaces.find(text[at_]) != std::string::npos) ++at_;
}

}  // namespace glimmer::chat
