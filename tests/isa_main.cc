// Runs the tests on the instruction set that GLIMMER_ISA names. Where the processor lacks it the
// exit status is 77, which CTest counts as skipped: results of another set would prove nothing.
#include <gtest/gtest.h>

#include <cstdio>

#include "kernels/isa.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  constexpr int kSkipped = 77;
  if (const auto status = glimmer::kernels::CheckIsaRequest(); !status.ok()) {
    std::printf("%s\n", status.error().message.c_str());
    return kSkipped;
  }
  return RUN_ALL_TESTS();
}
