#include "check/integrity.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "check/input_scales.h"
#include "check/integrity_rules.h"
#include "check/shared_scales.h"

namespace glimmer::check {
namespace {

using base::Quoted;

const Rule& RuleOf(const Opened& opened, const TensorProblem& problem) {
  const bool mtp = problem.spec != kNoSpec && opened.model.specs[problem.spec].mtp;
  switch (problem.problem) {
    case Problem::kMissing:
    case Problem::kMissingScale:
      return mtp ? integrity::kMtp : integrity::kMissing;
    case Problem::kDType:
      return integrity::kDType;
    case Problem::kShape:
      return integrity::kShape;
    case Problem::kUnknown:
      return integrity::kUnknown;
    case Problem::kPackedInPlain:
      return integrity::kPacked;
    case Problem::kBadScale:
      return integrity::kScale;
    case Problem::kUnreadable:
      return integrity::kFiles;
  }
  return integrity::kFiles;
}

void CheckTensors(const Opened& opened, const Scan& scan, Findings& findings) {
  for (const TensorProblem& problem : scan.problems) {
    findings.Add(RuleOf(opened, problem), problem.tensor, problem.sentence);
  }
  for (const UnequalScale& unequal : FindUnequalScales(opened, scan)) {
    findings.Add(integrity::kGroup,
                 model::PartName(opened.model.specs[unequal.second].name, unequal.part),
                 unequal.sentence);
  }
  for (const TinyScale& tiny : FindTinyScales(opened, scan)) {
    findings.Add(integrity::kTinyScale, tiny.tensor, tiny.sentence);
  }
  if (!scan.cache_scales.empty()) {
    findings.Add(integrity::kCacheScales, scan.cache_scales[0],
                 fmt::format("{} scales of a KV cache, first {}", scan.cache_scales.size(),
                             Quoted(scan.cache_scales[0])));
  }
}

void CheckMtp(const Opened& opened, const Scan& scan, Findings& findings) {
  const model::Config& config = opened.model.config;
  if (config.num_nextn_predict_layers == 0) {
    findings.Add(integrity::kNoMtp, model::kConfigName,
                 "the model has no MTP layer: num_nextn_predict_layers is absent or 0");
  }
  for (const size_t layer : scan.missing_layers) {
    size_t tensors = 0;
    for (const auto& spec : opened.model.specs) tensors += spec.layer == layer;
    findings.Add(integrity::kMtp, model::LayerPrefix(layer),
                 fmt::format("MTP layer {}*: all {} tensors are missing, but "
                             "num_nextn_predict_layers in {} is {}",
                             model::LayerPrefix(layer), tensors, model::kConfigName,
                             config.num_nextn_predict_layers));
  }
}

void CheckFolder(const Opened& opened, Findings& findings) {
  for (const std::string& name : opened.model.weights.stray_files()) {
    findings.Add(
        integrity::kStale, name,
        fmt::format("{} is not named by {}", name,
                    opened.model.weights.has_index() ? io::kIndexName : io::kSingleShardName));
  }
  const auto names = base::ListFolder(opened.folder);
  if (!names.ok()) return;
  for (const std::string& name : names.value()) {
    if (!name.ends_with(".partial") && name != ".glimmer-journal.jsonl") continue;
    findings.Add(integrity::kUnfinished, name,
                 fmt::format("{} stands in the folder: a conversion that did not end", name));
  }
}

}  // namespace

Findings CheckIntegrity(const Opened& opened, const Scan* scan) {
  Findings findings;
  if (opened.config_error) {
    findings.Add(integrity::kArchitecture, opened.announced.config_name,
                 "tensors were not judged: " + opened.config_error->message);
  }
  if (opened.weights_error) {
    findings.Add(integrity::kFiles, opened.folder, opened.weights_error->message);
  }
  if (opened.config_only) {
    findings.Add(integrity::kNoWeights, opened.announced.config_name,
                 "a configuration alone: tensors were not judged");
  }
  if (scan != nullptr) {
    CheckFolder(opened, findings);
    CheckTensors(opened, *scan, findings);
    CheckMtp(opened, *scan, findings);
  }
  CheckConfigs(opened, scan, findings);
  CheckVocabulary(opened, findings);
  return findings;
}

}  // namespace glimmer::check
