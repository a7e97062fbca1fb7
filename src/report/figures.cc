#include "report/figures.h"

#include <algorithm>

namespace glimmer::report {
namespace {

using model::ModuleKind;
using model::TensorSpec;
using quant::LinearFormat;
using quant::Part;

bool IsQuantized(const Facts& facts, size_t i) {
  return facts.plan.tensors[i].format == LinearFormat::kNvfp4;
}

const PackError& ErrorOf(const Facts& facts, size_t i) { return facts.written.errors[i]; }

uint64_t BytesAfter(const quant::Plan& plan, size_t i) {
  uint64_t bytes = 0;
  for (const quant::Place& place : plan.tensors[i].places) {
    if (place.written()) bytes += plan.files[place.file].tensors[place.slot].size_bytes;
  }
  return bytes;
}

// Tensors, sizes and errors, by kind.
std::array<KindFigures, model::kModuleKinds> CountKinds(const Facts& facts) {
  std::array<KindFigures, model::kModuleKinds> kinds;
  for (size_t i = 0; i < facts.plan.specs.size(); ++i) {
    const TensorSpec& spec = facts.plan.specs[i];
    if (spec.mtp) continue;
    KindFigures& kind = kinds[static_cast<size_t>(spec.kind)];
    kind.kind = spec.kind;
    ++kind.tensors;
    kind.bytes_before += *tensor::SizeBytes(spec.dtype, spec.shape);
    kind.bytes_after += BytesAfter(facts.plan, i);
    if (!IsQuantized(facts, i)) continue;
    ++kind.quantized;
    const PackError& error = ErrorOf(facts, i);
    kind.error += error;
    if (spec.layer != model::kNoLayer) kind.layers[spec.layer] += error;
  }
  return kinds;
}

std::vector<WorstLinear> FindWorst(const Facts& facts) {
  std::vector<size_t> order;
  for (size_t i = 0; i < facts.plan.specs.size(); ++i) {
    if (IsQuantized(facts, i) && ErrorOf(facts, i).squared_weights > 0) order.push_back(i);
  }
  const size_t count = std::min(kWorstLinears, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(count), order.end(),
                    [&](size_t a, size_t b) {
                      const double x = ErrorOf(facts, a).relative_rms();
                      const double y = ErrorOf(facts, b).relative_rms();
                      return x != y ? x > y : a < b;
                    });
  std::vector<WorstLinear> worst;
  for (size_t k = 0; k < count; ++k) {
    worst.push_back({std::string(model::ModuleName(facts.plan.specs[order[k]].name)),
                     ErrorOf(facts, order[k])});
  }
  return worst;
}

std::vector<LayerCoverage> FindCoverage(const Facts& facts) {
  std::map<uint32_t, LayerCoverage> layers;
  for (const TensorSpec& spec : facts.plan.specs) {
    if (spec.mtp || spec.kind != ModuleKind::kExpertGate) continue;
    LayerCoverage& layer = layers[spec.layer];
    layer.layer = spec.layer;
    layer.tokens.resize(std::max<size_t>(layer.tokens.size(), spec.expert + 1));
    layer.tokens[spec.expert] = facts.calibration->stats[spec.input_group].tokens;
  }
  std::vector<LayerCoverage> coverage;
  for (auto& [number, layer] : layers) {
    uint64_t total = 0;
    for (const uint64_t tokens : layer.tokens) total += tokens;
    layer.even_share = static_cast<double>(total) / static_cast<double>(layer.tokens.size());
    coverage.push_back(std::move(layer));
  }
  return coverage;
}

InputRange RangeOf(const Facts& facts, ModuleKind kind) {
  std::vector<float> values;
  for (size_t i = 0; i < facts.plan.specs.size(); ++i) {
    const TensorSpec& spec = facts.plan.specs[i];
    if (spec.kind != kind || !IsQuantized(facts, i)) continue;
    values.push_back(facts.calibration->amaxes.by_spec[i]);
  }
  if (values.empty()) return {};
  const auto [smallest, largest] = std::minmax_element(values.begin(), values.end());
  const float low = *smallest, high = *largest;
  return {low, MedianOf(std::move(values)), high};
}

std::vector<OutlierRatio> FindOutliers(const Facts& facts, ModuleKind kind) {
  std::map<uint32_t, std::vector<float>> by_layer;
  for (const TensorSpec& spec : facts.plan.specs) {
    if (spec.kind != kind || spec.mtp || spec.expert == model::kNoExpert) continue;
    const calib::GroupStats& group = facts.calibration->stats[spec.input_group];
    if (group.tokens > 0) by_layer[spec.layer].push_back(group.amax);
  }
  std::vector<OutlierRatio> outliers;
  for (auto& [layer, values] : by_layer) {
    const float largest = *std::max_element(values.begin(), values.end());
    const float median = MedianOf(std::move(values));
    if (median > 0) outliers.push_back({layer, double{largest} / double{median}});
  }
  return outliers;
}

uint64_t FirstLayersTokens(const Facts& facts) {
  for (const TensorSpec& spec : facts.plan.specs) {
    if (spec.kind == ModuleKind::kQAProj) return facts.calibration->stats[spec.input_group].tokens;
  }
  return 0;
}

void AddCalibration(const Facts& facts, Figures& figures) {
  for (KindFigures& kind : figures.kinds) {
    kind.inputs = RangeOf(facts, kind.kind);
    kind.outliers = FindOutliers(facts, kind.kind);
  }
  figures.coverage = FindCoverage(facts);
  for (const LayerCoverage& layer : figures.coverage) {
    figures.experts += layer.tokens.size();
    figures.experts_unseen += layer.unseen();
  }
  figures.calibration_tokens = FirstLayersTokens(facts);
  for (const CalibrationFile& file : facts.calibration->files) {
    figures.calibration_samples += file.samples;
  }
}

}  // namespace

size_t LayerCoverage::unseen() const {
  return static_cast<size_t>(std::count(tokens.begin(), tokens.end(), 0));
}

float MedianOf(std::vector<float> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Figures ComputeFigures(const Facts& facts) {
  Figures figures;
  for (KindFigures& kind : CountKinds(facts)) {
    if (kind.tensors == 0) continue;
    figures.error += kind.error;
    figures.kinds.push_back(std::move(kind));
  }
  figures.worst = FindWorst(facts);
  for (const SourceFile& file : facts.source_files) figures.source_file_bytes += file.bytes;
  for (const quant::OutputFile& file : facts.plan.files) {
    figures.output_file_bytes += file.file_bytes;
  }
  if (facts.calibration != nullptr) AddCalibration(facts, figures);
  return figures;
}

}  // namespace glimmer::report
