# cupola_module(NAME PUBLIC header... USES module... [LINKS library...])
#
# A library from all sources of the folder, and one test program `NAME_test` from its *_test.cpp.
# PUBLIC lists the headers that other modules may include, USES the modules whose public headers
# this one may include; tools/check_layering.py reads both. LINKS are libraries from outside.
# Tests may use `testing` and the modules under TEST_USES besides.
function(cupola_module name)
  cmake_parse_arguments(M "" "" "PUBLIC;USES;LINKS;TEST_USES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp */*.cpp)
  file(GLOB tests CONFIGURE_DEPENDS *_test.cpp */*_test.cpp)
  file(GLOB fuzzers CONFIGURE_DEPENDS *_fuzz.cpp)
  file(GLOB mains CONFIGURE_DEPENDS *main.cpp)
  if(CUPOLA_CRASH_POINTS)
    # For those that have some, so that the others compile the same in all presets.
    foreach(source IN LISTS sources)
      file(STRINGS ${source} has_points REGEX "include \"base/crash_point.h\"" LIMIT_COUNT 1)
      if(has_points)
        set_property(SOURCE ${source} APPEND PROPERTY COMPILE_DEFINITIONS CUPOLA_CRASH_POINTS)
      endif()
    endforeach()
  endif()
  list(REMOVE_ITEM sources ${tests} ${fuzzers} ${mains} "")

  set(library cupola_${name})
  if(sources)
    add_library(${library} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(${library} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${library} ${scope} ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM M_USES PREPEND cupola_ OUTPUT_VARIABLE used)
  target_link_libraries(${library} ${scope} ${used} ${M_LINKS})

  if(tests AND NOT CUPOLA_FUZZ)
    add_executable(${name}_test ${tests})
    list(TRANSFORM M_TEST_USES PREPEND cupola_ OUTPUT_VARIABLE test_used)
    target_link_libraries(${name}_test PRIVATE ${library} ${test_used} GTest::gmock GTest::gtest_main)
    # For the few that name it, so that the others compile the same in each clone.
    foreach(test IN LISTS tests)
      file(STRINGS ${test} names_source REGEX CUPOLA_SOURCE_DIR LIMIT_COUNT 1)
      if(names_source)
        set_source_files_properties(${test} PROPERTIES COMPILE_DEFINITIONS
                                    CUPOLA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
      endif()
    endforeach()
    # A test's own code is compiled more often than it is run: half the time with sanitizers.
    target_compile_options(${name}_test PRIVATE $<$<CONFIG:Debug>:-O0>)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 300)
  endif()

  if(CUPOLA_FUZZ)
    # So that the fuzzer sees which way its input goes.
    if(sources)
      target_compile_options(${library} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
    foreach(fuzzer IN LISTS fuzzers)
      get_filename_component(target ${fuzzer} NAME_WE)
      add_executable(${target} ${fuzzer})
      target_link_libraries(${target} PRIVATE ${library})
      target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    endforeach()
  endif()
endfunction()
