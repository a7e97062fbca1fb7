#include "quant/journal.h"

#include <fmt/format.h>

#include "base/text.h"

namespace glimmer::quant {
namespace {

using base::Invalid;
using base::JsonObject;
using base::Quoted;
using base::Result;
using base::Status;

constexpr uint64_t kMaxJournalBytes = 64'000'000;
constexpr char kVersionKey[] = "glimmer_journal";
constexpr int kVersion = 1;

// Errors name the first setting that differs between the journal and now.
Status CompareSettings(const JsonObject& then, const JsonObject& now) {
  for (const auto& member : now) {
    const base::JsonValue* before = then.if_contains(member.key());
    if (before != nullptr && *before == member.value()) continue;
    return Invalid(fmt::format(
        "cannot resume: {} has changed: it was {}, now it is {}", std::string(member.key()),
        before == nullptr ? "absent" : base::Shown(*before), base::Shown(member.value())));
  }
  for (const auto& member : then) {
    if (now.contains(member.key())) continue;
    return Invalid(fmt::format("cannot resume: {} has changed: it was {}, now it is absent",
                               std::string(member.key()), base::Shown(member.value())));
  }
  return {};
}

}  // namespace

bool Journal::Exists(const std::string& folder) {
  return base::FileExists(base::JoinPath(folder, kJournalName));
}

Result<Journal> Journal::Open(const std::string& folder, const JsonObject& settings) {
  const std::string path = base::JoinPath(folder, kJournalName);
  GLIMMER_ASSIGN(base::File file, base::File::OpenLockedForAppending(path));
  GLIMMER_ASSIGN(const std::string text, base::ReadTextFile(path, kMaxJournalBytes));
  Journal journal(std::move(file), folder);
  bool fresh = true;
  GLIMMER_TRY(journal.ReadLines(text, settings, fresh));
  // A kill may have cut the last line short; a line of its own follows it.
  const bool torn = !text.empty() && text.back() != '\n';
  if (torn) GLIMMER_TRY(journal.file_.Append("\n"));
  if (fresh) {
    const JsonObject header = {{kVersionKey, kVersion}, {"settings", settings}};
    GLIMMER_TRY(journal.file_.Append(base::DumpJson(header, 0) + "\n"));
    GLIMMER_TRY(journal.file_.Sync());
    GLIMMER_TRY(base::SyncFolder(folder));
  }
  return journal;
}

Status Journal::ReadLines(const std::string& text, const JsonObject& settings, bool& fresh) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const auto line = base::ParseJson(std::string_view(text).substr(begin, end - begin), "journal");
    begin = end + 1;
    if (!line.ok() || !line.value().is_object()) continue;  // cut short by a kill
    const JsonObject& object = line.value().get_object();
    if (const auto* version = object.if_contains(kVersionKey)) {
      if (*version != kVersion) {
        return Invalid(fmt::format("{}: journal version {}, expected {}", Quoted(file_.path()),
                                   base::Shown(*version), kVersion));
      }
      base::JsonFields fields(object, Quoted(file_.path()));
      const JsonObject* then = fields.ObjectOrNull("settings");
      GLIMMER_TRY(fields.status());
      GLIMMER_TRY(CompareSettings(then == nullptr ? JsonObject() : *then, settings));
      fresh = false;
      continue;
    }
    base::JsonFields fields(object, Quoted(file_.path()));
    digests_[fields.StringOr("file", "")] = fields.StringOr("digest", "");
  }
  return {};
}

std::string Journal::DigestOf(const std::string& file) const {
  const auto found = digests_.find(file);
  return found == digests_.end() ? "" : found->second;
}

Status Journal::Record(const std::string& file, const std::string& digest) {
  // One write call a line: lines of several threads do not mix.
  const JsonObject line = {{"file", file}, {"digest", digest}};
  GLIMMER_TRY(file_.Append(base::DumpJson(line, 0) + "\n"));
  return file_.Sync();
}

Status Journal::Remove() {
  GLIMMER_TRY(base::RemoveFile(base::JoinPath(folder_, kJournalName)));
  return base::SyncFolder(folder_);
}

}  // namespace glimmer::quant
