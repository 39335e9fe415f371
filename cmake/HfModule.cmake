# hf_module(core_cap DEPS core_base core_crypto [LIBS OpenSSL::Crypto])
#
# Makes, from the files of the calling folder:
#   library  hf_core_cap        every *.cc that is not a test, fuzzer or benchmark
#   program  core_cap_test      every *_test.cc, found (never listed), so no test can be forgotten
#   programs x_fuzz             one for each x_fuzz.cc: with HF_FUZZ a libFuzzer binary, else a
#                               replay of the seed corpus fuzz/corpus/x, run as a test
# TEST_DEPS are modules, TEST_LIBS other libraries, that only the tests use. Tests may include "support/...", which
# lies in tests/.
function(hf_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS;TEST_DEPS;TEST_LIBS" ${ARGN})
  file(GLOB all CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.cc)
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz|bench)\\.cc$")
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(fuzzers ${all})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")

  list(TRANSFORM ARG_DEPS PREPEND hf_)
  list(TRANSFORM ARG_TEST_DEPS PREPEND hf_)
  if(sources)
    add_library(hf_${name} STATIC ${sources})
    target_link_libraries(hf_${name} PUBLIC hf_flags ${ARG_DEPS} ${ARG_LIBS})
  else()
    add_library(hf_${name} INTERFACE)
    target_link_libraries(hf_${name} INTERFACE hf_flags ${ARG_DEPS} ${ARG_LIBS})
  endif()

  if(tests AND BUILD_TESTING AND NOT HF_FUZZ)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE hf_${name} ${ARG_TEST_DEPS} ${ARG_TEST_LIBS} GTest::gtest_main)
    target_include_directories(${name}_test PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_compile_definitions(${name}_test PRIVATE
      HF_SOURCE_DIR="${CMAKE_SOURCE_DIR}" HF_SHARED_DIR="${CMAKE_SOURCE_DIR}/../shared")
    add_test(NAME ${name}_test COMMAND ${name}_test)
  endif()

  foreach(source ${fuzzers})
    string(REGEX REPLACE "\\.cc$" "" target ${source})
    string(REGEX REPLACE "_fuzz$" "" corpus ${target})
    add_executable(${target} ${source})
    target_link_libraries(${target} PRIVATE hf_${name})
    if(HF_FUZZ)
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
      add_dependencies(fuzzers ${target})
    else()
      target_sources(${target} PRIVATE ${CMAKE_SOURCE_DIR}/fuzz/replay_main.cc)
      if(BUILD_TESTING)
        add_test(NAME ${target}_replay COMMAND ${target} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${corpus})
      endif()
    endif()
  endforeach()
endfunction()
