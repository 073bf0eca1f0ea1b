#pragma once

/// Marks what `libprefork.so` exports. Everything else in the library is hidden.
#define PREFORK_API __attribute__((visibility("default")))

/// The version of the plugin interface. A plugin loads when its major number equals the server's and
/// its minor number is not greater.
#define PREFORK_ABI_MAJOR 2
#define PREFORK_ABI_MINOR 0

#if defined(__SANITIZE_ADDRESS__)
#define PREFORK_BUILD_SANITIZER "asan"
#elif defined(__SANITIZE_THREAD__)
#define PREFORK_BUILD_SANITIZER "tsan"
#else
#define PREFORK_BUILD_SANITIZER "none"
#endif

#if defined(_GLIBCXX_DEBUG)
#define PREFORK_BUILD_CONTAINERS "checked (_GLIBCXX_DEBUG)"
#else
#define PREFORK_BUILD_CONTAINERS "plain"
#endif

#define PREFORK_STRINGIFY_(x) #x
#define PREFORK_STRINGIFY(x) PREFORK_STRINGIFY_(x)

/// What must agree between the server and a plugin beyond the interface version, because standard
/// library types cross the boundary: the language's standard, the library's ABI generation, _GLIBCXX_DEBUG and the
/// sanitizer runtime.
#define PREFORK_BUILD_SIGNATURE                                                                  \
  "libstdc++ abi " PREFORK_STRINGIFY(_GLIBCXX_USE_CXX11_ABI) ", __cplusplus " PREFORK_STRINGIFY( \
      __cplusplus) ", containers " PREFORK_BUILD_CONTAINERS ", sanitizer " PREFORK_BUILD_SANITIZER
