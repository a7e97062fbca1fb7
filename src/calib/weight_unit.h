// Weights that are in memory together: a layer without its routed experts, or one expert. Reading a
// model unit by unit reads each weight once, and both computing and quantizing take it from there.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/result.h"
#include "model/inventory.h"
#include "model/weights.h"
#include "quant/source.h"

namespace glimmer::calib {

struct UnitPlan {
  uint32_t layer = 0;
  uint32_t expert = model::kNoExpert;
  std::vector<size_t> specs;  // indices into model::ListTensors()
};

// Of the main layers: each without its experts, then its experts in order.
std::vector<UnitPlan> ListUnits(const std::vector<model::TensorSpec>& specs);
uint64_t SizeBytes(const std::vector<model::TensorSpec>& specs, const UnitPlan& unit);

// The unit's tensors as the source holds them. A WeightSource for these tensors alone.
class WeightUnit : public quant::WeightSource {
 public:
  // Errors: kExhausted, kIo; kCorrupt, for elements that are not finite too; kCancelled.
  static base::Result<std::unique_ptr<WeightUnit>> Read(const std::vector<model::TensorSpec>& specs,
                                                        const quant::WeightSource& source,
                                                        const UnitPlan& plan,
                                                        const base::CancelFlag& cancel);

  ~WeightUnit() override;
  WeightUnit(const WeightUnit&) = delete;
  WeightUnit& operator=(const WeightUnit&) = delete;

  const UnitPlan& plan() const { return plan_; }
  // Lets the view point into this unit. REQUIRES: the tensor weight.id is part of it.
  void Redirect(model::Weight& weight) const;
  void Redirect(model::MlpWeights& mlp) const;
  // All of a layer but its routed experts, which stay as they are.
  void Redirect(model::LayerWeights& layer) const;

  base::Status ReadBytes(size_t index, uint64_t offset, std::span<std::byte> out) const override;
  std::string Describe(size_t index) const override { return source_.Describe(index); }
  std::string ContentHash(size_t index) const override { return source_.ContentHash(index); }

 private:
  WeightUnit(const std::vector<model::TensorSpec>& specs, const quant::WeightSource& source,
             const UnitPlan& plan);
  base::Status Allocate();
  const std::byte* DataOf(size_t index) const;

  const quant::WeightSource& source_;
  const UnitPlan& plan_;
  std::vector<uint64_t> offsets_;  // by position in plan_.specs, then the end
  std::byte* bytes_ = nullptr;     // pages of its own, so that they leave the program with the unit
};

}  // namespace glimmer::calib
