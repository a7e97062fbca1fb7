# glimmer_library(NAME SOURCES a.cc... DEPS folder... [LINK target...])
#
# The library of one folder of src/, built when a program needs it. DEPS must equal the folder's
# line in the file DEPS (tools/check_deps.py compares them). Every *_test.cc beside the sources
# becomes part of the folder's test program NAME_test, so a test that nobody lists cannot exist.
function(glimmer_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LINK" ${ARGN})
  add_library(glimmer_${name} STATIC EXCLUDE_FROM_ALL ${ARG_SOURCES})
  target_include_directories(glimmer_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPS PREPEND glimmer_ OUTPUT_VARIABLE libraries)
  target_link_libraries(glimmer_${name} PUBLIC ${libraries} ${ARG_LINK})
  if(GLIMMER_TESTS)
    file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
    if(tests)
      add_executable(${name}_test ${tests})
      target_link_libraries(${name}_test PRIVATE glimmer_${name} GTest::gtest_main)
      target_compile_definitions(${name}_test PRIVATE
                                 GLIMMER_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
      add_test(NAME ${name} COMMAND ${name}_test)
      set_tests_properties(${name} PROPERTIES LABELS unit)
    endif()
  endif()
endfunction()
