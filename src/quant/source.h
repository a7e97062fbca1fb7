// Where weights come from: a checkpoint on disk, or a random generator of the same shape.
// Implementations are safe for const use from several threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"
#include "model/inventory.h"
#include "quant/content_hashes.h"
#include "tensor/bf16.h"

namespace glimmer::quant {

class WeightSource {
 public:
  // `specs` must outlive the source.
  explicit WeightSource(const std::vector<model::TensorSpec>& specs) : specs_(specs) {}
  virtual ~WeightSource() = default;

  // Bytes of the tensor as the source stores it. REQUIRES: the range lies inside the tensor.
  virtual base::Status ReadBytes(size_t index, uint64_t offset, std::span<std::byte> out) const = 0;
  // Elements [first, first + out.size()) in BF16; an F32 tensor is rounded to nearest even.
  base::Status ReadBf16(size_t index, uint64_t first, std::span<tensor::Bf16> out) const;
  // Whether the linear is stored in NVFP4; then ReadBytes() gives its values in BF16.
  virtual bool IsPacked(size_t) const { return false; }
  // Bytes of one of the tensors that a packed linear is stored in. REQUIRES: IsPacked(index).
  virtual base::Status ReadPart(size_t index, model::Part part, uint64_t offset,
                                std::span<std::byte> out) const;
  // The tensor will be read soon.
  virtual void WillRead(size_t) const {}
  // Largest magnitude of the activations that this linear reads; 0 when it is not known.
  virtual float InputAmax(size_t) const { return 0; }
  // "file: tensor" for messages.
  virtual std::string Describe(size_t index) const = 0;
  // XXH3 of the tensor's bytes as the source stores them; empty when they were not read to the end,
  // or the source is no file.
  virtual std::string ContentHash(size_t) const { return ""; }

  const model::TensorSpec& spec(size_t index) const { return specs_[index]; }

 private:
  const std::vector<model::TensorSpec>& specs_;
};

class CheckpointSource : public WeightSource {
 public:
  // REQUIRES: the checkpoint holds every tensor of `specs` (model::MatchBf16).
  CheckpointSource(const std::vector<model::TensorSpec>& specs, const io::Checkpoint& checkpoint);

  base::Status ReadBytes(size_t index, uint64_t offset, std::span<std::byte> out) const override;
  void WillRead(size_t index) const override;
  std::string Describe(size_t index) const override;
  std::string ContentHash(size_t index) const override { return hashes_.Of(index); }
  // By all reads so far.
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  std::vector<io::TensorRef> tensors_;
  mutable std::atomic<uint64_t> bytes_read_{0};
  mutable ContentHashes hashes_;
};

// Random weights with the statistics of trained ones: Gaussian, rows of different size, rare
// outliers, norms near 1. The same seed gives the same bytes in any reading order.
class SyntheticSource : public WeightSource {
 public:
  SyntheticSource(const std::vector<model::TensorSpec>& specs, uint64_t seed);

  base::Status ReadBytes(size_t index, uint64_t offset, std::span<std::byte> out) const override;
  float InputAmax(size_t index) const override;
  std::string Describe(size_t index) const override;

 private:
  void FillLine(size_t index, uint64_t line, std::span<tensor::Bf16> out) const;

  uint64_t seed_;
  std::vector<float> quantiles_;  // of the standard normal distribution
};

}  // namespace glimmer::quant
