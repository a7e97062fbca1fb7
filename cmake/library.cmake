# glimmer_not_fuzzed(TARGET): leaves out the counting of branches, which is for what parses and
# slows loops.
function(glimmer_not_fuzzed target)
  if(GLIMMER_FUZZ)
    target_compile_options(${target} PRIVATE -fno-sanitize=fuzzer-no-link)
  endif()
endfunction()

# glimmer_library(NAME [EVERY_ISA] SOURCES a.cc... [ALONE b.cc...] DEPS folder... [LINK target...])
#
# The library of one folder of src/, built when a program needs it. DEPS must equal the folder's
# line in the file DEPS (tools/check_deps.py compares them). Every *_test.cc beside the sources
# becomes part of the folder's test program NAME_test, so a test that nobody lists cannot exist.
# ALONE: files that unity builds (presets asan and tsan) leave out, because a name that is local to
# them stands in another file of the folder too.
# EVERY_ISA: its test program is run for each instruction set (tests/CMakeLists.txt).
function(glimmer_library name)
  cmake_parse_arguments(ARG "EVERY_ISA" "" "SOURCES;ALONE;DEPS;LINK" ${ARGN})
  add_library(glimmer_${name} STATIC EXCLUDE_FROM_ALL ${ARG_SOURCES})
  target_include_directories(glimmer_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  set_source_files_properties(${ARG_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  list(TRANSFORM ARG_DEPS PREPEND glimmer_ OUTPUT_VARIABLE libraries)
  target_link_libraries(glimmer_${name} PUBLIC ${libraries} ${ARG_LINK})
  if(GLIMMER_TESTS)
    file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
    if(tests)
      add_executable(${name}_test ${tests})
      target_link_libraries(${name}_test PRIVATE glimmer_${name}
                            $<IF:$<BOOL:${ARG_EVERY_ISA}>,glimmer_isa_main,GTest::gtest_main>)
      target_compile_definitions(${name}_test PRIVATE
                                 GLIMMER_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
      glimmer_not_fuzzed(${name}_test)
      if(NOT CMAKE_UNITY_BUILD)
        target_precompile_headers(${name}_test REUSE_FROM glimmer_test_headers)
        # g++ 12 takes strings moved in precompiled headers for copies beyond their end.
        target_compile_options(${name}_test PRIVATE
                               "$<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-stringop-overflow>")
      endif()
      add_test(NAME ${name} COMMAND ${name}_test)
      set_tests_properties(${name} PROPERTIES LABELS unit)
    endif()
  endif()
endfunction()

# What every test includes anyway, parsed once.
if(GLIMMER_TESTS AND NOT CMAKE_UNITY_BUILD)
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/test_headers.cc CONTENT "")
  add_library(glimmer_test_headers OBJECT ${CMAKE_CURRENT_BINARY_DIR}/test_headers.cc)
  target_link_libraries(glimmer_test_headers PRIVATE GTest::gtest)
  target_precompile_headers(glimmer_test_headers PRIVATE <gtest/gtest.h>)
endif()
