// Programmer errors: a broken REQUIRES stops the process with the place and the condition.
// Never for anything that input, files or the machine can cause (that is a Result).
#pragma once

#include <cstdio>
#include <cstdlib>

#define GLIMMER_CHECK(condition)                                                               \
  do {                                                                                         \
    if (!(condition)) {                                                                        \
      std::fprintf(stderr, "%s:%d: broken requirement: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                            \
    }                                                                                          \
  } while (false)
