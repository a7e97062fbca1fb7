#include "quant/plan.h"

#include <fmt/format.h>

#include <unordered_map>

#include "base/text.h"
#include "quant/ignore_list.h"
#include "tensor/nvfp4.h"

namespace glimmer::quant {
namespace {

using base::Quoted;
using base::Result;
using base::Status;
using base::Unsupported;
using model::TensorSpec;
using tensor::DType;

bool Quantized(const Plan& plan, size_t index) {
  return plan.tensors[index].format == LinearFormat::kNvfp4;
}

Status DecideFormats(Plan& plan) {
  std::unordered_map<const RecipeRule*, size_t> matches;
  for (size_t i = 0; i < plan.specs.size(); ++i) {
    const TensorSpec& spec = plan.specs[i];
    PlannedTensor& planned = plan.tensors[i];
    if (!model::IsLinear(spec.kind) || spec.mtp) continue;
    planned.rule = plan.recipe.Decide(model::ModuleName(spec.name));
    if (planned.rule == nullptr) continue;
    ++matches[planned.rule];
    planned.format = planned.rule->format;
    if (Quantized(plan, i) && spec.shape[1] % tensor::kNvfp4Block != 0) {
      return Unsupported(
          fmt::format("{}: shape {}: NVFP4 needs an input width that is a multiple "
                      "of {}; exclude it in the recipe",
                      spec.name, tensor::ToString(spec.shape), tensor::kNvfp4Block));
    }
  }
  for (const RecipeRule& rule : plan.recipe.rules) {
    if (matches[&rule] == 0) {
      plan.warnings.push_back(fmt::format("recipe {}: the rule for {} decides about no linear",
                                          plan.recipe.name, Quoted(rule.modules)));
    }
  }
  return {};
}

struct OutputTensor {
  Part part;
  io::TensorInfo info;
};

// The tensors that one source tensor becomes, in the order in which shards fill up.
std::vector<OutputTensor> PartsOf(const Plan& plan, size_t index) {
  const TensorSpec& spec = plan.specs[index];
  std::vector<OutputTensor> outputs;
  const auto add = [&](Part part, DType dtype, tensor::Shape shape) {
    const uint64_t size_bytes = *tensor::SizeBytes(dtype, shape);
    outputs.push_back({part, {PartName(spec.name, part), dtype, std::move(shape), 0, size_bytes}});
  };
  if (!Quantized(plan, index)) {
    add(Part::kCopy, spec.dtype, spec.shape);
    return outputs;
  }
  const uint64_t out = spec.shape[0], in = spec.shape[1];
  add(Part::kWeight, DType::kU8, {out, in / 2});
  add(Part::kWeightScale, DType::kF8E4M3, {out, in / tensor::kNvfp4Block});
  add(Part::kWeightScale2, DType::kF32, {});
  if (!plan.options.weights_only) add(Part::kInputScale, DType::kF32, {});
  return outputs;
}

// Opens files as tensors arrive, as huggingface_hub splits a state dict: numbered shards fill
// greedily up to the limit; a tensor above the limit gets a shard of its own while the current one
// stays open; numbers are given when shards close. The MTP file takes all of its layers.
class FileAssigner {
 public:
  explicit FileAssigner(Plan& plan) : plan_(plan) {}

  // The file that takes a tensor of this size next.
  uint32_t FileFor(bool mtp, uint64_t size_bytes) {
    PlanTotals& totals = plan_.totals;
    (mtp ? totals.tensors_mtp : totals.tensors_main) += 1;
    (mtp ? totals.bytes_mtp : totals.bytes_main) += size_bytes;
    if (mtp) {
      if (mtp_file_ == Place::kNowhere) mtp_file_ = NewFile();
      return mtp_file_;
    }
    if (size_bytes > plan_.options.max_shard_bytes) {
      closed_.push_back(NewFile());
      return closed_.back();
    }
    if (shard_bytes_ + size_bytes > plan_.options.max_shard_bytes) CloseShard();
    if (shard_ == Place::kNowhere) shard_ = NewFile();
    shard_bytes_ += size_bytes;
    return shard_;
  }

  void NameFiles() {
    CloseShard();
    plan_.totals.shards = closed_.size();
    for (size_t number = 0; number < closed_.size(); ++number) {
      plan_.files[closed_[number]].name =
          fmt::format("model-{:05}-of-{:05}.safetensors", number + 1, closed_.size());
    }
    if (mtp_file_ != Place::kNowhere) plan_.files[mtp_file_].name = kMtpFileName;
  }

 private:
  uint32_t NewFile() {
    plan_.files.emplace_back();
    return static_cast<uint32_t>(plan_.files.size() - 1);
  }

  void CloseShard() {
    if (shard_ != Place::kNowhere) closed_.push_back(shard_);
    shard_ = Place::kNowhere;
    shard_bytes_ = 0;
  }

  Plan& plan_;
  uint32_t shard_ = Place::kNowhere;  // open
  uint32_t mtp_file_ = Place::kNowhere;
  uint64_t shard_bytes_ = 0;
  std::vector<uint32_t> closed_;  // in the order of their numbers
};

void AssignFiles(Plan& plan) {
  FileAssigner assigner(plan);
  for (size_t i = 0; i < plan.specs.size(); ++i) {
    const bool mtp = plan.specs[i].mtp && plan.options.separate_mtp_file;
    for (OutputTensor& output : PartsOf(plan, i)) {
      const uint32_t file = assigner.FileFor(mtp, output.info.size_bytes);
      plan.tensors[i].places[static_cast<size_t>(output.part)].file = file;
      plan.files[file].tensors.push_back(std::move(output.info));
    }
  }
  assigner.NameFiles();
}

void LayOutFiles(Plan& plan) {
  for (OutputFile& file : plan.files) {
    file.first_bytes = io::LayOutSafetensors(file.tensors);
    file.file_bytes = file.first_bytes.size();
    for (const io::TensorInfo& info : file.tensors) file.file_bytes += info.size_bytes;
  }
}

void FindSlots(Plan& plan) {
  std::vector<std::unordered_map<std::string_view, uint32_t>> slots(plan.files.size());
  for (size_t f = 0; f < plan.files.size(); ++f) {
    const auto& tensors = plan.files[f].tensors;
    for (uint32_t slot = 0; slot < tensors.size(); ++slot) slots[f][tensors[slot].name] = slot;
  }
  for (size_t i = 0; i < plan.specs.size(); ++i) {
    for (const OutputTensor& output : PartsOf(plan, i)) {
      Place& place = plan.tensors[i].places[static_cast<size_t>(output.part)];
      place.slot = slots[place.file].at(output.info.name);
    }
  }
}

void CountTotals(Plan& plan) {
  PlanTotals& totals = plan.totals;
  totals.tensors_source = plan.specs.size();
  for (size_t i = 0; i < plan.specs.size(); ++i) {
    const TensorSpec& spec = plan.specs[i];
    const uint64_t parameters = *tensor::ElementCount(spec.shape);
    totals.parameters_total += parameters;
    totals.bytes_source += *tensor::SizeBytes(spec.dtype, spec.shape);
    totals.linears_total += model::IsLinear(spec.kind) && !spec.mtp;
    totals.stored_parameters += Quantized(plan, i)                            ? parameters / 2
                                : spec.kind == model::ModuleKind::kRouterBias ? 0
                                                                              : parameters;
    if (!Quantized(plan, i)) continue;
    ++totals.linears_quantized;
    totals.parameters_quantized += parameters;
  }
}

Plan BeginPlan(model::Config config, std::vector<TensorSpec> specs, Recipe recipe,
               PlanOptions options) {
  Plan plan;
  plan.config = std::move(config);
  plan.specs = std::move(specs);
  plan.recipe = std::move(recipe);
  plan.options = options;
  plan.tensors.resize(plan.specs.size());
  return plan;
}

// Everything that follows from the formats.
Status FinishPlan(Plan& plan) {
  GLIMMER_ASSIGN(plan.ignore, DeriveIgnoreList(plan));
  AssignFiles(plan);
  LayOutFiles(plan);
  FindSlots(plan);
  CountTotals(plan);
  return {};
}

}  // namespace

Result<Plan> MakePlan(model::Config config, std::vector<TensorSpec> specs, Recipe recipe,
                      PlanOptions options) {
  Plan plan = BeginPlan(std::move(config), std::move(specs), std::move(recipe), options);
  GLIMMER_TRY(DecideFormats(plan));
  GLIMMER_TRY(FinishPlan(plan));
  return plan;
}

Result<Plan> MakePlan(model::Config config, std::vector<TensorSpec> specs, Recipe recipe,
                      const std::vector<LinearFormat>& formats, PlanOptions options) {
  Plan plan = BeginPlan(std::move(config), std::move(specs), std::move(recipe), options);
  for (size_t i = 0; i < formats.size(); ++i) plan.tensors[i].format = formats[i];
  GLIMMER_TRY(FinishPlan(plan));
  return plan;
}

}  // namespace glimmer::quant
