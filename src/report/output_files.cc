#include "report/output_files.h"

#include <algorithm>

#include "base/file.h"
#include "base/sha256.h"
#include "calib/stats_file.h"
#include "report/write.h"

namespace glimmer::report {
namespace {

FileEntry OfText(const std::string& name, const std::string& text) {
  return {name, text.size(), base::Sha256Of(text)};
}

FileEntry OfFile(const std::string& name, const std::string& path) {
  FileEntry entry;
  entry.name = name;
  const base::CancelFlag never;
  const auto hash = base::Sha256OfFile(path, never);
  if (hash.ok()) entry.sha256 = hash.value();
  const auto file = base::File::OpenForReading(path);
  if (!file.ok()) return entry;
  const auto bytes = file.value().SizeBytes();
  if (bytes.ok()) entry.bytes = bytes.value();
  return entry;
}

}  // namespace

std::vector<FileEntry> OutputFiles(const Facts& facts, const std::string& card) {
  std::vector<FileEntry> files, others;
  for (size_t i = 0; i < facts.plan.files.size(); ++i) {
    const quant::OutputFile& file = facts.plan.files[i];
    files.push_back(
        {file.name, file.file_bytes, facts.written.sha256[i], facts.written.digests[i]});
  }
  for (const auto& [name, text] : facts.companions.texts) others.push_back(OfText(name, text));
  for (const auto& [name, path] : facts.companions.copies) others.push_back(OfFile(name, path));
  if (facts.calibration != nullptr) {
    others.push_back(
        OfFile(calib::kStatsName, base::JoinPath(facts.output_folder, calib::kStatsName)));
  }
  others.push_back(OfText(kCardName, card));
  std::sort(others.begin(), others.end(),
            [](const FileEntry& a, const FileEntry& b) { return a.name < b.name; });
  files.insert(files.end(), others.begin(), others.end());
  return files;
}

}  // namespace glimmer::report
