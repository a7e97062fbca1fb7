// The two configuration files against each other and against the tensors.
#include <fmt/format.h>

#include <set>

#include "base/text.h"
#include "check/fnmatch.h"
#include "check/integrity.h"
#include "check/integrity_rules.h"
#include "tensor/nvfp4.h"

namespace glimmer::check {
namespace {

using base::Quoted;

std::string Shown(const std::string& value) { return value.empty() ? "nothing" : Quoted(value); }

// Modules that one list has and the other has not.
void CompareLists(const Announcements& announced, Findings& findings) {
  const std::set<std::string> ours(announced.config.excluded.begin(),
                                   announced.config.excluded.end());
  const std::set<std::string> theirs(announced.hf.excluded.begin(), announced.hf.excluded.end());
  for (const std::string& entry : ours) {
    if (theirs.contains(entry)) continue;
    findings.Add(integrity::kConfigs, entry,
                 fmt::format("{}: ignore lists {}, which exclude_modules of {} does not",
                             announced.config_name, Quoted(entry), announced.hf_name));
  }
  for (const std::string& entry : theirs) {
    if (ours.contains(entry)) continue;
    findings.Add(integrity::kConfigs, entry,
                 fmt::format("{}: exclude_modules lists {}, which ignore of {} does not",
                             announced.hf_name, Quoted(entry), announced.config_name));
  }
}

void CompareForms(const Announcements& announced, Findings& findings) {
  const auto compare = [&](const char* field, const std::string& ours, const std::string& theirs) {
    if (ours == theirs) return;
    findings.Add(integrity::kConfigs, field,
                 fmt::format("{}: {} is {}, but {} says {}", announced.config_name, field,
                             Shown(ours), announced.hf_name, Shown(theirs)));
  };
  const Announcement& config = announced.config;
  const Announcement& hf = announced.hf;
  compare("quant_algo", config.algorithm, hf.algorithm);
  compare("KV cache type", config.kv_cache, hf.kv_cache);
  if (!config.group_sizes.empty() && !hf.group_sizes.empty()) {
    compare("group_size", std::to_string(config.group_sizes[0]), std::to_string(hf.group_sizes[0]));
  }
  if (config.layers != hf.layers) {
    findings.Add(integrity::kConfigs, "quantized_layers",
                 fmt::format("{}: quantized_layers has {} modules, {} in {}, and they differ",
                             announced.config_name, config.layers.size(), hf.layers.size(),
                             announced.hf_name));
  }
  CompareLists(announced, findings);
}

// Whether the list excludes a module, as modelopt means it: a shell pattern over the whole name.
class ModeloptList {
 public:
  explicit ModeloptList(const Announcement& announced) : announced_(announced) {
    for (const std::string& entry : announced.excluded) {
      const size_t special = entry.find_first_of("*?[");
      if (special == std::string::npos) {
        names_.insert(entry);
      } else {
        patterns_.push_back({entry.substr(0, special), entry});
      }
    }
  }

  bool Excludes(std::string_view module) const {
    if (names_.contains(std::string(module))) return true;
    for (const auto& [beginning, pattern] : patterns_) {
      if (module.starts_with(beginning) && Fnmatch(module, pattern)) return true;
    }
    return announced_.mixed() && !announced_.layers.contains(std::string(module));
  }

 private:
  const Announcement& announced_;
  std::set<std::string> names_;
  std::vector<std::pair<std::string, std::string>> patterns_;  // what it begins with, pattern
};

void CompareListWithTensors(const Opened& opened, const Scan& scan, Findings& findings) {
  const ModeloptList list(opened.announced.config_first());
  for (size_t i = 0; i < scan.tensors.size(); ++i) {
    const model::TensorSpec& spec = opened.model.specs[i];
    if (!model::IsLinear(spec.kind) || !scan.tensors[i].present) continue;
    const std::string_view module = model::ModuleName(spec.name);
    const bool excluded = list.Excludes(module);
    if (excluded != scan.tensors[i].packed) continue;
    findings.Add(
        integrity::kList, std::string(module),
        excluded
            ? fmt::format("{} is on the list of unquantized modules, but its tensors are NVFP4",
                          module)
            : fmt::format("{} is BF16, but not on the list of unquantized modules", module));
  }
}

void CheckAlgorithm(const Opened& opened, const Scan& scan, Findings& findings) {
  const Announcements& announced = opened.announced;
  const Announcement& form = announced.config_first();
  const std::string& name = announced.config.present ? announced.config_name : announced.hf_name;
  const auto contradiction = [&](const std::string& found) {
    findings.Add(integrity::kAnnouncement, name, found);
  };
  const bool nvfp4 = form.algorithm == "NVFP4" || form.algorithm == "W4A16_NVFP4" ||
                     form.algorithm == "MIXED_PRECISION";
  if (!nvfp4) {
    contradiction(fmt::format("{}: quant_algo is {}, expected \"NVFP4\" or \"W4A16_NVFP4\"", name,
                              Shown(form.algorithm)));
  }
  for (const int64_t size : form.group_sizes) {
    if (size == tensor::kNvfp4Block) continue;
    contradiction(fmt::format("{}: group_size is {}, but the block scales stand for {} elements",
                              name, size, tensor::kNvfp4Block));
    break;
  }
  if (form.weights_only() && scan.any_input_scale) {
    findings.Add(integrity::kDropped, name,
                 fmt::format("{}: quant_algo is {}, but linears have input_scale tensors", name,
                             Quoted(form.algorithm)));
  }
}

}  // namespace

void CheckConfigs(const Opened& opened, const Scan* scan, Findings& findings) {
  const Announcements& announced = opened.announced;
  if (opened.hf_error) {
    findings.Add(integrity::kConfigs, announced.hf_name, opened.hf_error->message);
  }
  if (announced.config.present && announced.hf.present) CompareForms(announced, findings);
  if (announced.hf.present && !announced.config.present) {
    findings.Add(integrity::kOneConfig, announced.config_name,
                 fmt::format("{} has no quantization_config, {} has one", announced.config_name,
                             announced.hf_name));
  }
  if (announced.config.present && !announced.hf.present && !opened.hf_error) {
    findings.Add(integrity::kNoHf, announced.hf_name,
                 fmt::format("{} is missing: engines fall back to {}", announced.hf_name,
                             announced.config_name));
  }
  if (scan == nullptr) return;
  if (scan->any_packed() && !announced.any()) {
    findings.Add(integrity::kAnnouncement, announced.config_name,
                 fmt::format("{} has no quantization_config, but linears are packed",
                             announced.config_name));
    return;
  }
  if (!announced.any()) return;
  if (!scan->any_packed()) {
    findings.Add(integrity::kAnnouncement, announced.config_name,
                 fmt::format("{} announces {}, but no linear is packed", announced.config_name,
                             Shown(announced.config_first().algorithm)));
    return;
  }
  CheckAlgorithm(opened, *scan, findings);
  CompareListWithTensors(opened, *scan, findings);
}

}  // namespace glimmer::check
