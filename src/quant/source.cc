#include "quant/source.h"

#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace glimmer::quant {

using base::Status;
using tensor::Bf16;

Status WeightSource::ReadBf16(size_t index, uint64_t first, std::span<Bf16> out) const {
  if (spec(index).dtype == tensor::DType::kBF16) {
    return ReadBytes(index, first * sizeof(Bf16), std::as_writable_bytes(out));
  }
  constexpr size_t kAtOnce = 4096;
  std::vector<float> wide(std::min(out.size(), kAtOnce));
  for (size_t done = 0; done < out.size(); done += wide.size()) {
    const size_t count = std::min(wide.size(), out.size() - done);
    GLIMMER_TRY(ReadBytes(index, (first + done) * sizeof(float),
                          std::as_writable_bytes(std::span(wide).first(count))));
    for (size_t i = 0; i < count; ++i) out[done + i] = tensor::F32ToBf16(wide[i]);
  }
  return {};
}

Status WeightSource::ReadPart(size_t, model::Part, uint64_t, std::span<std::byte>) const {
  GLIMMER_CHECK(false);
}

CheckpointSource::CheckpointSource(const std::vector<model::TensorSpec>& specs,
                                   const io::Checkpoint& checkpoint)
    : WeightSource(specs), hashes_(specs.size()) {
  tensors_.reserve(specs.size());
  for (const model::TensorSpec& spec : specs) tensors_.push_back(checkpoint.Find(spec.name));
}

Status CheckpointSource::ReadBytes(size_t index, uint64_t offset, std::span<std::byte> out) const {
  bytes_read_ += out.size();
  GLIMMER_TRY(io::Checkpoint::Read(tensors_[index], offset, out));
  hashes_.Add(index, offset, out, tensors_[index].info->size_bytes);
  return {};
}

void CheckpointSource::WillRead(size_t index) const {
  const io::TensorRef& tensor = tensors_[index];
  tensor.shard->file.WillRead(tensor.info->offset, tensor.info->size_bytes);
}

std::string CheckpointSource::Describe(size_t index) const {
  return base::Quoted(tensors_[index].shard->file.path()) + ": tensor " +
         base::Quoted(spec(index).name);
}

}  // namespace glimmer::quant
