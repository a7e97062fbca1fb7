#include "quant/output_set.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/sha256.h"
#include "base/text.h"

namespace glimmer::quant {
namespace {

using base::Result;
using base::Status;

constexpr size_t kVerifyChunkBytes = size_t{1} << 20;

}  // namespace

OutputSet::OutputSet(const Plan& plan, std::string folder, Journal& journal, Errors errors,
                     Sums sums, const base::CancelFlag& cancel)
    : plan_(plan),
      folder_(std::move(folder)),
      journal_(journal),
      sums_(sums),
      cancel_(cancel),
      states_(plan.files.size()) {
  for (size_t file = 0; file < states_.size(); ++file) {
    states_[file].hashes.resize(plan.files[file].tensors.size());
    states_[file].recorded.resize(plan.files[file].tensors.size());
    states_[file].errors.resize(plan.files[file].tensors.size());
    states_[file].measured.resize(plan.files[file].tensors.size());
    states_[file].source_hashes.resize(plan.files[file].tensors.size());
    states_[file].unfinished = plan.files[file].tensors.size();
  }
  if (errors == Errors::kUnknown) return;
  for (const PlannedTensor& planned : plan.tensors) {
    const Place weight = planned.place(Part::kWeight);
    if (weight.written()) states_[weight.file].measured[weight.slot] = 1;
  }
}

void OutputSet::SetError(Place weight, const kernels::PackError& error) {
  states_[weight.file].errors[weight.slot] = error;
}

void OutputSet::SetSourceHash(Place place, std::string hash) {
  if (!hash.empty()) states_[place.file].source_hashes[place.slot] = std::move(hash);
}

bool OutputSet::RestoreFacts(size_t file, const std::vector<uint32_t>& slots) {
  State& state = states_[file];
  const TensorFacts recorded = journal_.FactsOf(plan_.files[file].name);
  bool complete = true;
  for (const uint32_t slot : slots) {
    const auto found = recorded.errors.find(slot);
    if (found != recorded.errors.end()) state.errors[slot] = found->second;
    complete = complete && (found != recorded.errors.end() || state.measured[slot] == 0);
    const auto source = recorded.source_hashes.find(slot);
    if (source != recorded.source_hashes.end()) state.source_hashes[slot] = source->second;
  }
  return complete;
}

TensorFacts OutputSet::FactsOf(size_t file, const std::vector<uint32_t>& slots) const {
  TensorFacts facts;
  for (const uint32_t slot : slots) {
    if (const auto& error = states_[file].errors[slot]) facts.errors[slot] = *error;
    const std::string& source = states_[file].source_hashes[slot];
    if (!source.empty()) facts.source_hashes[slot] = source;
  }
  return facts;
}

Result<std::string> OutputSet::SumOf(const std::string& path) const {
  if (sums_ == Sums::kUnknown) return std::string();
  return base::Sha256OfFile(path, cancel_);
}

std::vector<uint32_t> OutputSet::AllSlots(size_t file) const {
  std::vector<uint32_t> slots(plan_.files[file].tensors.size());
  std::iota(slots.begin(), slots.end(), 0u);
  return slots;
}

std::string OutputSet::Digest(size_t file, const std::vector<std::string>& hashes) const {
  base::Hasher hasher;
  hasher.Add(plan_.files[file].first_bytes);
  for (const std::string& hash : hashes) hasher.Add(hash);
  return hasher.Hex();
}

bool OutputSet::finished(Place place) const {
  const State& state = states_[place.file];
  return state.kept || !state.hashes[place.slot].empty();
}

Status OutputSet::VerifyKept(size_t workers) {
  return base::RunJobs(states_.size(), workers, [&](size_t file, size_t) -> Status {
    GLIMMER_TRY(VerifyFile(file));
    if (states_[file].kept) return {};
    return VerifyTensors(file);
  });
}

Status OutputSet::VerifyFile(size_t file) {
  const OutputFile& planned = plan_.files[file];
  std::string path = base::JoinPath(folder_, planned.name);
  FileHashes recorded = journal_.HashesOf(planned.name);
  const bool published = base::FileExists(path);
  if (!published) path = base::PartialPath(path);
  if (recorded.digest.empty() || !base::FileExists(path)) return {};
  const std::vector<uint32_t> slots = AllSlots(file);
  if (!RestoreFacts(file, slots)) return {};
  GLIMMER_ASSIGN(const auto hashes, HashTensors(path, file, slots));
  if (hashes.size() != slots.size()) return {};
  std::vector<std::string> in_order;
  for (const auto& [slot, hash] : hashes) in_order.push_back(hash);
  if (Digest(file, in_order) != recorded.digest) return {};
  if (recorded.sha256.empty()) {
    GLIMMER_ASSIGN(recorded.sha256, SumOf(path));
  }
  states_[file].kept = true;
  states_[file].published = published;
  states_[file].file_hashes = std::move(recorded);
  return {};
}

Status OutputSet::VerifyTensors(size_t file) {
  State& state = states_[file];
  const std::string path = base::PartialPath(base::JoinPath(folder_, plan_.files[file].name));
  const HashesBySlot recorded = journal_.TensorsOf(plan_.files[file].name);
  if (recorded.empty() || !base::FileExists(path)) return {};
  std::vector<uint32_t> slots;
  for (const auto& [slot, hash] : recorded) {
    if (slot < state.hashes.size() && RestoreFacts(file, {slot})) slots.push_back(slot);
  }
  GLIMMER_ASSIGN(const auto hashes, HashTensors(path, file, slots));
  for (const auto& [slot, hash] : hashes) {
    if (recorded.at(slot) != hash) continue;
    state.hashes[slot] = hash;
    state.recorded[slot] = 1;
    --state.unfinished;
  }
  return {};
}

Result<HashesBySlot> OutputSet::HashTensors(const std::string& path, size_t file,
                                            const std::vector<uint32_t>& slots) const {
  const OutputFile& planned = plan_.files[file];
  HashesBySlot hashes;
  GLIMMER_ASSIGN(const base::File input, base::File::OpenForReading(path));
  GLIMMER_ASSIGN(const uint64_t file_bytes, input.SizeBytes());
  if (file_bytes != planned.file_bytes) return hashes;
  std::string first_bytes(planned.first_bytes.size(), '\0');
  GLIMMER_TRY(input.ReadAt(std::as_writable_bytes(std::span(first_bytes)), 0));
  if (first_bytes != planned.first_bytes) return hashes;

  std::vector<std::byte> chunk(kVerifyChunkBytes);
  for (const uint32_t slot : slots) {
    const io::TensorInfo& info = planned.tensors[slot];
    base::Hasher hasher;
    GLIMMER_TRY(input.ReadInPieces(info.offset, info.size_bytes, chunk, [&](auto piece) -> Status {
      if (cancel_.IsSet()) return base::Cancelled("stopped");
      hasher.Add(piece);
      return {};
    }));
    hashes[slot] = hasher.Hex();
  }
  return hashes;
}

Status OutputSet::Open(size_t file) {
  State& state = states_[file];
  const std::lock_guard lock(state.mutex);
  if (state.writer) return {};
  const OutputFile& planned = plan_.files[file];
  if (std::find(state.recorded.begin(), state.recorded.end(), 1) != state.recorded.end()) {
    GLIMMER_ASSIGN(state.writer, io::ShardWriter::Reopen(folder_, planned.name));
    return {};
  }
  GLIMMER_ASSIGN(state.writer, io::ShardWriter::Create(folder_, planned.name, planned.first_bytes,
                                                       planned.file_bytes));
  return {};
}

Status OutputSet::Write(Place place, uint64_t offset, std::span<const std::byte> bytes) {
  State& state = states_[place.file];
  if (state.kept) return {};
  GLIMMER_TRY(Open(place.file));
  bytes_written_ += bytes.size();
  return state.writer->WriteAt(bytes, plan_.files[place.file].tensors[place.slot].offset + offset);
}

Status OutputSet::Finish(Place place, std::string hash) {
  State& state = states_[place.file];
  if (state.kept) return {};
  const bool again = !state.hashes[place.slot].empty();
  state.hashes[place.slot] = std::move(hash);
  if (again) return {};
  if (state.unfinished.fetch_sub(1) != 1) return {};
  return Complete(place.file);
}

Status OutputSet::Complete(size_t file) {
  State& state = states_[file];
  GLIMMER_TRY(Open(file));  // a file of empty tensors has had no write
  GLIMMER_TRY(state.writer->Sync());
  state.writer.reset();
  const std::string& name = plan_.files[file].name;
  state.file_hashes.digest = Digest(file, state.hashes);
  GLIMMER_ASSIGN(state.file_hashes.sha256, SumOf(base::PartialPath(base::JoinPath(folder_, name))));
  GLIMMER_TRY(journal_.Record(name, state.file_hashes, FactsOf(file, AllSlots(file))));
  state.kept = true;
  return {};
}

Status OutputSet::Publish() {
  for (size_t file = 0; file < states_.size(); ++file) {
    if (states_[file].published) continue;
    GLIMMER_CHECK(states_[file].kept);
    const std::string path = base::JoinPath(folder_, plan_.files[file].name);
    GLIMMER_TRY(base::RenameFile(base::PartialPath(path), path));
    states_[file].published = true;
  }
  return base::SyncFolder(folder_);
}

Status OutputSet::Commit() {
  for (size_t file = 0; file < states_.size(); ++file) {
    State& state = states_[file];
    if (!state.writer) continue;
    HashesBySlot fresh;
    std::vector<uint32_t> slots;
    for (uint32_t slot = 0; slot < state.hashes.size(); ++slot) {
      if (state.hashes[slot].empty() || state.recorded[slot] != 0) continue;
      fresh[slot] = state.hashes[slot];
      slots.push_back(slot);
      state.recorded[slot] = 1;
    }
    if (fresh.empty()) continue;
    GLIMMER_TRY(state.writer->Sync());
    GLIMMER_TRY(journal_.RecordTensors(plan_.files[file].name, fresh, FactsOf(file, slots)));
  }
  return {};
}

Status OutputSet::CompleteRest() {
  for (size_t file = 0; file < states_.size(); ++file) {
    if (!states_[file].kept && states_[file].unfinished == 0) GLIMMER_TRY(Complete(file));
  }
  return {};
}

}  // namespace glimmer::quant
