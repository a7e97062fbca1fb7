#include "unicode/nfc.h"

#include <algorithm>
#include <bitset>
#include <iterator>
#include <memory>
#include <vector>

#include "unicode/byte_table.h"
#include "unicode/utf8.h"

namespace glimmer::unicode {
namespace {

struct Decomposition {
  uint32_t code_point, first, second;
  uint32_t composes;
};

#include "unicode/nfc_data.inc"

// Hangul syllables are composed by arithmetic (Unicode standard, section 3.12).
constexpr uint32_t kSyllableBase = 0xac00, kLeadBase = 0x1100, kVowelBase = 0x1161;
constexpr uint32_t kTailBase = 0x11a7, kLeads = 19, kVowels = 21, kTails = 28;
constexpr uint32_t kSyllables = kLeads * kVowels * kTails;
// Every code point below is its own normal form and combines with nothing before it.
constexpr uint32_t kFirstCombining = 0x300;
constexpr unsigned char kLeadByteOfFirstCombining = 0xcc;

const Decomposition* FindDecomposition(uint32_t code_point) {
  const auto* found = std::lower_bound(
      std::begin(kDecompositions), std::end(kDecompositions), code_point,
      [](const Decomposition& row, uint32_t wanted) { return row.code_point < wanted; });
  return found != std::end(kDecompositions) && found->code_point == code_point ? found : nullptr;
}

class Nfc {
 public:
  Nfc() : combining_(LaidOut(kCombiningRuns)), active_(new std::bitset<kCodePoints>) {
    for (uint32_t c = 0; c < kCodePoints; ++c) {
      if ((*combining_)[c] != 0) active_->set(c);
    }
    for (const Decomposition& row : kDecompositions) {
      if (row.composes == 0) {
        active_->set(row.code_point);
      } else {
        active_->set(row.second);
        pairs_.push_back(&row);
      }
    }
    for (uint32_t c = kVowelBase; c < kVowelBase + kVowels; ++c) active_->set(c);
    for (uint32_t c = kTailBase + 1; c < kTailBase + kTails; ++c) active_->set(c);
    std::sort(pairs_.begin(), pairs_.end(), [](const Decomposition* a, const Decomposition* b) {
      return PairKey(a->first, a->second) < PairKey(b->first, b->second);
    });
  }

  // True when the code point may change, or change its neighbours, under NFC.
  bool IsActive(uint32_t code_point) const { return active_->test(code_point); }

  // Appends the normal form of one stretch that nothing outside can combine with.
  void AppendNormal(std::string_view utf8, std::string& out) const {
    std::vector<uint32_t> points;
    for (size_t at = 0; at < utf8.size();) {
      const CodePoint next = DecodeAt(utf8.data() + at);
      Decompose(next.value, points);
      at += next.bytes;
    }
    Reorder(points);
    Compose(points);
    for (const uint32_t point : points) AppendUtf8(point, out);
  }

 private:
  static uint64_t PairKey(uint32_t first, uint32_t second) {
    return uint64_t{first} << 32 | second;
  }

  static void Decompose(uint32_t point, std::vector<uint32_t>& out) {
    if (point - kSyllableBase < kSyllables) {
      const uint32_t index = point - kSyllableBase;
      out.push_back(kLeadBase + index / (kVowels * kTails));
      out.push_back(kVowelBase + index / kTails % kVowels);
      if (index % kTails != 0) out.push_back(kTailBase + index % kTails);
      return;
    }
    const Decomposition* row = FindDecomposition(point);
    if (row == nullptr) {
      out.push_back(point);
      return;
    }
    Decompose(row->first, out);
    if (row->second != 0) Decompose(row->second, out);
  }

  void Reorder(std::vector<uint32_t>& points) const {
    const auto combining = [this](uint32_t point) { return (*combining_)[point]; };
    for (auto at = points.begin(); at != points.end();) {
      if (combining(*at) == 0) {
        ++at;
        continue;
      }
      const auto end =
          std::find_if(at, points.end(), [&](uint32_t p) { return combining(p) == 0; });
      std::stable_sort(at, end,
                       [&](uint32_t a, uint32_t b) { return combining(a) < combining(b); });
      at = end;
    }
  }

  // The composite of the two, or 0.
  uint32_t Composite(uint32_t first, uint32_t second) const {
    if (first - kLeadBase < kLeads && second - kVowelBase < kVowels) {
      return kSyllableBase + ((first - kLeadBase) * kVowels + second - kVowelBase) * kTails;
    }
    const bool is_open_syllable =
        first - kSyllableBase < kSyllables && (first - kSyllableBase) % kTails == 0;
    if (is_open_syllable && second - kTailBase - 1 < kTails - 1) return first + second - kTailBase;
    const uint64_t key = PairKey(first, second);
    const auto found = std::lower_bound(pairs_.begin(), pairs_.end(), key,
                                        [](const Decomposition* row, uint64_t wanted) {
                                          return PairKey(row->first, row->second) < wanted;
                                        });
    const bool exists = found != pairs_.end() && PairKey((*found)->first, (*found)->second) == key;
    return exists ? (*found)->code_point : 0;
  }

  // Composes in place: each point joins the last starter unless a point between them, of the same
  // or a higher class, stands in the way.
  void Compose(std::vector<uint32_t>& points) const {
    constexpr size_t kNone = SIZE_MAX;
    size_t starter = kNone, kept = 0;
    uint8_t last_class = 0;
    for (const uint32_t point : points) {
      const uint8_t point_class = (*combining_)[point];
      const bool adjacent = starter != kNone && starter + 1 == kept;
      if (starter != kNone && (adjacent || last_class < point_class)) {
        if (const uint32_t composite = Composite(points[starter], point); composite != 0) {
          points[starter] = composite;
          continue;
        }
      }
      if (point_class == 0) starter = kept;
      last_class = point_class;
      points[kept++] = point;
    }
    points.resize(kept);
  }

  std::unique_ptr<ByteTable> combining_;
  std::unique_ptr<std::bitset<kCodePoints>> active_;
  std::vector<const Decomposition*> pairs_;
};

const Nfc& NfcTables() {
  static const Nfc tables;
  return tables;
}

}  // namespace

bool NormalizeNfc(std::string_view utf8, std::string& out) {
  const auto may_combine = [](char c) {
    return static_cast<unsigned char>(c) >= kLeadByteOfFirstCombining;
  };
  if (std::none_of(utf8.begin(), utf8.end(), may_combine)) return false;
  const Nfc& nfc = NfcTables();
  size_t copied = 0;        // everything before stands in `normal`
  size_t last_starter = 0;  // the last code point that nothing before combines with
  std::string normal;
  for (size_t at = 0; at < utf8.size();) {
    CodePoint next = DecodeAt(utf8.data() + at);
    if (next.value < kFirstCombining || !nfc.IsActive(next.value)) {
      last_starter = at;
      at += next.bytes;
      continue;
    }
    do {
      at += next.bytes;
      if (at == utf8.size()) break;
      next = DecodeAt(utf8.data() + at);
    } while (nfc.IsActive(next.value));
    normal += utf8.substr(copied, last_starter - copied);
    nfc.AppendNormal(utf8.substr(last_starter, at - last_starter), normal);
    copied = last_starter = at;
  }
  if (copied == 0) return false;
  normal += utf8.substr(copied);
  out = std::move(normal);
  return true;
}

}  // namespace glimmer::unicode
