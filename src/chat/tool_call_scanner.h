// Reads one tool call as its text grows, each byte once.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace glimmer::chat {

// What counts as white space in the output of models.
inline constexpr std::string_view kOutputSpaces = " \t\r\n\v\f";

class ToolCallScanner {
 public:
  // `begin` is the offset behind <tool_call> in the text that Scan will see.
  explicit ToolCallScanner(size_t begin = 0) : at_(begin) {}

  enum class Outcome { kNeedsMore, kComplete, kBroken };
  // Goes on where the last call stopped. REQUIRES: `text` begins with the text of the last call;
  // the last outcome was kNeedsMore.
  Outcome Scan(std::string_view text);

  // After kComplete: what was read, and the offset behind </tool_call>.
  const std::string& name() const { return name_; }
  const std::vector<std::pair<std::string, std::string>>& arguments() const { return arguments_; }
  size_t end() const { return at_; }

 private:
  enum class Stage { kName, kNext, kKey, kBetween, kValue };
  enum class Found { kNeedsMore, kYes, kNo };

  Outcome Step(std::string_view text, bool& goes_on);
  Outcome StepName(std::string_view text, bool& goes_on);
  Outcome StepNext(std::string_view text, bool& goes_on);
  Outcome StepKey(std::string_view text, bool& goes_on);
  Outcome StepBetween(std::string_view text, bool& goes_on);
  // Reads up to `tag` and past it; false when the tag is not there yet.
  bool TakeUntil(std::string_view text, std::string_view tag, std::string& out);
  Found TagHere(std::string_view text, std::string_view tag) const;
  void SkipSpace(std::string_view text);

  Stage stage_ = Stage::kName;
  size_t at_;            // everything before is read
  size_t searched_ = 0;  // no end tag begins before this offset
  std::string name_;
  std::string key_;
  std::vector<std::pair<std::string, std::string>> arguments_;
};

}  // namespace glimmer::chat
