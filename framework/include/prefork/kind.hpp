#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace prefork {

/// How the server treats a service; follows from the class that it derives from.
enum class ServiceKind : std::uint8_t {
  stream,    ///< `Service`: coroutines over stream and datagram sockets.
  blocking,  ///< `BlockingService`: one connection at a time per worker, blocking calls.
  http,      ///< `http::Service`: requests and responses.
};

/// What the server knows of a kind. Every kind may have `tcp:` and `unix:` listeners.
struct KindTraits {
  std::string_view name;  ///< as `--describe` prints it
  bool datagrams;         ///< may have `udp:` and `unix-dgram:` listeners
  bool blocks;            ///< a connection keeps its worker from all other work: needs a pool of its own kind
  bool requests;          ///< answers HTTP requests: they are counted and timed, and a listener may be shared
};

/// One row per kind, in the order of ServiceKind. A new kind is a row here and a class whose
/// ServiceBase::make_protocol() drives it.
inline constexpr std::array<KindTraits, 3> kServiceKinds{{
    {"stream and datagram service", true, false, false},
    {"blocking service", false, true, false},
    {"HTTP service", false, false, true},
}};

/// `kind` must be one of the table: a descriptor and a report are checked when they come.
constexpr const KindTraits& traits_of(ServiceKind kind) noexcept {
  return kServiceKinds[static_cast<std::size_t>(kind)];
}

}  // namespace prefork
