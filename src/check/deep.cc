#include "check/deep.h"

#include <fmt/format.h>

#include <cstring>
#include <map>
#include <mutex>
#include <unordered_map>

#include "base/text.h"
#include "check/integrity_rules.h"

namespace glimmer::check {
namespace {

using base::Quoted;
using base::Result;
using base::Status;
using tensor::DType;

constexpr size_t kPieceBytes = size_t{4} << 20;

bool IsJudged(DType dtype) {
  return dtype == DType::kF8E4M3 || dtype == DType::kBF16 || dtype == DType::kF32;
}

// What is wrong with one tensor so far.
struct Tally {
  uint64_t nans = 0, negatives = 0, not_finite = 0;
  uint64_t zeros = 0;           // of block scales; some are sound, all are not
  uint64_t first = UINT64_MAX;  // element

  void Count(uint64_t& counter, uint64_t element) {
    ++counter;
    first = std::min(first, element);
  }
};

void JudgeBlockScales(std::span<const std::byte> bytes, uint64_t first, Tally& tally) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    if ((byte & 0x7F) == 0x7F) {
      tally.Count(tally.nans, first + i);
    } else if ((byte & 0x80) != 0) {
      tally.Count(tally.negatives, first + i);
    } else if (byte == 0) {
      ++tally.zeros;
    }
  }
}

// Numbers whose exponent bits are all ones: infinities and NaN.
template <typename Bits>
void JudgeFloats(std::span<const std::byte> bytes, Bits exponent, uint64_t first, Tally& tally) {
  for (size_t i = 0; i < bytes.size() / sizeof(Bits); ++i) {
    Bits bits;
    std::memcpy(&bits, bytes.data() + i * sizeof bits, sizeof bits);
    if ((bits & exponent) == exponent) tally.Count(tally.not_finite, first + i);
  }
}

class DeepCheck {
 public:
  DeepCheck(const Opened& opened, const base::CancelFlag& cancel, std::atomic<uint64_t>& bytes_done,
            Findings& findings)
      : opened_(opened), cancel_(cancel), bytes_done_(bytes_done), findings_(findings) {}

  Result<std::vector<BlockScaleDefect>> Run(size_t workers) {
    std::vector<io::TensorRef> jobs;
    for (const io::Shard& shard : opened_.model.weights.shards()) {
      for (const io::TensorInfo& info : shard.tensors) {
        if (IsJudged(info.dtype)) jobs.push_back({&shard, &info});
      }
    }
    tallies_.resize(jobs.size());
    std::vector<std::vector<std::byte>> buffers(workers, std::vector<std::byte>(kPieceBytes));
    GLIMMER_TRY(base::RunJobs(jobs.size(), workers, [&](size_t j, size_t worker) {
      return Look(jobs[j], buffers[worker], tallies_[j]);
    }));
    for (size_t j = 0; j < jobs.size(); ++j) Report(jobs[j], tallies_[j]);
    return NanScales(jobs);
  }

 private:
  Status Look(const io::TensorRef& tensor, std::span<std::byte> buffer, Tally& tally) {
    const uint64_t element_bytes = tensor::BitsOf(tensor.info->dtype) / 8;
    uint64_t offset = 0;
    return tensor.shard->file.ReadInPieces(tensor.info->offset, tensor.info->size_bytes, buffer,
                                           [&](std::span<const std::byte> piece) -> Status {
                                             if (cancel_.IsSet()) return base::Cancelled("stopped");
                                             const uint64_t first = offset / element_bytes;
                                             if (tensor.info->dtype == DType::kF8E4M3)
                                               JudgeBlockScales(piece, first, tally);
                                             if (tensor.info->dtype == DType::kBF16) {
                                               JudgeFloats<uint16_t>(piece, 0x7F80, first, tally);
                                             }
                                             if (tensor.info->dtype == DType::kF32) {
                                               JudgeFloats<uint32_t>(piece, 0x7F800000, first,
                                                                     tally);
                                             }
                                             offset += piece.size();
                                             bytes_done_ += piece.size();
                                             return {};
                                           });
  }

  void Report(const io::TensorRef& tensor, const Tally& tally) {
    const auto add = [&](const Rule& rule, uint64_t count, const char* what) {
      if (count == 0) return;
      findings_.Add(
          rule, tensor.info->name,
          fmt::format("{}: tensor {}: {} {}, the first bad one at element {}", tensor.shard->name,
                      Quoted(tensor.info->name), base::WithCommas(count), what, tally.first));
    };
    add(integrity::kBlockScale, tally.nans, "block scales are NaN (byte 0x7F or 0xFF)");
    add(integrity::kBlockScale, tally.negatives, "block scales are negative");
    if (tally.zeros > 0 && tally.zeros == tensor.info->size_bytes) {
      findings_.Add(integrity::kBlockScale, tensor.info->name,
                    fmt::format("{}: tensor {}: all {} block scales are zero, and so is every "
                                "weight, whatever its code",
                                tensor.shard->name, Quoted(tensor.info->name),
                                base::WithCommas(tally.zeros)));
    }
    add(integrity::kNotFinite, tally.not_finite, "elements are NaN or infinite");
  }

  std::vector<BlockScaleDefect> NanScales(const std::vector<io::TensorRef>& jobs) const {
    std::unordered_map<std::string, size_t> spec_of;
    for (size_t i = 0; i < opened_.model.specs.size(); ++i) {
      spec_of[model::PartName(opened_.model.specs[i].name, model::Part::kWeightScale)] = i;
    }
    std::vector<BlockScaleDefect> defects;
    for (size_t j = 0; j < jobs.size(); ++j) {
      const auto spec = spec_of.find(jobs[j].info->name);
      if (tallies_[j].nans == 0 || spec == spec_of.end()) continue;
      defects.push_back({spec->second, fmt::format("tensor {} holds {} NaN block scales",
                                                   Quoted(jobs[j].info->name), tallies_[j].nans)});
    }
    return defects;
  }

  const Opened& opened_;
  const base::CancelFlag& cancel_;
  std::atomic<uint64_t>& bytes_done_;
  Findings& findings_;
  std::vector<Tally> tallies_;
};

}  // namespace

uint64_t DeepBytes(const Opened& opened) {
  uint64_t bytes = 0;
  for (const io::Shard& shard : opened.model.weights.shards()) {
    for (const io::TensorInfo& info : shard.tensors) {
      if (IsJudged(info.dtype)) bytes += info.size_bytes;
    }
  }
  return bytes;
}

Result<std::vector<BlockScaleDefect>> CheckDeep(const Opened& opened, size_t workers,
                                                const base::CancelFlag& cancel,
                                                std::atomic<uint64_t>& bytes_done,
                                                Findings& findings) {
  return DeepCheck(opened, cancel, bytes_done, findings).Run(workers);
}

}  // namespace glimmer::check
