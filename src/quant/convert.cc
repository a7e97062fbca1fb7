#include "quant/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <unordered_map>

#include "base/json.h"
#include "base/processors.h"
#include "base/text.h"
#include "kernels/nvfp4_pack.h"
#include "quant/finite.h"
#include "quant/output_folder.h"
#include "quant/output_set.h"
#include "quant/window.h"

namespace glimmer::quant {
namespace {

using base::Result;
using base::Status;
using tensor::Bf16;

std::vector<Job> CutIntoJobs(const Plan& plan) {
  std::vector<Job> jobs;
  std::unordered_map<uint32_t, size_t> job_of_group;
  for (size_t i = 0; i < plan.specs.size(); ++i) {
    if (plan.tensors[i].format == LinearFormat::kBf16) {
      jobs.push_back({i});
      continue;
    }
    const auto [place, is_new] = job_of_group.try_emplace(plan.specs[i].input_group, jobs.size());
    if (is_new) jobs.emplace_back();
    jobs[place->second].push_back(i);
  }
  return jobs;
}

// What a worker holds at a time: the largest group of linears with one scale, within bounds.
uint64_t WindowElements(const Plan& plan, const std::vector<Job>& jobs) {
  uint64_t largest = 0;
  for (const Job& job : jobs) {
    if (plan.tensors[job[0]].format != LinearFormat::kNvfp4) continue;
    uint64_t elements = 0;
    for (const size_t i : job) elements += *tensor::ElementCount(plan.specs[i].shape);
    largest = std::max(largest, elements);
  }
  return std::clamp(largest, kChunkElements, kWindowElements);
}

// Where the hash of the source's tensor is kept: with what was made of it.
Place SourcePlace(const PlannedTensor& planned) {
  const Place weight = planned.place(Part::kWeight);
  return weight.written() ? weight : planned.place(Part::kCopy);
}

}  // namespace

// The work of a conversion whose folder is open.
class Converter {
 public:
  Converter(const Plan& plan, const ConvertOptions& options, const base::CancelFlag& cancel,
            Progress& progress, OutputSet& outputs)
      : plan_(plan),
        options_(options),
        cancel_(cancel),
        progress_(progress),
        outputs_(outputs),
        jobs_(CutIntoJobs(plan)),
        job_of_spec_(plan.specs.size()) {
    for (size_t j = 0; j < jobs_.size(); ++j) {
      for (const size_t i : jobs_[j]) job_of_spec_[i] = j;
    }
    for (size_t w = 0; w < options.workers; ++w) workers_.emplace_back(WindowElements(plan, jobs_));
  }

  // Everything that is not complete yet.
  Status RunRest(const WeightSource& source) {
    source_ = &source;
    // Asked before work begins: a job may not look at what another one is finishing.
    std::vector<uint8_t> finished(jobs_.size());
    for (size_t j = 0; j < jobs_.size(); ++j) finished[j] = WeightsFinished(jobs_[j]);
    return base::RunJobs(jobs_.size(), options_.workers, [&](size_t j, size_t worker) -> Status {
      const size_t next = j + options_.workers;
      if (next < jobs_.size() && !finished[next]) Announce(jobs_[next]);
      if (!finished[j]) GLIMMER_TRY(WriteWeights(jobs_[j], workers_[worker]));
      for (const size_t i : jobs_[j]) {
        GLIMMER_TRY(WriteInputScale(i));
        const uint64_t bytes = *tensor::SizeBytes(plan_.specs[i].dtype, plan_.specs[i].shape);
        if (finished[j]) progress_.source_bytes_kept += bytes;
        progress_.source_bytes_done += bytes;
      }
      return {};
    });
  }

  // The weights of these tensors, complete or not, without input scales.
  Status RunThese(const WeightSource& source, const std::vector<size_t>& specs) {
    source_ = &source;
    std::vector<size_t> jobs;
    for (const size_t i : specs) jobs.push_back(job_of_spec_[i]);
    std::sort(jobs.begin(), jobs.end());
    jobs.erase(std::unique(jobs.begin(), jobs.end()), jobs.end());
    return base::RunJobs(jobs.size(), options_.workers, [&](size_t k, size_t worker) {
      return WriteWeights(jobs_[jobs[k]], workers_[worker]);
    });
  }

 private:
  struct Worker {
    explicit Worker(uint64_t window_elements) : window(window_elements) {}
    Window window;
    std::vector<uint8_t> codes = std::vector<uint8_t>(kChunkElements / 2);
    std::vector<uint8_t> scales = std::vector<uint8_t>(kChunkElements / tensor::kNvfp4Block);
  };

  void Announce(const Job& job) const {
    for (const size_t i : job) source_->WillRead(i);
  }

  // Whether all parts of these tensors but the input scales are complete.
  bool WeightsFinished(const Job& job) const {
    return std::all_of(job.begin(), job.end(), [&](size_t i) {
      const auto& places = plan_.tensors[i].places;
      for (size_t part = 0; part < kParts; ++part) {
        if (part == static_cast<size_t>(Part::kInputScale) || !places[part].written()) continue;
        if (!outputs_.finished(places[part])) return false;
      }
      return true;
    });
  }

  Status WriteWeights(const Job& job, Worker& worker) {
    const bool copy = plan_.tensors[job[0]].format == LinearFormat::kBf16;
    return copy ? Copy(job[0], worker) : Quantize(job, worker);
  }

  Status WriteInputScale(size_t index) {
    const Place& place = plan_.tensors[index].place(Part::kInputScale);
    if (!place.written() || outputs_.finished(place)) return {};
    return WriteScalar(place, tensor::Nvfp4TensorScale(source_->InputAmax(index), options_.rule));
  }

  Status CheckNotCancelled() const {
    if (cancel_.IsSet()) return base::Cancelled("stopped");
    return {};
  }

  // A tensor as the source has it; read(offset, bytes) fills a chunk.
  template <typename Read>
  Status CopyTo(Place place, Worker& worker, Read read) {
    const uint64_t size_bytes = plan_.files[place.file].tensors[place.slot].size_bytes;
    TensorWriter writer(outputs_, place);
    for (uint64_t offset = 0; offset < size_bytes; offset += kChunkBytes) {
      GLIMMER_TRY(CheckNotCancelled());
      const auto chunk = worker.window.raw().first(std::min(kChunkBytes, size_bytes - offset));
      GLIMMER_TRY(read(offset, chunk));
      GLIMMER_TRY(writer.Append(chunk));
    }
    return writer.Finish();
  }

  Status Copy(size_t index, Worker& worker) {
    const Place place = plan_.tensors[index].place(Part::kCopy);
    return CopyTo(place, worker, [&](uint64_t offset, std::span<std::byte> chunk) -> Status {
      GLIMMER_TRY(source_->ReadBytes(index, offset, chunk));
      outputs_.SetSourceHash(place, source_->ContentHash(index));  // after the last
      const uint64_t element_bytes = tensor::BitsOf(source_->spec(index).dtype) / 8;
      return CheckFinite(*source_, index, offset / element_bytes, chunk);
    });
  }

  // A linear that is NVFP4 already: its tensors as they are.
  Status CopyParts(size_t index, Worker& worker) {
    for (size_t p = 0; p < kParts; ++p) {
      const auto part = static_cast<Part>(p);
      const Place place = plan_.tensors[index].place(part);
      if (!place.written()) continue;
      GLIMMER_TRY(CopyTo(place, worker, [&](uint64_t offset, std::span<std::byte> chunk) {
        return source_->ReadPart(index, part, offset, chunk);
      }));
    }
    return {};
  }

  Status Quantize(const Job& job, Worker& worker) {
    if (source_->IsPacked(job[0])) {
      for (const size_t index : job) GLIMMER_TRY(CopyParts(index, worker));
      return {};
    }
    worker.window.Begin(*source_, job);
    Bf16 amax = 0;
    for (size_t m = 0; m < job.size(); ++m) {
      GLIMMER_TRY(worker.window.ForEachChunk(
          m, job[m], [&](std::span<const Bf16> chunk, uint64_t first) -> Status {
            GLIMMER_TRY(CheckNotCancelled());
            amax = std::max(amax, kernels::AbsMax(chunk));
            if (amax < tensor::kBf16Infinity) return {};
            return CheckFiniteBf16(*source_, job[m], first, chunk);
          }));
    }
    worker.window.Loaded();
    const float scale = tensor::Nvfp4TensorScale(tensor::Bf16ToF32(amax), options_.rule);
    for (size_t m = 0; m < job.size(); ++m) GLIMMER_TRY(Pack(m, job[m], scale, worker));
    return {};
  }

  Status Pack(size_t member, size_t index, float scale, Worker& worker) {
    const PlannedTensor& planned = plan_.tensors[index];
    TensorWriter weight(outputs_, planned.place(Part::kWeight));
    TensorWriter weight_scale(outputs_, planned.place(Part::kWeightScale));
    kernels::PackError error;
    GLIMMER_TRY(worker.window.ForEachChunk(
        member, index, [&](std::span<const Bf16> chunk, uint64_t) -> Status {
          GLIMMER_TRY(CheckNotCancelled());
          const auto codes = std::span(worker.codes).first(chunk.size() / 2);
          const auto scales = std::span(worker.scales).first(chunk.size() / tensor::kNvfp4Block);
          kernels::PackNvfp4(chunk, scale, codes, scales);
          if (options_.measure_errors) error += kernels::ErrorOfNvfp4(chunk, scale, codes, scales);
          GLIMMER_TRY(weight.Append(std::as_bytes(codes)));
          return weight_scale.Append(std::as_bytes(scales));
        }));
    if (options_.measure_errors) outputs_.SetError(planned.place(Part::kWeight), error);
    outputs_.SetSourceHash(planned.place(Part::kWeight), source_->ContentHash(index));
    GLIMMER_TRY(weight.Finish());
    GLIMMER_TRY(weight_scale.Finish());
    return WriteScalar(planned.place(Part::kWeightScale2), scale);
  }

  Status WriteScalar(Place place, float value) {
    TensorWriter writer(outputs_, place);
    GLIMMER_TRY(writer.Append(std::as_bytes(std::span(&value, 1))));
    return writer.Finish();
  }

  const Plan& plan_;
  const WeightSource* source_ = nullptr;
  ConvertOptions options_;
  const base::CancelFlag& cancel_;
  Progress& progress_;
  OutputSet& outputs_;
  std::vector<Job> jobs_;
  std::vector<size_t> job_of_spec_;
  std::vector<Worker> workers_;
};

struct Conversion::State {
  State(const Plan& p, const Companions& c, std::string f, Journal j, const ConvertOptions& options,
        const base::CancelFlag& cancel_flag, Progress& progress)
      : plan(p),
        companions(c),
        folder(std::move(f)),
        journal(std::move(j)),
        outputs(plan, folder, journal,
                options.measure_errors ? Errors::kMeasured : Errors::kUnknown,
                c.sums ? Sums::kSha256 : Sums::kUnknown, cancel_flag),
        converter(plan, options, cancel_flag, progress, outputs) {}

  const Plan& plan;
  const Companions& companions;
  std::string folder;
  Journal journal;
  OutputSet outputs;
  Converter converter;
  size_t files_kept = 0;
};

size_t ConvertWorkers() { return std::min(base::UsableProcessors() + 1, kMaxWorkers); }

uint64_t ConvertMemoryBytes(const Plan& plan, size_t workers) {
  constexpr uint64_t kProgramBytes = 32'000'000;  // libraries, stacks of workers within reason
  constexpr uint64_t kTensorBytes = 600;  // one tensor in source and plan, names and hash included
  constexpr uint64_t kOutputBytes = 700;  // one written tensor: header, index, hashes
  const uint64_t window_bytes = WindowElements(plan, CutIntoJobs(plan)) * sizeof(Bf16);
  return kProgramBytes + workers * (window_bytes + kChunkBytes) + plan.specs.size() * kTensorBytes +
         plan.totals.tensors_total() * kOutputBytes;
}

Conversion::Conversion(std::unique_ptr<State> state) : state_(std::move(state)) {}
Conversion::Conversion(Conversion&&) noexcept = default;
Conversion::~Conversion() = default;

Result<Conversion> Conversion::Begin(const Plan& plan, const Companions& companions,
                                     const std::string& folder, const base::JsonObject& settings,
                                     const ConvertOptions& options, const base::CancelFlag& cancel,
                                     Progress& progress) {
  GLIMMER_TRY(base::CreateFolder(folder));
  GLIMMER_ASSIGN(Journal journal, Journal::Open(folder, settings));
  auto state = std::make_unique<State>(plan, companions, folder, std::move(journal), options,
                                       cancel, progress);
  GLIMMER_TRY(state->outputs.VerifyKept(options.workers));
  for (size_t file = 0; file < plan.files.size(); ++file) {
    state->files_kept += state->outputs.kept(file);
  }
  return Conversion(std::move(state));
}

Status Conversion::WriteWeights(const WeightSource& source, const std::vector<size_t>& specs) {
  return state_->converter.RunThese(source, specs);
}

Status Conversion::Commit() { return state_->outputs.Commit(); }

Status Conversion::WriteRest(const WeightSource& source) {
  GLIMMER_TRY(state_->converter.RunRest(source));
  GLIMMER_TRY(state_->outputs.CompleteRest());
  return state_->outputs.Publish();
}

Written Conversion::written() const {
  Written written;
  for (size_t file = 0; file < state_->plan.files.size(); ++file) {
    written.digests.push_back(state_->outputs.hashes(file).digest);
    written.sha256.push_back(state_->outputs.hashes(file).sha256);
  }
  for (const PlannedTensor& planned : state_->plan.tensors) {
    const Place weight = planned.place(Part::kWeight);
    written.errors.push_back(weight.written() ? state_->outputs.error(weight)
                                              : kernels::PackError());
    written.source_hashes.push_back(state_->outputs.source_hash(SourcePlace(planned)));
  }
  return written;
}

Result<ConvertSummary> Conversion::Finish() {
  GLIMMER_TRY(WriteCompanions(state_->plan, state_->companions, state_->folder, written().sha256));
  GLIMMER_TRY(state_->journal.Remove());
  ConvertSummary summary;
  summary.files_kept = state_->files_kept;
  summary.bytes_written = state_->outputs.bytes_written();
  return summary;
}

Result<ConvertSummary> Convert(const Plan& plan, const WeightSource& source,
                               const Companions& companions, const std::string& folder,
                               const base::JsonObject& settings, const ConvertOptions& options,
                               const base::CancelFlag& cancel, Progress& progress,
                               const std::function<Status(const Written&)>& write_others) {
  const auto start = std::chrono::steady_clock::now();
  GLIMMER_ASSIGN(const OutputState state,
                 CheckOutput(plan, companions, folder, settings, options.resume));
  ConvertSummary summary;
  if (state == OutputState::kFinished) {
    summary.was_complete = true;
    return summary;
  }
  GLIMMER_ASSIGN(Conversion conversion,
                 Conversion::Begin(plan, companions, folder, settings, options, cancel, progress));
  GLIMMER_TRY(conversion.WriteRest(source));
  if (write_others) GLIMMER_TRY(write_others(conversion.written()));
  GLIMMER_ASSIGN(summary, conversion.Finish());
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return summary;
}

}  // namespace glimmer::quant
