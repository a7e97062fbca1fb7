// The figures of a report, computed from its facts: what packing lost, which experts were seen, how
// wide the inputs are. Sums run in the inventory's order, so that the same facts give the same
// bits.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/inventory.h"
#include "report/facts.h"
#include "tensor/pack_error.h"

namespace glimmer::report {

using tensor::PackError;

// Largest magnitudes of inputs, as the input scales follow from them.
struct InputRange {
  float smallest = 0, median = 0, largest = 0;
};

// The largest expert's measured amax over the median of a layer's visited experts: how much coarser
// one scale for the layer would make the median expert's inputs.
struct OutlierRatio {
  uint32_t layer = 0;
  double ratio = 0;
};

// Everything about the tensors of one kind outside the MTP layers.
struct KindFigures {
  model::ModuleKind kind{};
  uint64_t tensors = 0, quantized = 0;
  uint64_t bytes_before = 0, bytes_after = 0;
  PackError error;
  std::map<uint32_t, PackError> layers;  // of quantized linears; lm_head has no layer
  InputRange inputs;                     // of quantized linears, when calibrated
  std::vector<OutlierRatio> outliers;    // routed experts only, a layer each
};

struct LayerCoverage {
  uint32_t layer = 0;
  std::vector<uint64_t> tokens;  // by expert
  double even_share = 0;         // tokens of an expert if all had the same

  size_t unseen() const;
};

struct WorstLinear {
  std::string module;
  PackError error;
};

constexpr size_t kWorstLinears = 20;

struct Figures {
  std::vector<KindFigures> kinds;  // that the model has, in the order of model::ModuleKind
  PackError error;
  std::vector<WorstLinear> worst;       // lowest SNR first, at most kWorstLinears
  std::vector<LayerCoverage> coverage;  // layers with experts, when calibrated
  uint64_t experts = 0, experts_unseen = 0;
  uint64_t calibration_tokens = 0;   // that passed the first layer
  uint64_t calibration_samples = 0;  // 0 when not known
  uint64_t source_file_bytes = 0, output_file_bytes = 0;

  bool any_quantized() const { return error.squared_weights > 0; }
};

Figures ComputeFigures(const Facts& facts);

// The median, of two middle values the lower one; 0 for none.
float MedianOf(std::vector<float> values);

}  // namespace glimmer::report
