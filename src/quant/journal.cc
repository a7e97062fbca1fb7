#include "quant/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/json.h"
#include "base/sealed_line.h"
#include "base/text.h"

namespace glimmer::quant {
namespace {

using base::Invalid;
using base::JsonObject;
using base::Quoted;
using base::Result;
using base::Status;

constexpr uint64_t kMaxJournalBytes = 256'000'000;
constexpr char kVersionKey[] = "glimmer_journal";
constexpr int kVersion = 2;

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

// What the lines of a journal say. A line cut short by a kill, or damaged, says nothing.
struct Content {
  bool has_settings = false;
  std::map<std::string, FileHashes> files;
  std::map<std::string, HashesBySlot> tensors;
  std::map<std::string, TensorFacts> facts;
};

uint32_t SlotOf(std::string_view text) {
  return static_cast<uint32_t>(std::strtoul(std::string(text).c_str(), nullptr, 10));
}

// Hexadecimal: the sums come back with every bit.
JsonObject ErrorsBySlot(const PackErrors& errors) {
  JsonObject by_slot;
  for (const auto& [slot, error] : errors) {
    by_slot[std::to_string(slot)] =
        fmt::format("{:a} {:a}", error.squared_error, error.squared_weights);
  }
  return by_slot;
}

void TakeErrors(const JsonObject* by_slot, PackErrors& errors) {
  if (by_slot == nullptr) return;
  for (const auto& [slot, value] : *by_slot) {
    if (!value.is_string()) continue;
    const std::string text(value.get_string());
    char* end = nullptr;
    const double squared_error = std::strtod(text.c_str(), &end);
    errors[SlotOf(slot)] = {squared_error, std::strtod(end, nullptr)};
  }
}

JsonObject TextsBySlot(const HashesBySlot& hashes) {
  JsonObject by_slot;
  for (const auto& [slot, hash] : hashes) by_slot[std::to_string(slot)] = hash;
  return by_slot;
}

void TakeHashes(const JsonObject* by_slot, HashesBySlot& hashes) {
  if (by_slot == nullptr) return;
  for (const auto& [slot, hash] : *by_slot) {
    if (hash.is_string()) hashes[SlotOf(slot)] = std::string(hash.get_string());
  }
}

void TakeFacts(base::JsonFields& fields, TensorFacts& facts) {
  TakeErrors(fields.ObjectOrNull("errors"), facts.errors);
  TakeHashes(fields.ObjectOrNull("source"), facts.source_hashes);
}

void AddFacts(const TensorFacts& facts, JsonObject& line) {
  if (!facts.errors.empty()) line["errors"] = ErrorsBySlot(facts.errors);
  if (!facts.source_hashes.empty()) line["source"] = TextsBySlot(facts.source_hashes);
}

Result<Content> ReadContent(const std::string& path, const std::string& text,
                            const JsonObject& settings) {
  Content content;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const auto line = base::OpenSealed(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
    if (!line) continue;
    const JsonObject& object = line->object;
    base::JsonFields fields(object, Quoted(path));
    if (object.contains(kVersionKey)) {
      if (object.at(kVersionKey) != kVersion) {
        return Invalid(fmt::format("{}: journal version {}, expected {}", Quoted(path),
                                   base::Shown(object.at(kVersionKey)), kVersion));
      }
      const JsonObject* then = fields.ObjectOrNull("settings");
      GLIMMER_TRY(fields.status());
      GLIMMER_TRY(CompareSettings(then == nullptr ? JsonObject() : *then, settings));
      content.has_settings = true;
    } else if (const JsonObject* hashes = fields.ObjectOrNull("tensors")) {
      const std::string file = fields.StringOr("file", "");
      TakeHashes(hashes, content.tensors[file]);
      TakeFacts(fields, content.facts[file]);
    } else {
      const std::string file = fields.StringOr("file", "");
      content.files[file] = {fields.StringOr("digest", ""), fields.StringOr("file_sha256", "")};
      TakeFacts(fields, content.facts[file]);
    }
  }
  const bool records = !content.files.empty() || !content.tensors.empty();
  if (records && !content.has_settings) {
    return base::Corrupt(Quoted(path) +
                         ": line 1, which says what was asked for, is damaged: its SHA-256 is not "
                         "the one that stands in it; begin again in another folder");
  }
  return content;
}

}  // namespace

bool Journal::Exists(const std::string& folder) {
  return base::FileExists(base::JoinPath(folder, kJournalName));
}

Status Journal::CheckSettings(const std::string& folder, const JsonObject& settings) {
  const std::string path = base::JoinPath(folder, kJournalName);
  GLIMMER_ASSIGN(const std::string text, base::ReadTextFile(path, kMaxJournalBytes));
  GLIMMER_ASSIGN(const Content content, ReadContent(path, text, settings));
  return {};
}

Result<Journal> Journal::Open(const std::string& folder, const JsonObject& settings) {
  const std::string path = base::JoinPath(folder, kJournalName);
  GLIMMER_ASSIGN(base::File file, base::File::OpenLockedForAppending(path));
  GLIMMER_ASSIGN(const std::string text, base::ReadTextFile(path, kMaxJournalBytes));
  GLIMMER_ASSIGN(Content content, ReadContent(path, text, settings));
  Journal journal(std::move(file), folder);
  journal.files_ = std::move(content.files);
  journal.tensors_ = std::move(content.tensors);
  journal.facts_ = std::move(content.facts);
  // A kill may have cut the last line short; what follows gets a line of its own.
  const bool torn = !text.empty() && text.back() != '\n';
  if (torn) GLIMMER_TRY(journal.file_.Append("\n"));
  if (!content.has_settings) {
    const JsonObject header = {{kVersionKey, kVersion}, {"settings", settings}};
    GLIMMER_TRY(journal.file_.Append(base::Seal(header)));
    GLIMMER_TRY(journal.file_.Sync());
    GLIMMER_TRY(base::SyncFolder(folder));
  }
  return journal;
}

FileHashes Journal::HashesOf(const std::string& file) const {
  const auto found = files_.find(file);
  return found == files_.end() ? FileHashes() : found->second;
}

HashesBySlot Journal::TensorsOf(const std::string& file) const {
  const auto found = tensors_.find(file);
  return found == tensors_.end() ? HashesBySlot() : found->second;
}

TensorFacts Journal::FactsOf(const std::string& file) const {
  const auto found = facts_.find(file);
  return found == facts_.end() ? TensorFacts() : found->second;
}

Status Journal::RecordTensors(const std::string& file, const HashesBySlot& hashes,
                              const TensorFacts& facts) {
  JsonObject line = {{"file", file}, {"tensors", TextsBySlot(hashes)}};
  AddFacts(facts, line);
  GLIMMER_TRY(file_.Append(base::Seal(line)));
  return file_.Sync();
}

Status Journal::Record(const std::string& file, const FileHashes& hashes,
                       const TensorFacts& facts) {
  // One write call a line: lines of several threads do not mix.
  JsonObject line = {{"file", file}, {"digest", hashes.digest}};
  if (!hashes.sha256.empty()) line["file_sha256"] = hashes.sha256;
  AddFacts(facts, line);
  GLIMMER_TRY(file_.Append(base::Seal(line)));
  return file_.Sync();
}

Status Journal::Remove() {
  GLIMMER_TRY(base::RemoveFile(base::JoinPath(folder_, kJournalName)));
  return base::SyncFolder(folder_);
}

}  // namespace glimmer::quant
