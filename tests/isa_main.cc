// Runs the tests on the instruction set that GLIMMER_ISA names. Where the processor lacks it the
// exit status is 77, which CTest counts as skipped: results of another set would prove nothing. It
// must have been refused then, and a set that the processor has must not be: anything else fails.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "kernels/isa.h"

using glimmer::kernels::ActiveIsa;
using glimmer::kernels::AvailableIsas;
using glimmer::kernels::CheckIsaRequest;
using glimmer::kernels::Isa;
using glimmer::kernels::IsaName;

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  constexpr int kFailed = 1, kSkipped = 77;
  const char* forced = std::getenv("GLIMMER_ISA");
  const auto available = AvailableIsas();
  const bool can_run = forced == nullptr || *forced == '\0' ||
                       std::any_of(available.begin(), available.end(),
                                   [&](Isa isa) { return IsaName(isa) == forced; });
  const auto status = CheckIsaRequest();
  if (!status.ok()) std::printf("%s\n", status.error().message.c_str());
  if (status.ok() != can_run) return kFailed;
  if (can_run) return RUN_ALL_TESTS();
  return ActiveIsa() == Isa::kScalar ? kSkipped : kFailed;
}
