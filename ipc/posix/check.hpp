#pragma once

#include <cstdio>
#include <cstdlib>

/// Aborts with the place and the condition. Only for our own bugs, never for input or the environment.
#define PREFORK_CHECK(condition)                                                                               \
  do {                                                                                                         \
    if (!(condition)) [[unlikely]] {                                                                           \
      std::fprintf(stderr, "prefork: bug: %s:%d: PREFORK_CHECK(%s) failed\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                                            \
    }                                                                                                          \
  } while (false)
