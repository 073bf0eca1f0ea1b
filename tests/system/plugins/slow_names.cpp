// Preloaded before the C library: a name server that never answers for one name.
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

#include <cstring>

extern "C" [[gnu::visibility("default")]] int getaddrinfo(const char* host, const char* port, const addrinfo* hints,
                                                          addrinfo** result) {
  while (host != nullptr && std::strcmp(host, "silent.test") == 0) ::pause();
  static const auto real = reinterpret_cast<decltype(&::getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(host, port, hints, result);
}
