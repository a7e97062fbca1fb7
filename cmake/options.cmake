# Compiler options that every target shares.
#
# -ffp-contract=off: the number formats are defined step by step in IEEE single precision, and a
# fused multiply-add would change bytes.
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
                    -ffp-contract=off -fno-math-errno)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Werror)
  # g++ 12 reports false paths inside std::variant and std::optional, and false overlaps inside
  # std::string::insert.
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict)
endif()
if(GLIMMER_SANITIZE)
  add_compile_options(-fsanitize=${GLIMMER_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${GLIMMER_SANITIZE})
endif()

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(fmt REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(yaml-cpp REQUIRED)
find_library(XXHASH_LIBRARY xxhash REQUIRED)
if(GLIMMER_APPS)
  find_package(CLI11 REQUIRED)
endif()
if(GLIMMER_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
if(GLIMMER_BENCH)
  find_package(benchmark REQUIRED)
endif()
