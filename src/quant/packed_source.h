// An NVFP4 checkpoint as a source: packed linears are given as they are stored, part by part, or
// dequantized to BF16 where a plan wants them so.
//   value = BF16 nearest to E2M1(code) * (E4M3(weight_scale) * weight_scale_2), ties to even,
//   the product in F32 as tensor/nvfp4.h defines it.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "quant/plan.h"
#include "quant/source.h"

namespace glimmer::quant {

class PackedSource : public WeightSource {
 public:
  // `specs`: the inventory, packed tensors with the type that they have dequantized (BF16).
  // REQUIRES: the checkpoint holds every tensor of it, or all parts of it with the types and shapes
  // of docs/formats.md.
  PackedSource(const std::vector<model::TensorSpec>& specs, const io::Checkpoint& checkpoint);

  bool IsPacked(size_t index) const override;
  base::Status ReadPart(size_t index, Part part, uint64_t offset,
                        std::span<std::byte> out) const override;
  // REQUIRES for packed tensors: offset and size are whole blocks of 16 elements.
  base::Status ReadBytes(size_t index, uint64_t offset, std::span<std::byte> out) const override;
  void WillRead(size_t index) const override;
  std::string Describe(size_t index) const override;

 private:
  using Refs = std::array<io::TensorRef, model::kParts>;
  const io::TensorRef& ref(size_t index, Part part) const {
    return tensors_[index][static_cast<size_t>(part)];
  }
  base::Status Dequantize(size_t index, uint64_t first, std::span<tensor::Bf16> out) const;

  std::vector<Refs> tensors_;
};

}  // namespace glimmer::quant
