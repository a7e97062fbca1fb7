#include <cpuid.h>

#include <cstdlib>
#include <string>

#include "base/text.h"
#include "kernels/dispatch.h"
#include "kernels/isa.h"

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
                          {Isa::kAvx512, "avx512", avx512::kTable},
                          {Isa::kAvx512Bf16, "avx512bf16", avx512bf16::kTable}};

// Emulators do not have BF16; there, software can stand in (CMakeLists.txt).
#if defined(GLIMMER_SOFTWARE_BF16)
bool HasBf16() { return true; }
#else
bool HasBf16() { return __builtin_cpu_supports("avx512bf16"); }
#endif

// clang before 17 does not know the name "f16c".
bool HasF16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

const Entry& EntryOf(Isa isa) { return kEntries[static_cast<size_t>(isa)]; }

bool ProcessorHas(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return true;
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && HasF16c();
    case Isa::kAvx512:
      return ProcessorHas(Isa::kAvx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
    case Isa::kAvx512Bf16:
      return ProcessorHas(Isa::kAvx512) && __builtin_cpu_supports("avx512vbmi") && HasBf16();
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

const Table& TableOf(Isa isa) { return EntryOf(isa).table; }
const Table& ActiveTable() { return TableOf(ActiveIsa()); }

}  // namespace glimmer::kernels
