#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "quant/source.h"

namespace glimmer::quant {
namespace {

using base::Status;
using model::ModuleKind;
using tensor::Bf16;

// Weights come in lines of this many elements, each from a generator of its own, so that any part
// of any tensor can be made without what stands before it.
constexpr uint64_t kLineElements = 4096;
constexpr size_t kQuantileBits = 12;

// SplitMix64 (Steele, Lea, Flood 2014): one step of the sequence.
uint64_t Mix(uint64_t& state) {
  uint64_t z = (state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

uint64_t Key(uint64_t seed, uint64_t tensor, uint64_t line) {
  uint64_t state = seed;
  state = Mix(state) ^ tensor;
  state = Mix(state) ^ line;
  return Mix(state);
}

double Uniform(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

// Inverse of the standard normal distribution function by bisection on erfc: it fills a table once.
double NormalQuantile(double p) {
  double low = -10, high = 10;
  while (high - low > 1e-9) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

bool IsVector(ModuleKind kind) {
  return kind == ModuleKind::kNorm || kind == ModuleKind::kRouterBias;
}

}  // namespace

SyntheticSource::SyntheticSource(const std::vector<model::TensorSpec>& specs, uint64_t seed)
    : WeightSource(specs), seed_(seed), quantiles_(size_t{1} << kQuantileBits) {
  for (size_t i = 0; i < quantiles_.size(); ++i) {
    const double p = (static_cast<double>(i) + 0.5) / static_cast<double>(quantiles_.size());
    quantiles_[i] = static_cast<float>(NormalQuantile(p));
  }
}

void SyntheticSource::FillLine(size_t index, uint64_t line, std::span<Bf16> out) const {
  constexpr double kOutlierRate = 1e-3;
  constexpr float kOutlierSize = 6;
  uint64_t state = Key(seed_, index, line);
  const model::TensorSpec& s = spec(index);
  float spread = 0.02f * static_cast<float>(std::exp2(2 * Uniform(Mix(state)) - 1));
  float centre = 0;
  if (s.kind == ModuleKind::kNorm) {
    centre = s.name.ends_with(".bias") ? 0.0f : 1.0f;
    spread = 0.05f;
  }
  constexpr uint64_t kMask = (uint64_t{1} << kQuantileBits) - 1;
  uint64_t bits = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    if (i % 4 == 0) bits = Mix(state);
    out[i] = tensor::F32ToBf16(centre + spread * quantiles_[bits & kMask]);
    bits >>= 16;
  }
  if (IsVector(s.kind)) return;
  const auto outliers = static_cast<uint64_t>(kOutlierRate * static_cast<double>(out.size()));
  for (uint64_t i = 0; i < outliers; ++i) {
    const uint64_t draw = Mix(state);
    const float size = spread * kOutlierSize * static_cast<float>(0.5 + Uniform(draw));
    out[(draw & 0xFFFFFF) % out.size()] = tensor::F32ToBf16(draw & 0x1000000 ? size : -size);
  }
}

Status SyntheticSource::ReadBytes(size_t index, uint64_t offset, std::span<std::byte> out) const {
  const bool wide = spec(index).dtype == tensor::DType::kF32;
  const uint64_t width = wide ? sizeof(float) : sizeof(Bf16);
  const uint64_t elements = *tensor::ElementCount(spec(index).shape);
  std::vector<Bf16> line;
  std::vector<float> wide_line;
  for (uint64_t at = offset; at < offset + out.size();) {
    const uint64_t number = at / width / kLineElements;
    const uint64_t first = number * kLineElements;
    line.resize(std::min(kLineElements, elements - first));
    FillLine(index, number, line);
    std::span<const std::byte> bytes = std::as_bytes(std::span(line));
    if (wide) {
      wide_line.resize(line.size());
      std::transform(line.begin(), line.end(), wide_line.begin(), tensor::Bf16ToF32);
      bytes = std::as_bytes(std::span(wide_line));
    }
    const uint64_t skip = at - first * width;
    const uint64_t take = std::min<uint64_t>(bytes.size() - skip, offset + out.size() - at);
    std::memcpy(out.data() + (at - offset), bytes.data() + skip, take);
    at += take;
  }
  return {};
}

float SyntheticSource::InputAmax(size_t index) const {
  // What a normalised activation of a few thousand tokens reaches, different for each input.
  uint64_t state = Key(seed_, ~uint64_t{0}, spec(index).input_group);
  return tensor::Bf16ToF32(
      tensor::F32ToBf16(static_cast<float>(4 * std::exp2(3 * Uniform(Mix(state))))));
}

std::string SyntheticSource::Describe(size_t index) const {
  return "synthetic tensor " + base::Quoted(spec(index).name);
}

}  // namespace glimmer::quant
