#include "quant/output_set.h"

#include "base/text.h"

namespace glimmer::quant {
namespace {

using base::Result;
using base::Status;

constexpr size_t kVerifyChunkBytes = size_t{8} << 20;

}  // namespace

OutputSet::OutputSet(const Plan& plan, std::string folder, Journal& journal)
    : plan_(plan), folder_(std::move(folder)), journal_(journal), states_(plan.files.size()) {
  for (size_t file = 0; file < states_.size(); ++file) {
    states_[file].hashes.resize(plan.files[file].tensors.size());
    states_[file].unfinished = plan.files[file].tensors.size();
  }
}

std::string OutputSet::Digest(size_t file, const std::vector<std::string>& hashes) const {
  base::Hasher hasher;
  hasher.Add(plan_.files[file].first_bytes);
  for (const std::string& hash : hashes) hasher.Add(hash);
  return hasher.Hex();
}

Status OutputSet::VerifyKept(size_t workers, const base::CancelFlag& cancel) {
  return base::RunJobs(states_.size(), workers, [&](size_t file, size_t) -> Status {
    const std::string& name = plan_.files[file].name;
    if (journal_.DigestOf(name).empty() || !base::FileExists(base::JoinPath(folder_, name))) {
      return {};
    }
    GLIMMER_ASSIGN(states_[file].kept, StillHasDigest(file, cancel));
    return {};
  });
}

Result<bool> OutputSet::StillHasDigest(size_t file, const base::CancelFlag& cancel) const {
  const OutputFile& planned = plan_.files[file];
  const std::string path = base::JoinPath(folder_, planned.name);
  GLIMMER_ASSIGN(const base::File input, base::File::OpenForReading(path));
  GLIMMER_ASSIGN(const uint64_t file_bytes, input.SizeBytes());
  if (file_bytes != planned.file_bytes) return false;
  std::string first_bytes(planned.first_bytes.size(), '\0');
  GLIMMER_TRY(input.ReadAt(std::as_writable_bytes(std::span(first_bytes)), 0));
  if (first_bytes != planned.first_bytes) return false;

  std::vector<std::string> hashes;
  std::vector<std::byte> chunk(kVerifyChunkBytes);
  for (const io::TensorInfo& info : planned.tensors) {
    base::Hasher hasher;
    GLIMMER_TRY(input.ReadInPieces(info.offset, info.size_bytes, chunk, [&](auto piece) -> Status {
      if (cancel.IsSet()) return base::Cancelled("stopped");
      hasher.Add(piece);
      return {};
    }));
    hashes.push_back(hasher.Hex());
  }
  return Digest(file, hashes) == journal_.DigestOf(planned.name);
}

Status OutputSet::Open(size_t file) {
  State& state = states_[file];
  const std::lock_guard lock(state.mutex);
  if (state.writer) return {};
  const OutputFile& planned = plan_.files[file];
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
  state.hashes[place.slot] = std::move(hash);
  if (state.unfinished.fetch_sub(1) != 1) return {};
  return Complete(place.file);
}

Status OutputSet::Complete(size_t file) {
  State& state = states_[file];
  GLIMMER_TRY(Open(file));  // a file of empty tensors has had no write
  GLIMMER_TRY(state.writer->Sync());
  GLIMMER_TRY(journal_.Record(plan_.files[file].name, Digest(file, state.hashes)));
  GLIMMER_TRY(state.writer->Publish());
  state.writer.reset();
  return {};
}

}  // namespace glimmer::quant
