#include "quant/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/text.h"
#include "quant/plan.h"

namespace glimmer::quant {
namespace {

using base::Quoted;
using model::TensorSpec;
using tensor::DType;

class StructureCheck {
 public:
  explicit StructureCheck(const LoadedCheckpoint& checkpoint) : c_(checkpoint) {}

  CheckReport Run() {
    weights_only_ = WeightsOnly();
    CheckAnnouncement();
    for (const TensorSpec& spec : c_.specs) CheckSpec(spec);
    CheckUnknown();
    CheckGroups();
    for (const std::string& name : c_.weights.stray_files()) {
      report_.notes.push_back(
          fmt::format("{} is not in the index; engines that follow the index ignore it", name));
    }
    if (defects_ > report_.defects.size()) {
      report_.defects.push_back(
          fmt::format("and {} more", base::WithCommas(defects_ - report_.defects.size())));
    }
    return std::move(report_);
  }

 private:
  bool WeightsOnly() const {
    const base::JsonValue* quantization = c_.config_json.if_contains("quantization_config");
    if (quantization == nullptr || !quantization->is_object()) return false;
    const base::JsonValue* algorithm = quantization->get_object().if_contains("quant_algo");
    return algorithm != nullptr && *algorithm == "W4A16_NVFP4";
  }

  void CheckAnnouncement() {
    bool packed = false;
    for (const TensorSpec& spec : c_.specs) packed = packed || IsPacked(spec);
    if (packed && c_.format == model::WeightFormat::kBf16) {
      Defect(
          fmt::format("{} has no quantization_config, but linears are packed", model::kConfigName));
    }
    if (!packed && c_.format != model::WeightFormat::kBf16) {
      Defect(fmt::format("{} announces NVFP4, but no linear is packed", model::kConfigName));
    }
  }

  bool IsPacked(const TensorSpec& spec) const {
    return c_.weights.Find(PartName(spec.name, Part::kWeightScale)).info != nullptr ||
           c_.weights.Find(PartName(spec.name, Part::kWeightScale2)).info != nullptr;
  }

  void Defect(std::string sentence) {
    if (++defects_ <= kDefectsShown) report_.defects.push_back(std::move(sentence));
  }

  // Whether the tensor is there as it should be.
  bool Expect(const std::string& name, std::initializer_list<DType> dtypes,
              const tensor::Shape& shape) {
    known_.insert(name);
    const io::TensorRef found = c_.weights.Find(name);
    if (found.info == nullptr) {
      Defect(fmt::format("tensor {} is missing", Quoted(name)));
      return false;
    }
    ++report_.tensors;
    report_.bytes += found.info->size_bytes;
    const bool right_type =
        std::find(dtypes.begin(), dtypes.end(), found.info->dtype) != dtypes.end();
    if (right_type && found.info->shape == shape) return true;
    Defect(fmt::format("{}: tensor {}: expected {} {}, found {} {}", found.shard->name,
                       Quoted(name), tensor::Name(*dtypes.begin()), tensor::ToString(shape),
                       tensor::Name(found.info->dtype), tensor::ToString(found.info->shape)));
    return false;
  }

  void CheckSpec(const TensorSpec& spec) {
    KindReport& kind = report_.kinds[static_cast<size_t>(spec.kind)];
    ++kind.tensors;
    if (!IsPacked(spec) || !model::IsLinear(spec.kind)) {
      Expect(spec.name, {spec.dtype, spec.alternative_dtype()}, spec.shape);
      return;
    }
    ++kind.quantized;
    ++report_.linears_quantized;
    const uint64_t out = spec.shape[0], in = spec.shape[1];
    Expect(spec.name, {DType::kU8}, {out, in / 2});
    Expect(PartName(spec.name, Part::kWeightScale), {DType::kF8E4M3}, {out, in / 16});
    CheckScale(spec, Part::kWeightScale2);
    const bool scaled_input = c_.format != model::WeightFormat::kBf16 && !weights_only_;
    if (scaled_input) CheckScale(spec, Part::kInputScale);
  }

  void CheckScale(const TensorSpec& spec, Part part) {
    const std::string name = PartName(spec.name, part);
    if (!Expect(name, {DType::kF32}, {})) return;
    float scale = 0;
    const auto read = io::Checkpoint::Read(c_.weights.Find(name), 0,
                                           std::as_writable_bytes(std::span(&scale, 1)));
    if (!read.ok()) return Defect(read.error().message);
    if (!std::isfinite(scale) || scale <= 0) {
      return Defect(fmt::format("{} is {}, expected a finite number above 0", name, scale));
    }
    group_scales_[{spec.input_group, part}].push_back({&spec, scale});
  }

  void CheckUnknown() {
    for (const io::Shard& shard : c_.weights.shards()) {
      for (const io::TensorInfo& info : shard.tensors) {
        if (known_.contains(info.name) || model::IsOptionalMtpTensor(c_.config, info.name)) {
          continue;
        }
        Defect(fmt::format("{}: tensor {} is no part of the model", shard.name, Quoted(info.name)));
      }
    }
  }

  void CheckGroups() {
    for (const auto& [key, members] : group_scales_) {
      for (const auto& [spec, scale] : members) {
        if (scale == members[0].second) continue;
        Defect(
            fmt::format("{} is {:a}, but {} reads the same input and has {:a}: engines join them "
                        "and use one",
                        PartName(spec->name, key.second), scale,
                        model::ModuleName(members[0].first->name), members[0].second));
      }
    }
  }

  const LoadedCheckpoint& c_;
  CheckReport report_;
  bool weights_only_ = false;
  size_t defects_ = 0;
  std::set<std::string> known_;
  std::map<std::pair<uint32_t, Part>, std::vector<std::pair<const TensorSpec*, float>>>
      group_scales_;
};

}  // namespace

double KindReport::relative_rms() const {
  return squared_weights == 0 ? 0 : std::sqrt(squared_error / squared_weights);
}

CheckReport CheckStructure(const LoadedCheckpoint& checkpoint) {
  return StructureCheck(checkpoint).Run();
}

}  // namespace glimmer::quant
