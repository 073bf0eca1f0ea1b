# Flags that every target of the project is built with.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(prefork_flags INTERFACE)
target_compile_options(prefork_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Woverloaded-virtual
  -fstack-protector-strong -fno-plt)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651), and accesses beyond its ends.
  target_compile_options(prefork_flags INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()
target_include_directories(prefork_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(PREFORK_BUILD_FUZZERS)
  set(PREFORK_SANITIZE fuzzer-no-link,address,undefined)
endif()
if(PREFORK_SANITIZE)
  target_compile_options(prefork_flags INTERFACE -fsanitize=${PREFORK_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(prefork_flags INTERFACE -fsanitize=${PREFORK_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 sees uninitialised values in instrumented code that has none.
    target_compile_options(prefork_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
  if(PREFORK_SANITIZE MATCHES "undefined")
    target_compile_options(prefork_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
endif()

# A plugin of this tree: services/NAME -> build/PRESET/plugins/NAME.so
include(PreforkPlugin)
set(PREFORK_INSTALL_PLUGINDIR ${CMAKE_INSTALL_LIBDIR}/prefork/plugins)
function(prefork_plugin name)
  _prefork_plugin_target(${name}_plugin ${name} ${ARGN})
  target_link_libraries(${name}_plugin PRIVATE prefork_flags)
  set_target_properties(${name}_plugin PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/plugins
    INSTALL_RPATH "$ORIGIN/../..")
  install(TARGETS ${name}_plugin LIBRARY DESTINATION ${PREFORK_INSTALL_PLUGINDIR})
endfunction()

# Objects of a plugin's, for it and for its tests, which have the runtime in themselves.
function(prefork_plugin_parts name)
  add_library(${name} OBJECT ${ARGN})
  target_link_libraries(${name} PRIVATE prefork_flags prefork_api)
endfunction()

# Has a target's compiler read the library's headers once, not for each source file.
function(prefork_read_headers_once name)
  target_precompile_headers(${name} PRIVATE <algorithm> <array> <chrono> <functional> <map> <memory> <optional> <string>
    <string_view> <system_error> <utility> <vector> ${ARGN})
endfunction()

# Of code that runs once for each start, reload or second and not for each request: what -O3 would gain there is not worth
# a third of the compiler's time. The headers are read once for all of it.
function(prefork_not_per_request name)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(${name} PRIVATE -O1)
  endif()
  if(name STREQUAL "prefork_headers")
    prefork_read_headers_once(${name} <fmt/format.h>)
  else()
    target_precompile_headers(${name} REUSE_FROM prefork_headers)
  endif()
endfunction()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/prefork_headers.cpp CONTENT "")
add_library(prefork_headers OBJECT ${PROJECT_BINARY_DIR}/prefork_headers.cpp)

# What all test programs are built with: the compiler's time is most of what the suite takes, so they are not optimised.
function(prefork_test_program name)
  target_link_libraries(${name} PRIVATE prefork_flags ${ARGN} GTest::gtest GTest::gmock GTest::gtest_main)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(${name} PRIVATE -O0)
  endif()
endfunction()

# The GoogleTest program of one room: all *_test.cpp below the current folder. What each of them includes is read once,
# with test_headers.
function(prefork_tests name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  prefork_test_program(${name} ${ARGN})
  target_precompile_headers(${name} REUSE_FROM test_headers)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120)
endfunction()
