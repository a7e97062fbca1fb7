#include "base/free_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <string>

namespace glimmer::base {
namespace {

TEST(OutOfMemory, NamesWhatWasWantedAndTheLimits) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_DATA, &before), 0);
  rlimit limit = before;
  limit.rlim_cur = 500'000'000'000;
  ASSERT_EQ(::setrlimit(RLIMIT_DATA, &limit), 0);
  const std::string known = OutOfMemory(67'108'864).data(), unknown = OutOfMemory(0).data();
  ASSERT_EQ(::setrlimit(RLIMIT_DATA, &before), 0);
  const std::string limits = ", and ulimit -d allows the process 500000.0 MB";
  EXPECT_TRUE(known.starts_with("out of memory: 67.1 MB more were wanted" + limits)) << known;
  EXPECT_TRUE(unknown.starts_with("out of memory" + limits)) << unknown;
}

}  // namespace
}  // namespace glimmer::base
