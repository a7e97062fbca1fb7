#include "chat/jinja/text_search.h"

#include <cstring>
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {

size_t FindText(std::string_view text, std::string_view needle, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (needle.empty()) return from;
  // glibc's memmem is linear in the worst case; std::string_view::find is not.
  const void* found = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

size_t FindLastText(std::string_view text, std::string_view needle) {
  const std::string reversed_text(text.rbegin(), text.rend());
  const std::string reversed_needle(needle.rbegin(), needle.rend());
  const size_t found = FindText(reversed_text, reversed_needle);
  if (found == std::string_view::npos) return found;
  return text.size() - found - needle.size();
}

size_t CountText(std::string_view text, std::string_view needle) {
  if (needle.empty()) return unicode::CountPoints(text) + 1;
  size_t count = 0;
  for (size_t at = FindText(text, needle); at != std::string_view::npos;
       at = FindText(text, needle, at + needle.size())) {
    ++count;
  }
  return count;
}

namespace {

// An empty text is replaced before each code point and at the end.
std::string Interleaved(Heap& heap, std::string_view text, std::string_view to, int64_t most) {
  TextBuilder out(heap);
  int64_t left = most;
  for (size_t at = 0; at < text.size();) {
    if (left != 0) out.Append(to);
    if (left > 0) --left;
    const size_t start = at;
    unicode::NextPoint(text, at);
    out.Append(text.substr(start, at - start));
    heap.Step();
  }
  if (left != 0) out.Append(to);
  return out.Take();
}

}  // namespace

std::string ReplacedText(Heap& heap, std::string_view text, std::string_view from,
                         std::string_view to, int64_t most) {
  heap.StepBytes(text.size());
  if (from.empty()) return Interleaved(heap, text, to, most);
  TextBuilder out(heap);
  size_t at = 0;
  for (int64_t left = most; left != 0; left -= left > 0 ? 1 : 0) {
    const size_t found = FindText(text, from, at);
    if (found == std::string_view::npos) break;
    heap.Step();
    out.Append(text.substr(at, found - at));
    out.Append(to);
    at = found + from.size();
  }
  out.Append(text.substr(at));
  return out.Take();
}

}  // namespace glimmer::chat::jinja
