#include "check/scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/text.h"
#include "tensor/nvfp4.h"

namespace glimmer::check {
namespace {

using base::Quoted;
using model::Part;
using model::PartName;
using model::TensorSpec;
using tensor::DType;

class Scanner {
 public:
  explicit Scanner(const Opened& opened)
      : c_(opened.model),
        wants_input_scales_(opened.announced.any() &&
                            !opened.announced.config_first().weights_only()) {}

  Scan Run() {
    scan_.tensors.resize(c_.specs.size());
    FindMissingLayers();
    for (size_t i = 0; i < c_.specs.size(); ++i) ScanSpec(i);
    FindUnknown();
    return std::move(scan_);
  }

 private:
  const io::TensorInfo* Info(const std::string& name) const { return c_.weights.Find(name).info; }

  void Report(Problem problem, size_t spec, Part part, std::string name, std::string sentence) {
    scan_.problems.push_back({problem, spec, part, std::move(name), std::move(sentence)});
  }

  void FindMissingLayers() {
    for (uint64_t layer = c_.config.num_hidden_layers; layer < c_.config.total_layers(); ++layer) {
      const bool any = std::any_of(c_.specs.begin(), c_.specs.end(), [&](const TensorSpec& spec) {
        return spec.layer == layer && Info(spec.name) != nullptr;
      });
      if (!any) scan_.missing_layers.push_back(layer);
    }
  }

  bool InMissingLayer(const TensorSpec& spec) const {
    return std::find(scan_.missing_layers.begin(), scan_.missing_layers.end(), spec.layer) !=
           scan_.missing_layers.end();
  }

  // The tensor if it is there, whatever it is; its type and shape are compared.
  const io::TensorInfo* Expect(size_t i, Part part, std::initializer_list<DType> dtypes,
                               const tensor::Shape& shape) {
    const std::string name = PartName(c_.specs[i].name, part);
    known_.insert(name);
    const io::TensorRef found = c_.weights.Find(name);
    if (found.info == nullptr) {
      const bool scale = part != Part::kCopy && part != Part::kWeight;
      Report(scale ? Problem::kMissingScale : Problem::kMissing, i, part, name,
             fmt::format("tensor {} is missing", Quoted(name)));
      return nullptr;
    }
    ++scan_.tensor_count;
    scan_.bytes += found.info->size_bytes;
    const bool right_type =
        std::find(dtypes.begin(), dtypes.end(), found.info->dtype) != dtypes.end();
    const bool right_shape = found.info->shape == shape || IsOneElement(shape, found.info->shape);
    if (right_type && right_shape) return found.info;
    Report(right_shape ? Problem::kDType : Problem::kShape, i, part, name,
           fmt::format("{}: tensor {}: expected {} {}, found {} {}", found.shard->name,
                       Quoted(name), tensor::Name(*dtypes.begin()), tensor::ToString(shape),
                       tensor::Name(found.info->dtype), tensor::ToString(found.info->shape)));
    return nullptr;
  }

  // Engines take a scalar of shape [1] as one of shape [].
  static bool IsOneElement(const tensor::Shape& expected, const tensor::Shape& found) {
    return expected.empty() && found == tensor::Shape{1};
  }

  bool IsPacked(const TensorSpec& spec) const {
    const bool weight = spec.name.ends_with(".weight");  // scales are a matrix's, not its bias's
    if (weight && (Info(PartName(spec.name, Part::kWeightScale)) != nullptr ||
                   Info(PartName(spec.name, Part::kWeightScale2)) != nullptr)) {
      return true;
    }
    const io::TensorInfo* info = Info(spec.name);
    return info != nullptr && info->dtype == DType::kU8;
  }

  void ScanSpec(size_t i) {
    const TensorSpec& spec = c_.specs[i];
    StoredTensor& stored = scan_.tensors[i];
    if (InMissingLayer(spec)) return;
    stored.present = Info(spec.name) != nullptr;
    stored.packed = IsPacked(spec);
    if (!stored.packed) {
      Expect(i, Part::kCopy, {spec.dtype, spec.alternative_dtype()}, spec.shape);
      return;
    }
    if (!model::IsLinear(spec.kind)) return ReportPackedPlain(i);
    ++scan_.linears_packed;
    const uint64_t out = spec.shape[0], in = spec.shape[1];
    if (in % tensor::kNvfp4Block != 0) {
      Report(Problem::kShape, i, Part::kWeight, spec.name,
             fmt::format("tensor {} is packed, but its input width {} is no multiple of {}",
                         Quoted(spec.name), in, tensor::kNvfp4Block));
    }
    Expect(i, Part::kWeight, {DType::kU8}, {out, in / 2});
    Expect(i, Part::kWeightScale, {DType::kF8E4M3}, {out, in / tensor::kNvfp4Block});
    stored.weight_scale_2 = ReadScale(i, Part::kWeightScale2);
    const bool has_input = Info(PartName(spec.name, Part::kInputScale)) != nullptr;
    if (has_input || wants_input_scales_) stored.input_scale = ReadScale(i, Part::kInputScale);
    scan_.any_input_scale = scan_.any_input_scale || has_input;
  }

  void ReportPackedPlain(size_t i) {
    const TensorSpec& spec = c_.specs[i];
    for (size_t part = 0; part < model::kParts; ++part) {
      known_.insert(PartName(spec.name, static_cast<Part>(part)));
    }
    Report(Problem::kPackedInPlain, i, Part::kWeight, spec.name,
           fmt::format("tensor {} has NVFP4 scales or type, but {} is never quantized: expected "
                       "{} {}",
                       Quoted(spec.name), model::ModuleKindName(spec.kind),
                       tensor::Name(spec.dtype), tensor::ToString(spec.shape)));
  }

  std::optional<float> ReadScale(size_t i, Part part) {
    const std::string name = PartName(c_.specs[i].name, part);
    if (Expect(i, part, {DType::kF32}, {}) == nullptr) return std::nullopt;
    float scale = 0;
    const io::TensorRef found = c_.weights.Find(name);
    const auto read = io::Checkpoint::Read(found, 0, std::as_writable_bytes(std::span(&scale, 1)));
    if (!read.ok()) {
      Report(Problem::kUnreadable, i, part, name, read.error().message);
      return std::nullopt;
    }
    if (!std::isfinite(scale) || scale <= 0) {
      Report(Problem::kBadScale, i, part, name,
             fmt::format("{}: tensor {} is {}, expected a finite number above 0", found.shard->name,
                         Quoted(name), scale));
    }
    return scale;
  }

  void FindUnknown() {
    for (const io::Shard& shard : c_.weights.shards()) {
      for (const io::TensorInfo& info : shard.tensors) {
        if (known_.contains(info.name) || model::IsOptionalMtpTensor(c_.config, info.name)) {
          continue;
        }
        if (info.name.ends_with(".k_scale") || info.name.ends_with(".v_scale")) {
          scan_.cache_scales.push_back(info.name);
          continue;
        }
        Report(Problem::kUnknown, kNoSpec, Part::kCopy, info.name,
               fmt::format("{}: tensor {} is no part of the model that {} describes{}", shard.name,
                           Quoted(info.name), model::kConfigName, Hint(info.name)));
      }
    }
  }

  std::string Hint(const std::string& name) const {
    const bool behind = name.starts_with(model::LayerPrefix(c_.config.total_layers()));
    return behind && c_.config.num_nextn_predict_layers == 0
               ? " (an MTP layer, but num_nextn_predict_layers is 0)"
               : "";
  }

  const model::LoadedCheckpoint& c_;
  bool wants_input_scales_;
  Scan scan_;
  std::unordered_set<std::string> known_;
};

}  // namespace

Scan ScanTensors(const Opened& opened) { return Scanner(opened).Run(); }

}  // namespace glimmer::check
