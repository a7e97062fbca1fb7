#include "calib/weight_unit.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/free_memory.h"
#include "quant/finite.h"

namespace glimmer::calib {
namespace {

using base::Result;
using base::Status;
using model::TensorSpec;

constexpr uint64_t kAlignment = 64;
constexpr uint64_t kPieceBytes = uint64_t{16} << 20;  // read between looks at the cancel flag

uint64_t TensorBytes(const TensorSpec& spec) { return *tensor::SizeBytes(spec.dtype, spec.shape); }

uint64_t RoundUp(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

std::vector<UnitPlan> ListUnits(const std::vector<TensorSpec>& specs) {
  std::vector<UnitPlan> units;
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorSpec& spec = specs[i];
    if (spec.layer == model::kNoLayer || spec.mtp) continue;
    const auto unit = std::find_if(units.rbegin(), units.rend(), [&](const UnitPlan& u) {
      return u.layer == spec.layer && u.expert == spec.expert;
    });
    if (unit == units.rend()) {
      units.push_back({spec.layer, spec.expert, {i}});
    } else {
      unit->specs.push_back(i);
    }
  }
  // kNoExpert is the largest number, and a layer without its experts comes first.
  std::stable_sort(units.begin(), units.end(), [](const UnitPlan& a, const UnitPlan& b) {
    return std::pair(a.layer, a.expert + 1) < std::pair(b.layer, b.expert + 1);
  });
  return units;
}

uint64_t SizeBytes(const std::vector<TensorSpec>& specs, const UnitPlan& unit) {
  uint64_t bytes = 0;
  for (const size_t index : unit.specs) bytes += RoundUp(TensorBytes(specs[index]));
  return bytes;
}

WeightUnit::WeightUnit(const std::vector<TensorSpec>& specs, const quant::WeightSource& source,
                       const UnitPlan& plan)
    : WeightSource(specs), source_(source), plan_(plan), offsets_{0} {
  for (const size_t index : plan.specs) {
    offsets_.push_back(offsets_.back() + RoundUp(TensorBytes(specs[index])));
  }
}

WeightUnit::~WeightUnit() {
  if (bytes_ != nullptr) ::munmap(bytes_, offsets_.back());
}

Status WeightUnit::Allocate() {
  const uint64_t size_bytes = offsets_.back();
  if (size_bytes == 0) return {};
  void* data =
      ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    return base::Exhausted(fmt::format("{}, for weights of layer {}",
                                       base::OutOfMemory(size_bytes).data(), plan_.layer));
  }
  bytes_ = static_cast<std::byte*>(data);
  return {};
}

Result<std::unique_ptr<WeightUnit>> WeightUnit::Read(const std::vector<TensorSpec>& specs,
                                                     const quant::WeightSource& source,
                                                     const UnitPlan& plan,
                                                     const base::CancelFlag& cancel) {
  std::unique_ptr<WeightUnit> unit(new WeightUnit(specs, source, plan));
  GLIMMER_TRY(unit->Allocate());
  for (size_t i = 0; i < plan.specs.size(); ++i) {
    const uint64_t size_bytes = TensorBytes(specs[plan.specs[i]]);
    for (uint64_t done = 0; done < size_bytes; done += kPieceBytes) {
      if (cancel.IsSet()) return base::Cancelled("stopped");
      const uint64_t count = std::min(kPieceBytes, size_bytes - done);
      const std::span piece(unit->bytes_ + unit->offsets_[i] + done, count);
      GLIMMER_TRY(source.ReadBytes(plan.specs[i], done, piece));
      const uint64_t first = done / (tensor::BitsOf(specs[plan.specs[i]].dtype) / 8);
      GLIMMER_TRY(quant::CheckFinite(source, plan.specs[i], first, piece));
    }
  }
  return unit;
}

const std::byte* WeightUnit::DataOf(size_t index) const {
  const auto found = std::find(plan_.specs.begin(), plan_.specs.end(), index);
  GLIMMER_CHECK(found != plan_.specs.end());
  return bytes_ + offsets_[static_cast<size_t>(found - plan_.specs.begin())];
}

void WeightUnit::Redirect(model::Weight& weight) const { weight.data = DataOf(weight.id); }

void WeightUnit::Redirect(model::MlpWeights& mlp) const {
  for (model::Weight* weight : {&mlp.gate_proj, &mlp.up_proj, &mlp.down_proj}) Redirect(*weight);
}

void WeightUnit::Redirect(model::LayerWeights& layer) const {
  model::AttentionWeights& a = layer.attention;
  for (model::Weight* weight : {&a.q_a_proj, &a.q_b_proj, &a.kv_a_proj, &a.kv_b_proj, &a.o_proj}) {
    Redirect(*weight);
  }
  if (a.indexer) {
    for (model::Weight* weight : {&a.indexer->wq_b, &a.indexer->wk, &a.indexer->weights_proj}) {
      Redirect(*weight);
    }
  }
  if (auto* dense = std::get_if<model::MlpWeights>(&layer.mlp)) return Redirect(*dense);
  auto& moe = std::get<model::MoeWeights>(layer.mlp);
  Redirect(moe.router);
  Redirect(moe.shared);
}

Status WeightUnit::ReadBytes(size_t index, uint64_t offset, std::span<std::byte> out) const {
  std::memcpy(out.data(), DataOf(index) + offset, out.size());
  return {};
}

}  // namespace glimmer::calib
