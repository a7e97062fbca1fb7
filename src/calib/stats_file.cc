#include "calib/stats_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "base/json.h"
#include "base/sealed_line.h"
#include "base/text.h"

namespace glimmer::calib {
namespace {

using base::Invalid;
using base::JsonObject;
using base::Quoted;
using base::Result;
using base::Status;
using model::TensorSpec;

constexpr int kVersion = 2;
constexpr char kVersionKey[] = "glimmer_calibration";
constexpr char kLayersDoneKey[] = "layers_done";
constexpr char kHiddenKey[] = "hidden";
constexpr char kHiddenHashKey[] = "hidden_xxh3";
constexpr char kCompleteKey[] = "complete";
constexpr uint64_t kMaxStatsBytes = 1'000'000'000;
constexpr int64_t kMaxCount = std::numeric_limits<int64_t>::max();

// The linears of each input group in one layer (kNoLayer: outside all), by group.
std::map<uint32_t, std::vector<std::string>> ModulesByGroup(const std::vector<TensorSpec>& specs,
                                                            uint32_t layer) {
  std::map<uint32_t, std::vector<std::string>> modules;
  for (const TensorSpec& spec : specs) {
    if (!model::IsLinear(spec.kind) || spec.mtp || spec.layer != layer) continue;
    modules[spec.input_group].emplace_back(model::ModuleName(spec.name));
  }
  return modules;
}

JsonObject ToJson(const std::vector<std::string>& modules, const GroupStats& stats) {
  base::JsonArray names(modules.begin(), modules.end());
  JsonObject line = {{"modules", std::move(names)}, {"tokens", stats.tokens}, {"amax", stats.amax}};
  if (stats.routing_weight > 0) line["routing_weight"] = stats.routing_weight;
  const auto& bins = stats.histogram;
  const auto used = [](uint64_t count) { return count > 0; };
  const auto first = std::find_if(bins.begin(), bins.end(), used);
  const auto last = std::find_if(bins.rbegin(), bins.rend(), used).base();
  if (first < last) {
    line["first_bin"] = first - bins.begin();
    line["histogram"] = base::JsonArray(first, last);
  }
  return line;
}

GroupStats FromJson(const JsonObject& line, base::JsonFields& fields) {
  GroupStats stats;
  stats.tokens = static_cast<uint64_t>(fields.Int("tokens", 0, kMaxCount));
  const double largest = std::numeric_limits<float>::max();
  stats.amax = static_cast<float>(fields.NumberOr("amax", 0, largest, 0));
  stats.routing_weight = fields.NumberOr("routing_weight", 0, 1e300, 0);
  const base::JsonValue* counts = line.if_contains("histogram");
  if (counts == nullptr) return stats;
  const auto bins = static_cast<int64_t>(kHistogramBins);
  const auto bin = static_cast<size_t>(fields.Int("first_bin", 0, bins - 1));
  if (!counts->is_array() || bin + counts->get_array().size() > kHistogramBins) {
    fields.Fail("histogram", fmt::format("expected at most {} counts behind first_bin", bins));
    return stats;
  }
  for (size_t i = 0; i < counts->get_array().size(); ++i) {
    const base::JsonValue& count = counts->get_array()[i];
    if (!count.is_int64() || count.get_int64() < 0) {
      fields.Fail("histogram", "expected counts, found " + base::Shown(count));
      return stats;
    }
    stats.histogram[bin + i] = static_cast<uint64_t>(count.get_int64());
  }
  return stats;
}

// Takes the lines of a file one after the other.
class Reader {
 public:
  Reader(const std::string& path, const std::vector<TensorSpec>& specs) : path_(path) {
    uint32_t groups = 0;
    for (const TensorSpec& spec : specs) {
      groups = std::max(groups, spec.input_group + 1);
      if (!model::IsLinear(spec.kind) || spec.mtp) continue;
      group_of_.emplace(model::ModuleName(spec.name), spec.input_group);
    }
    stored_.stats.resize(groups);
  }

  Status Take(const JsonObject& line, size_t number) {
    base::JsonFields fields(line, fmt::format("{}: line {}", Quoted(path_), number));
    if (number == 1) {
      fields.Int(kVersionKey, kVersion, kVersion);
      if (const JsonObject* settings = fields.ObjectOrNull("settings")) {
        stored_.settings = *settings;
      }
    } else if (line.contains(kLayersDoneKey)) {
      TakePending();
      stored_.layers_done = static_cast<size_t>(fields.Int(kLayersDoneKey, 0, UINT32_MAX));
      stored_.hidden = {static_cast<size_t>(fields.Int(kHiddenKey, 0, 2)),
                        fields.StringOr(kHiddenHashKey, "")};
    } else if (line.contains(kCompleteKey)) {
      TakePending();
      stored_.complete = fields.BoolOr(kCompleteKey, false);
    } else {
      TakeGroup(line, fields);
    }
    return fields.status();
  }

  void TakeDamage() { stored_.damaged = true; }

  Result<StoredStats> Finish() {
    for (const auto& [module, group] : group_of_) {
      if (!stored_.complete || taken_.contains(group)) continue;
      return Invalid(fmt::format("{}: has no line for {}", Quoted(path_), Quoted(module)));
    }
    return std::move(stored_);
  }

 private:
  void TakeGroup(const JsonObject& line, base::JsonFields& fields) {
    const std::vector<std::string> modules = fields.Strings("modules");
    const auto group = group_of_.find(modules.empty() ? "" : modules[0]);
    if (group == group_of_.end()) {
      return fields.Fail("modules", "names no linear of this model: the file is of another one");
    }
    pending_.emplace_back(group->second, FromJson(line, fields));
  }

  void TakePending() {
    for (const auto& [group, stats] : pending_) {
      stored_.stats[group] = stats;
      taken_.insert(group);
    }
    pending_.clear();
  }

  const std::string& path_;
  std::map<std::string, uint32_t, std::less<>> group_of_;
  std::vector<std::pair<uint32_t, GroupStats>> pending_;  // not yet said to be done
  std::set<uint32_t> taken_;
  StoredStats stored_;
};

// A whole line that its seal belongs to.
struct Line {
  JsonObject object;
  std::string seal;
  size_t number;
  size_t end;  // offset behind it
};

// Calls use(line) for every one; gives the number of the first damaged line, 0 if there is none.
Result<size_t> ForEachLine(const std::string& text, const std::function<Status(const Line&)>& use) {
  std::string before;
  size_t number = 1;
  for (size_t begin = 0; begin < text.size(); ++number) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) return 0;  // cut short by a kill
    auto opened = base::OpenSealed(std::string_view(text).substr(begin, end - begin), before);
    if (!opened) return number;
    before = opened->seal;
    GLIMMER_TRY(use({std::move(opened->object), before, number, end + 1}));
    begin = end + 1;
  }
  return 0;
}

// The line that says that `layers_done` are; of 0, the first.
Result<Line> EndOfLayers(const std::string& text, size_t layers_done) {
  Line found{};
  GLIMMER_ASSIGN(
      [[maybe_unused]] const size_t damaged, ForEachLine(text, [&](const Line& line) -> Status {
        const base::JsonValue* done = line.object.if_contains(kLayersDoneKey);
        const bool here = layers_done == 0
                              ? line.number == 1
                              : done != nullptr && *done == static_cast<int64_t>(layers_done);
        if (here) found = line;
        return {};
      }));
  return found;
}

}  // namespace

Result<StoredStats> ReadStats(const std::string& path, const std::vector<TensorSpec>& specs,
                              DamagedLine damaged) {
  GLIMMER_ASSIGN(const std::string text, base::ReadTextFile(path, kMaxStatsBytes));
  Reader reader(path, specs);
  size_t lines = 0;
  GLIMMER_ASSIGN(const size_t damaged_line, ForEachLine(text, [&](const Line& line) {
                   lines = line.number;
                   return reader.Take(line.object, line.number);
                 }));
  if (damaged_line != 0 && damaged == DamagedLine::kError) {
    return base::Corrupt(
        fmt::format("{}: line {}: expected a line of calibration statistics with the SHA-256 of "
                    "the lines up to it, found a damaged one",
                    Quoted(path), damaged_line));
  }
  if (damaged_line != 0) reader.TakeDamage();
  if (lines == 0 && damaged == DamagedLine::kError) {
    return Invalid(Quoted(path) + ": expected calibration statistics, found no line");
  }
  return reader.Finish();
}

Result<StatsWriter> StatsWriter::Open(const std::string& path, const std::vector<TensorSpec>& specs,
                                      const JsonObject& settings, size_t layers_done) {
  std::string kept = base::Seal({{kVersionKey, kVersion}, {"settings", settings}});
  if (layers_done > 0) {
    GLIMMER_ASSIGN(kept, base::ReadTextFile(path, kMaxStatsBytes));
    GLIMMER_ASSIGN(const Line last, EndOfLayers(kept, layers_done));
    kept.resize(last.end);
  }
  GLIMMER_TRY(base::WriteFileAtomically(path, kept));
  GLIMMER_ASSIGN(base::File file, base::File::OpenLockedForAppending(path));
  return StatsWriter(std::move(file), specs, base::SealOf(kept));
}

std::string StatsWriter::NextLine(const JsonObject& object) {
  std::string line = base::Seal(object, seal_);
  seal_ = base::SealOf(line);
  return line;
}

std::string StatsWriter::GroupLines(uint32_t layer, const InputStats& stats) {
  std::string text;
  for (const auto& [group, modules] : ModulesByGroup(*specs_, layer)) {
    text += NextLine(ToJson(modules, stats[group]));
  }
  return text;
}

Status StatsWriter::AppendLayers(size_t first, size_t last, const InputStats& stats,
                                 const KeptStream& hidden) {
  std::string text;
  for (size_t layer = first; layer < last; ++layer) {
    text += GroupLines(static_cast<uint32_t>(layer), stats);
  }
  text +=
      NextLine({{kLayersDoneKey, last}, {kHiddenKey, hidden.file}, {kHiddenHashKey, hidden.hash}});
  GLIMMER_TRY(file_.Append(text));
  return file_.Sync();
}

Status StatsWriter::Finish(const InputStats& stats) {
  const std::string text = GroupLines(model::kNoLayer, stats);
  GLIMMER_TRY(file_.Append(text + NextLine({{kCompleteKey, true}})));
  return file_.Sync();
}

}  // namespace glimmer::calib
