#include "quant/output_folder.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <set>

#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "quant/journal.h"

namespace glimmer::quant {
namespace {

using base::Invalid;
using base::JoinPath;
using base::Quoted;
using base::Result;
using base::Status;

std::string PlannedIndex(const Plan& plan) {
  std::vector<std::pair<std::string, std::string>> tensor_and_file;
  for (const OutputFile& file : plan.files) {
    for (const io::TensorInfo& info : file.tensors) {
      tensor_and_file.emplace_back(info.name, file.name);
    }
  }
  return io::IndexText(plan.totals.stored_parameters, plan.totals.bytes_total(),
                       std::move(tensor_and_file));
}

bool HoldsText(const std::string& path, const std::string& text) {
  const auto found = base::ReadTextFile(path, text.size());
  return found.ok() && found.value() == text;
}

bool HoldsPlannedFile(const std::string& path, const OutputFile& planned) {
  const auto file = base::File::OpenForReading(path);
  if (!file.ok()) return false;
  const auto size_bytes = file.value().SizeBytes();
  if (!size_bytes.ok() || size_bytes.value() != planned.file_bytes) return false;
  std::string first_bytes(planned.first_bytes.size(), '\0');
  return file.value().ReadAt(std::as_writable_bytes(std::span(first_bytes)), 0).ok() &&
         first_bytes == planned.first_bytes;
}

std::set<std::string> PlannedNames(const Plan& plan, const Companions& companions) {
  std::set<std::string> names = {kJournalName, io::kIndexName};
  for (const OutputFile& file : plan.files) names.insert(file.name);
  for (const auto& [name, text] : companions.texts) names.insert(name);
  for (const auto& [name, path] : companions.copies) names.insert(name);
  names.insert(companions.others.begin(), companions.others.end());
  if (companions.sums) names.insert(kSumsName);
  names.insert(companions.scratch.begin(), companions.scratch.end());
  const std::set<std::string> final_names = names;
  for (const std::string& name : final_names) names.insert(base::PartialPath(name));
  return names;
}

uint64_t AllocatedBytes(const std::string& path) {
  const auto file = base::File::OpenForReading(path);
  if (!file.ok()) return 0;
  const auto size_bytes = file.value().SizeBytes();
  return size_bytes.ok() ? size_bytes.value() : 0;
}

Status CheckDiskSpace(const Plan& plan, const Companions& companions, const std::string& folder) {
  uint64_t needed = companions.scratch_bytes, there = 0;
  for (const std::string& name : companions.scratch) {
    const std::string path = JoinPath(folder, name);
    const auto names = base::ListFolder(path);
    if (!names.ok()) continue;
    for (const std::string& file : names.value()) there += AllocatedBytes(JoinPath(path, file));
  }
  for (const OutputFile& file : plan.files) {
    const std::string path = JoinPath(folder, file.name);
    needed += file.file_bytes;
    there += AllocatedBytes(path) + AllocatedBytes(base::PartialPath(path));
  }
  GLIMMER_ASSIGN(const uint64_t free, base::FreeDiskBytes(base::NearestFolder(folder)));
  if (needed <= free + there) return {};
  return base::Exhausted(fmt::format("{}: the output needs {}, but its disk has {} free",
                                     Quoted(folder), base::HumanBytes(needed - there),
                                     base::HumanBytes(free)));
}

// Whether the folder already holds exactly this output: every weight file with its planned header
// and size, every text and copy equal. REQUIRES: it holds no journal.
bool HoldsFinishedOutput(const Plan& plan, const Companions& companions,
                         const std::string& folder) {
  for (const OutputFile& file : plan.files) {
    if (!HoldsPlannedFile(JoinPath(folder, file.name), file)) return false;
  }
  for (const auto& [name, text] : companions.texts) {
    if (!HoldsText(JoinPath(folder, name), text)) return false;
  }
  for (const auto& [name, path] : companions.copies) {
    const auto ours = base::HashOfFile(JoinPath(folder, name)), theirs = base::HashOfFile(path);
    if (!ours.ok() || !theirs.ok() || ours.value() != theirs.value()) return false;
  }
  for (const std::string& name : companions.others) {
    if (!base::FileExists(JoinPath(folder, name))) return false;
  }
  if (companions.sums && !base::FileExists(JoinPath(folder, kSumsName))) return false;
  return HoldsText(JoinPath(folder, io::kIndexName), PlannedIndex(plan));
}

// REQUIRES: everything but the index is there.
Result<std::string> SumsText(const Plan& plan, const Companions& companions,
                             const std::string& folder,
                             const std::vector<std::string>& weight_sums) {
  const base::CancelFlag never;  // what is read here is small
  std::map<std::string, std::string> sums = {{io::kIndexName, base::Sha256Of(PlannedIndex(plan))}};
  for (size_t file = 0; file < plan.files.size(); ++file) {
    sums[plan.files[file].name] = weight_sums[file];
  }
  for (const auto& [name, text] : companions.texts) sums[name] = base::Sha256Of(text);
  std::set<std::string> read(companions.others.begin(), companions.others.end());
  for (const auto& [name, path] : companions.copies) read.insert(name);
  for (const std::string& name : companions.dated) read.erase(name);
  for (const std::string& name : read) {
    GLIMMER_ASSIGN(sums[name], base::Sha256OfFile(JoinPath(folder, name), never));
  }
  std::string text;
  for (const auto& [name, sum] : sums) text += fmt::format("{}  {}\n", sum, name);
  return text;
}

}  // namespace

Result<OutputState> CheckOutput(const Plan& plan, const Companions& companions,
                                const std::string& folder, const base::JsonObject& settings,
                                bool resume) {
  if (std::filesystem::exists(std::filesystem::symlink_status(folder)) &&
      !base::FolderExists(folder)) {
    return Invalid(Quoted(folder) + ": exists and is not a folder; nothing was written");
  }
  std::vector<std::string> present;
  if (base::FolderExists(folder)) {
    GLIMMER_ASSIGN(present, base::ListFolder(folder));
  }
  const bool unfinished = Journal::Exists(folder);
  if (unfinished && !resume) {
    return Invalid(Quoted(folder) +
                   ": holds an unfinished conversion; continue it with --resume, or choose another "
                   "folder");
  }
  if (!unfinished && !present.empty()) {
    if (resume && HoldsFinishedOutput(plan, companions, folder)) return OutputState::kFinished;
    return Invalid(
        fmt::format("{}: is not empty (it holds {}); nothing was overwritten: choose an "
                    "empty or a new folder",
                    Quoted(folder), Quoted(present[0])));
  }
  if (unfinished) GLIMMER_TRY(Journal::CheckSettings(folder, settings));
  const std::set<std::string> planned = PlannedNames(plan, companions);
  for (const std::string& name : present) {
    if (planned.contains(name)) continue;
    return Invalid(
        fmt::format("{}: holds {}, which is no part of the unfinished conversion; "
                    "nothing was overwritten",
                    Quoted(folder), Quoted(name)));
  }
  GLIMMER_TRY(CheckDiskSpace(plan, companions, folder));
  return unfinished ? OutputState::kUnfinished : OutputState::kFresh;
}

Status WriteCompanions(const Plan& plan, const Companions& companions, const std::string& folder,
                       const std::vector<std::string>& weight_sums) {
  for (const auto& [name, path] : companions.copies) {
    GLIMMER_TRY(base::CopyFileAtomically(path, JoinPath(folder, name)));
  }
  for (const auto& [name, text] : companions.texts) {
    GLIMMER_TRY(base::WriteFileAtomically(JoinPath(folder, name), text));
  }
  if (companions.sums) {
    GLIMMER_ASSIGN(const std::string sums, SumsText(plan, companions, folder, weight_sums));
    GLIMMER_TRY(base::WriteFileAtomically(JoinPath(folder, kSumsName), sums));
  }
  return base::WriteFileAtomically(JoinPath(folder, io::kIndexName), PlannedIndex(plan));
}

}  // namespace glimmer::quant
