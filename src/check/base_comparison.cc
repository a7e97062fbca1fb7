// Quantizes the base again, group by group, and holds the result against the checkpoint.
#include "check/base_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>

#include "base/text.h"
#include "check/integrity_rules.h"
#include "kernels/nvfp4_pack.h"
#include "model/agreement.h"
#include "model/match.h"
#include "quant/source.h"
#include "tensor/nvfp4.h"

namespace glimmer::check {
namespace {

using base::Quoted;
using base::Result;
using base::Status;
using model::Part;
using model::PartName;
using model::TensorSpec;
using tensor::Bf16;
using tensor::kNvfp4Block;
using tensor::kNvfp4BlockBytes;
using tensor::ScaleRule;

constexpr size_t kChunkElements = size_t{1} << 20;
static_assert(kChunkElements % kNvfp4Block == 0);

struct Comparison {
  tensor::PackError error;
  bool same_bytes = true;
};

// Error of dequantizing the stored codes against the weights, in double.
void AddError(std::span<const Bf16> weights, std::span<const uint8_t> codes,
              std::span<const uint8_t> scales, float tensor_scale, tensor::PackError& sum) {
  std::array<float, kNvfp4Block> values;
  for (size_t b = 0; b < scales.size(); ++b) {
    tensor::Nvfp4UnpackBlock(codes.subspan(b * kNvfp4BlockBytes).first<kNvfp4BlockBytes>(),
                             scales[b], tensor_scale, values);
    for (size_t i = 0; i < kNvfp4Block; ++i) {
      const double w = tensor::Bf16ToF32(weights[b * kNvfp4Block + i]);
      sum.squared_error += (w - values[i]) * (w - values[i]);
      sum.squared_weights += w * w;
    }
  }
}

// Whether the values are the BF16 numbers nearest to these codes' values.
bool AreDequantized(std::span<const Bf16> values, std::span<const uint8_t> codes,
                    std::span<const uint8_t> scales, float tensor_scale) {
  std::array<float, kNvfp4Block> block;
  for (size_t b = 0; b < values.size() / kNvfp4Block; ++b) {
    tensor::Nvfp4UnpackBlock(codes.subspan(b * kNvfp4BlockBytes).first<kNvfp4BlockBytes>(),
                             scales[b], tensor_scale, block);
    for (size_t i = 0; i < kNvfp4Block; ++i) {
      if (values[b * kNvfp4Block + i] != tensor::F32ToBf16(block[i])) return false;
    }
  }
  return true;
}

class BaseCheck {
 public:
  // `base_specs` is the inventory with the base's element types.
  BaseCheck(const LoadedCheckpoint& checkpoint, const std::vector<TensorSpec>& base_specs,
            const io::Checkpoint& base_weights, const base::CancelFlag& cancel,
            std::atomic<uint64_t>& bytes_done, BaseReport& report, Findings& findings)
      : c_(checkpoint),
        source_(base_specs, base_weights),
        cancel_(cancel),
        bytes_done_(bytes_done),
        report_(report),
        findings_(findings) {}

  Status Run(size_t workers) {
    std::map<uint32_t, std::vector<size_t>> groups;
    for (size_t i = 0; i < c_.specs.size(); ++i) {
      groups[IsQuantized(i) ? c_.specs[i].input_group : kAlone + static_cast<uint32_t>(i)]
          .push_back(i);
      if (model::IsLinear(c_.specs[i].kind)) readers_[c_.specs[i].input_group].push_back(i);
    }
    std::vector<std::vector<size_t>> jobs;
    for (auto& [group, members] : groups) jobs.push_back(std::move(members));
    GLIMMER_TRY(base::RunJobs(jobs.size(), workers, [&](size_t j, size_t) -> Status {
      if (IsQuantized(jobs[j][0])) return CheckGroup(jobs[j]);
      return CheckCopy(jobs[j][0]);
    }));
    report_.scale_rule = cpu_scales_ >= gpu_scales_ ? "cpu" : "gpu";
    return {};
  }

 private:
  static constexpr uint32_t kAlone = uint32_t{1} << 31;  // above every group number

  io::TensorRef Stored(size_t i, Part part) const {
    return c_.weights.Find(PartName(c_.specs[i].name, part));
  }
  bool IsQuantized(size_t i) const { return Stored(i, Part::kWeightScale).info != nullptr; }

  Status Step(uint64_t bytes) {
    bytes_done_ += bytes;
    if (cancel_.IsSet()) return base::Cancelled("stopped");
    return {};
  }

  Status CheckCopy(size_t i) {
    const io::TensorRef stored = Stored(i, Part::kCopy);
    const TensorSpec& spec = source_.spec(i);
    const uint64_t size_bytes = *tensor::SizeBytes(spec.dtype, spec.shape);
    if (stored.info == nullptr || stored.info->size_bytes != size_bytes) return {};  // a defect
    std::vector<std::byte> ours(kChunkElements), theirs(kChunkElements);
    bool same = true;
    for (uint64_t offset = 0; offset < size_bytes; offset += kChunkElements) {
      const size_t count = std::min<uint64_t>(kChunkElements, size_bytes - offset);
      GLIMMER_TRY(Step(count));
      GLIMMER_TRY(source_.ReadBytes(i, offset, std::span(ours).first(count)));
      GLIMMER_TRY(io::Checkpoint::Read(stored, offset, std::span(theirs).first(count)));
      same = same && std::memcmp(ours.data(), theirs.data(), count) == 0;
    }
    if (same) return {};
    GLIMMER_ASSIGN(const bool dequantized, IsDequantized(i, stored));
    if (dequantized) {
      NoteDequantized(i);
    } else {
      Differs(i, "is not the base's tensor");
    }
    return {};
  }

  // Whether the stored BF16 linear is what quantizing the base and dequantizing again gives, with
  // the scale of a packed linear that reads the same input, or else one of its own.
  Result<bool> IsDequantized(size_t i, const io::TensorRef& stored) {
    const TensorSpec& spec = c_.specs[i];
    if (!model::IsLinear(spec.kind) || stored.info->dtype != tensor::DType::kBF16 ||
        source_.spec(i).dtype != tensor::DType::kBF16 || spec.shape[1] % kNvfp4Block != 0) {
      return false;
    }
    std::vector<float> scales;
    for (const size_t reader : readers_.at(spec.input_group)) {
      if (!IsQuantized(reader)) continue;
      GLIMMER_ASSIGN(const float scale, StoredScale(reader));
      scales.push_back(scale);
      break;
    }
    if (scales.empty()) {
      GLIMMER_ASSIGN(const Bf16 amax, AbsMaxOf(readers_.at(spec.input_group)));
      for (const ScaleRule rule : {ScaleRule::kCpu, ScaleRule::kGpu}) {
        scales.push_back(tensor::Nvfp4TensorScale(tensor::Bf16ToF32(amax), rule));
      }
    }
    for (const float scale : scales) {
      GLIMMER_ASSIGN(const bool equal, EqualsRounded(i, stored, scale));
      if (equal) return true;
    }
    return false;
  }

  // Whether the stored values are the base's after a round through NVFP4 with this scale.
  Result<bool> EqualsRounded(size_t i, const io::TensorRef& stored, float scale) {
    std::vector<Bf16> weights(kChunkElements), values(kChunkElements);
    std::vector<uint8_t> codes(kChunkElements / 2), scales(kChunkElements / kNvfp4Block);
    const uint64_t elements = *tensor::ElementCount(c_.specs[i].shape);
    for (uint64_t first = 0; first < elements; first += kChunkElements) {
      const size_t count = std::min<uint64_t>(kChunkElements, elements - first);
      GLIMMER_TRY(Step(0));
      const auto w = std::span(weights).first(count);
      const auto v = std::span(values).first(count);
      GLIMMER_TRY(source_.ReadBf16(i, first, w));
      GLIMMER_TRY(io::Checkpoint::Read(stored, first * sizeof(Bf16), std::as_writable_bytes(v)));
      kernels::PackNvfp4(w, scale, std::span(codes).first(count / 2),
                         std::span(scales).first(count / kNvfp4Block));
      if (!AreDequantized(v, codes, scales, scale)) return false;
    }
    return true;
  }

  Result<float> StoredScale(size_t i) const {
    float scale = 0;
    GLIMMER_TRY(io::Checkpoint::Read(Stored(i, Part::kWeightScale2), 0,
                                     std::as_writable_bytes(std::span(&scale, 1))));
    return scale;
  }

  void NoteDequantized(size_t i) {
    const std::lock_guard lock(mutex_);
    const std::string module(model::ModuleName(c_.specs[i].name));
    findings_.Add(integrity::kDequantized, module,
                  fmt::format("{} is BF16 with the values of the base in NVFP4: dequantized",
                              Quoted(module)));
  }

  // The base's largest magnitude over these linears.
  Result<Bf16> AbsMaxOf(const std::vector<size_t>& members) {
    Bf16 amax = 0;
    std::vector<Bf16> chunk(kChunkElements);
    for (const size_t i : members) {
      const uint64_t elements = *tensor::ElementCount(source_.spec(i).shape);
      for (uint64_t first = 0; first < elements; first += kChunkElements) {
        const auto part =
            std::span(chunk).first(std::min<uint64_t>(kChunkElements, elements - first));
        GLIMMER_TRY(Step(0));
        GLIMMER_TRY(source_.ReadBf16(i, first, part));
        amax = std::max(amax, kernels::AbsMax(part));
      }
    }
    return amax;
  }

  static bool Explains(Bf16 amax, float scale) {
    const float widened = tensor::Bf16ToF32(amax);
    return scale == tensor::Nvfp4TensorScale(widened, ScaleRule::kCpu) ||
           scale == tensor::Nvfp4TensorScale(widened, ScaleRule::kGpu);
  }

  Status CheckGroup(const std::vector<size_t>& members) {
    GLIMMER_ASSIGN(Bf16 amax, AbsMaxOf(members));
    GLIMMER_ASSIGN(const float scale, StoredScale(members[0]));
    const std::vector<size_t>& readers = readers_.at(c_.specs[members[0]].input_group);
    if (!Explains(amax, scale) && readers.size() > members.size()) {
      // Some of the group may have been dequantized since.
      GLIMMER_ASSIGN(amax, AbsMaxOf(readers));
    }
    for (const size_t i : members) GLIMMER_TRY(CheckLinear(i, tensor::Bf16ToF32(amax)));
    return {};
  }

  Status CheckLinear(size_t i, float amax) {
    GLIMMER_ASSIGN(const float stored_scale, StoredScale(i));
    const bool cpu = stored_scale == tensor::Nvfp4TensorScale(amax, ScaleRule::kCpu);
    const bool gpu = stored_scale == tensor::Nvfp4TensorScale(amax, ScaleRule::kGpu);
    cpu_scales_ += cpu;
    gpu_scales_ += gpu;
    Comparison comparison;
    GLIMMER_TRY(Compare(i, stored_scale, comparison));
    if (!cpu && !gpu) {
      Differs(i, fmt::format("has weight_scale_2 {:a}, expected {:a} from the base", stored_scale,
                             tensor::Nvfp4TensorScale(amax, ScaleRule::kCpu)));
    } else if (!comparison.same_bytes) {
      Differs(i, "has other codes or block scales than quantizing the base gives");
    }
    const std::lock_guard lock(mutex_);
    KindReport& kind = report_.kinds[static_cast<size_t>(c_.specs[i].kind)];
    kind.error += comparison.error;
    NoteWorst(i, comparison.error);
    return {};
  }

  // REQUIRES: mutex_ is held.
  void NoteWorst(size_t i, const tensor::PackError& of_linear) {
    if (of_linear.squared_weights == 0) return;
    const double error = of_linear.relative_rms();
    auto& worst = report_.worst;
    const auto place = std::find_if(worst.begin(), worst.end(), [&](const LinearError& other) {
      return other.relative_rms < error;
    });
    worst.insert(place, {std::string(model::ModuleName(c_.specs[i].name)), error});
    if (worst.size() > kWorstLinears) worst.pop_back();
  }

  Status Compare(size_t i, float scale, Comparison& comparison) {
    std::vector<Bf16> weights(kChunkElements);
    std::vector<uint8_t> codes(kChunkElements / 2), expected_codes(codes.size());
    std::vector<uint8_t> scales(kChunkElements / kNvfp4Block), expected_scales(scales.size());
    const uint64_t elements = *tensor::ElementCount(source_.spec(i).shape);
    for (uint64_t first = 0; first < elements; first += kChunkElements) {
      const size_t count = std::min<uint64_t>(kChunkElements, elements - first);
      GLIMMER_TRY(Step(count * sizeof(Bf16)));
      const auto w = std::span(weights).first(count);
      const auto c = std::span(codes).first(count / 2);
      const auto s = std::span(scales).first(count / kNvfp4Block);
      GLIMMER_TRY(source_.ReadBf16(i, first, w));
      GLIMMER_TRY(
          io::Checkpoint::Read(Stored(i, Part::kWeight), first / 2, std::as_writable_bytes(c)));
      GLIMMER_TRY(io::Checkpoint::Read(Stored(i, Part::kWeightScale), first / kNvfp4Block,
                                       std::as_writable_bytes(s)));
      const auto ec = std::span(expected_codes).first(c.size());
      const auto es = std::span(expected_scales).first(s.size());
      kernels::PackNvfp4(w, scale, ec, es);
      comparison.same_bytes = comparison.same_bytes && std::equal(c.begin(), c.end(), ec.begin()) &&
                              std::equal(s.begin(), s.end(), es.begin());
      AddError(w, c, s, scale, comparison.error);
    }
    return {};
  }

  void Differs(size_t i, const std::string& how) {
    const std::lock_guard lock(mutex_);
    ++report_.kinds[static_cast<size_t>(c_.specs[i].kind)].differing;
    const std::string module(model::ModuleName(c_.specs[i].name));
    findings_.Add(integrity::kBase, module, fmt::format("{} {}", Quoted(module), how));
  }

  const LoadedCheckpoint& c_;
  quant::CheckpointSource source_;
  const base::CancelFlag& cancel_;
  std::atomic<uint64_t>& bytes_done_;
  BaseReport& report_;
  Findings& findings_;
  std::map<uint32_t, std::vector<size_t>> readers_;  // linears by input group
  std::mutex mutex_;                                 // guards report_ and findings_
  std::atomic<uint64_t> cpu_scales_{0}, gpu_scales_{0};
};

Status CheckSameModel(const LoadedCheckpoint& a, const LoadedCheckpoint& b) {
  if (b.format != model::WeightFormat::kBf16) {
    return base::Invalid(Quoted(b.weights.folder()) + ": --base must be a BF16 checkpoint");
  }
  for (size_t i = 0; i < a.specs.size(); ++i) {
    const bool same = i < b.specs.size() && a.specs[i].name == b.specs[i].name &&
                      a.specs[i].shape == b.specs[i].shape;
    if (!same) {
      return base::Invalid(fmt::format("{}: is not the base of {}: {} {} has no counterpart",
                                       Quoted(b.weights.folder()), Quoted(a.weights.folder()),
                                       a.specs[i].name, tensor::ToString(a.specs[i].shape)));
    }
  }
  return {};
}

}  // namespace

KindReports CountKinds(const LoadedCheckpoint& checkpoint) {
  KindReports kinds;
  for (const TensorSpec& spec : checkpoint.specs) {
    KindReport& kind = kinds[static_cast<size_t>(spec.kind)];
    ++kind.tensors;
    kind.quantized += model::IsPacked(checkpoint, spec);
  }
  return kinds;
}

Result<BaseReport> CompareWithBase(const LoadedCheckpoint& checkpoint, const LoadedCheckpoint& base,
                                   size_t workers, const base::CancelFlag& cancel,
                                   std::atomic<uint64_t>& bytes_done, Findings& findings) {
  GLIMMER_TRY(CheckSameModel(checkpoint, base));
  GLIMMER_ASSIGN(const std::vector<TensorSpec> base_specs,
                 model::MatchBf16(base.config, base.weights));
  BaseReport report;
  report.kinds = CountKinds(checkpoint);
  BaseCheck check(checkpoint, base_specs, base.weights, cancel, bytes_done, report, findings);
  GLIMMER_TRY(check.Run(workers));
  return report;
}

}  // namespace glimmer::check
