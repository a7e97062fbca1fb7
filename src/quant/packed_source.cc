#include "quant/packed_source.h"

#include "base/check.h"
#include "base/text.h"
#include "tensor/nvfp4.h"

namespace glimmer::quant {

using base::Status;
using tensor::Bf16;
using tensor::kNvfp4Block;
using tensor::kNvfp4BlockBytes;

PackedSource::PackedSource(const std::vector<model::TensorSpec>& specs,
                           const io::Checkpoint& checkpoint)
    : WeightSource(specs) {
  tensors_.reserve(specs.size());
  for (const model::TensorSpec& spec : specs) {
    Refs& refs = tensors_.emplace_back();
    for (size_t part = 0; part < refs.size(); ++part) {
      refs[part] = checkpoint.Find(model::PartName(spec.name, static_cast<Part>(part)));
    }
  }
}

bool PackedSource::IsPacked(size_t index) const {
  return ref(index, Part::kWeightScale).info != nullptr;
}

Status PackedSource::ReadPart(size_t index, Part part, uint64_t offset,
                              std::span<std::byte> out) const {
  return io::Checkpoint::Read(ref(index, part), offset, out);
}

Status PackedSource::ReadBytes(size_t index, uint64_t offset, std::span<std::byte> out) const {
  if (!IsPacked(index)) return io::Checkpoint::Read(ref(index, Part::kCopy), offset, out);
  constexpr size_t kBlockBytes = kNvfp4Block * sizeof(Bf16);
  GLIMMER_CHECK(offset % kBlockBytes == 0 && out.size() % kBlockBytes == 0);
  std::vector<Bf16> values(out.size() / sizeof(Bf16));
  GLIMMER_TRY(Dequantize(index, offset / sizeof(Bf16), values));
  const auto bytes = std::as_bytes(std::span(values));
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return {};
}

Status PackedSource::Dequantize(size_t index, uint64_t first, std::span<Bf16> out) const {
  const size_t blocks = out.size() / kNvfp4Block;
  std::vector<uint8_t> codes(blocks * kNvfp4BlockBytes), scales(blocks);
  float tensor_scale = 0;
  GLIMMER_TRY(
      ReadPart(index, Part::kWeightScale2, 0, std::as_writable_bytes(std::span(&tensor_scale, 1))));
  GLIMMER_TRY(ReadPart(index, Part::kWeight, first / 2, std::as_writable_bytes(std::span(codes))));
  GLIMMER_TRY(ReadPart(index, Part::kWeightScale, first / kNvfp4Block,
                       std::as_writable_bytes(std::span(scales))));
  std::array<float, kNvfp4Block> values;
  for (size_t b = 0; b < blocks; ++b) {
    const auto block = std::span(codes).subspan(b * kNvfp4BlockBytes).first<kNvfp4BlockBytes>();
    tensor::Nvfp4UnpackBlock(block, scales[b], tensor_scale, values);
    for (size_t i = 0; i < kNvfp4Block; ++i)
      out[b * kNvfp4Block + i] = tensor::F32ToBf16(values[i]);
  }
  return {};
}

void PackedSource::WillRead(size_t index) const {
  for (const io::TensorRef& tensor : tensors_[index]) {
    if (tensor.info == nullptr) continue;
    tensor.shard->file.WillRead(tensor.info->offset, tensor.info->size_bytes);
  }
}

std::string PackedSource::Describe(size_t index) const {
  return base::Quoted(ref(index, Part::kCopy).shard->file.path()) + ": tensor " +
         base::Quoted(spec(index).name);
}

}  // namespace glimmer::quant
