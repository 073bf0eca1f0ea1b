#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "framework/worker/net/peer_address.hpp"

namespace prefork::worker {

/// The longest header that is accepted, in bytes. Version 1 has at most 107; version 2 may carry data that nobody here
/// reads.
inline constexpr std::size_t kMaxProxyHeader = 16 + 2048;

enum class ProxyResult : std::uint8_t { complete, incomplete, malformed };

/// What a proxy says about a connection before anything else (haproxy's "The PROXY protocol", versions 1 and 2).
struct ProxyHeader {
  std::size_t bytes = 0;            ///< how long it is
  std::optional<PeerAddress> peer;  ///< nullopt: the connection's own peer counts (LOCAL, UNKNOWN)
};

/// Reads the header at the start of a stream. Pure; strict: whatever deviates from the specification is malformed.
ProxyResult parse_proxy_header(std::string_view bytes, ProxyHeader& header) noexcept;

}  // namespace prefork::worker
