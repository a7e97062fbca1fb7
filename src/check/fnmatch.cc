#include "check/fnmatch.h"

#include <cstddef>

namespace glimmer::check {
namespace {

// The position behind the set that begins at pattern[at] == '[', or 0 when it is not closed.
size_t EndOfSet(std::string_view pattern, size_t at) {
  size_t end = at + 1;
  if (end < pattern.size() && pattern[end] == '!') ++end;
  if (end < pattern.size() && pattern[end] == ']') ++end;
  while (end < pattern.size() && pattern[end] != ']') ++end;
  return end < pattern.size() ? end + 1 : 0;
}

// `set` is what stands between the brackets.
bool InSet(std::string_view set, char c) {
  const bool negated = set.starts_with('!');
  if (negated) set.remove_prefix(1);
  bool found = false;
  for (size_t i = 0; i < set.size(); ++i) {
    if (i + 2 < set.size() && set[i + 1] == '-') {
      found = found || (set[i] <= c && c <= set[i + 2]);
      i += 2;
    } else {
      found = found || set[i] == c;
    }
  }
  return found != negated;
}

// Matches one character against the pattern's element at `at`; returns the position behind the
// element, or 0.
size_t MatchOne(std::string_view pattern, size_t at, char c) {
  if (pattern[at] == '?') return at + 1;
  if (pattern[at] == '[') {
    if (const size_t end = EndOfSet(pattern, at); end > 0) {
      return InSet(pattern.substr(at + 1, end - at - 2), c) ? end : 0;
    }
  }
  return pattern[at] == c ? at + 1 : 0;
}

}  // namespace

bool Fnmatch(std::string_view name, std::string_view pattern) {
  size_t n = 0, p = 0, star = std::string_view::npos, retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
      continue;
    }
    if (p < pattern.size()) {
      if (const size_t next = MatchOne(pattern, p, name[n]); next > 0) {
        p = next;
        ++n;
        continue;
      }
    }
    if (star == std::string_view::npos) return false;
    p = star + 1;
    n = ++retry;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace glimmer::check
