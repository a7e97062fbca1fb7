#include <cstdlib>
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "kernels/isa.h"
#include "kernels/nvfp4_pack.h"
#include "kernels/table.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels {
namespace {

constexpr char kVariable[] = "GLIMMER_ISA";

struct Entry {
  Isa isa;
  std::string_view name;
  const Table& table;
};
const Entry kEntries[] = {{Isa::kScalar, "scalar", scalar::kTable},
                          {Isa::kAvx2, "avx2", avx2::kTable},
                          {Isa::kAvx512, "avx512", avx512::kTable}};

const Entry& EntryOf(Isa isa) { return kEntries[static_cast<size_t>(isa)]; }

bool ProcessorHas(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return true;
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::kAvx512:
      return ProcessorHas(Isa::kAvx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
  }
  return false;
}

Isa Choose() {
  const std::vector<Isa> available = AvailableIsas();
  const char* request = std::getenv(kVariable);
  if (request == nullptr || *request == '\0') return available.back();
  for (const Isa isa : available) {
    if (IsaName(isa) == request) return isa;
  }
  return Isa::kScalar;
}

}  // namespace

std::string_view IsaName(Isa isa) { return EntryOf(isa).name; }

std::vector<Isa> AvailableIsas() {
  std::vector<Isa> available;
  for (const Entry& entry : kEntries) {
    if (ProcessorHas(entry.isa)) available.push_back(entry.isa);
  }
  return available;
}

Isa ActiveIsa() {
  static const Isa chosen = Choose();
  return chosen;
}

base::Status CheckIsaRequest() {
  const char* request = std::getenv(kVariable);
  if (request == nullptr || *request == '\0' || IsaName(ActiveIsa()) == request) return {};
  std::string available;
  for (const Isa isa : AvailableIsas()) available += " " + std::string(IsaName(isa));
  return base::Unsupported(std::string(kVariable) + "=" + base::Quoted(request) +
                           ": expected one of this processor's:" + available);
}

tensor::Bf16 AbsMaxOn(Isa isa, std::span<const tensor::Bf16> weights) {
  return EntryOf(isa).table.abs_max(weights.data(), weights.size());
}

void PackNvfp4On(Isa isa, std::span<const tensor::Bf16> weights, float tensor_scale,
                 std::span<uint8_t> packed, std::span<uint8_t> scales) {
  const size_t blocks = weights.size() / tensor::kNvfp4Block;
  GLIMMER_CHECK(weights.size() == blocks * tensor::kNvfp4Block);
  GLIMMER_CHECK(packed.size() == blocks * tensor::kNvfp4BlockBytes && scales.size() == blocks);
  EntryOf(isa).table.pack_nvfp4(weights.data(), blocks, tensor_scale, packed.data(), scales.data());
}

tensor::Bf16 AbsMax(std::span<const tensor::Bf16> weights) {
  return AbsMaxOn(ActiveIsa(), weights);
}

void PackNvfp4(std::span<const tensor::Bf16> weights, float tensor_scale, std::span<uint8_t> packed,
               std::span<uint8_t> scales) {
  PackNvfp4On(ActiveIsa(), weights, tensor_scale, packed, scales);
}

}  // namespace glimmer::kernels
