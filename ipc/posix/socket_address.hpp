#pragma once

#include <cstddef>
#include <string>

namespace prefork::ipc {

/// Formats a socket address: "192.0.2.7:51234", "[2001:db8::1]:51234", "unix:/path", "unix" (unnamed). The bytes may be
/// cut short or come from a broken worker: what can't be read becomes "?".
std::string format_socket_address(const void* address, std::size_t bytes);

}  // namespace prefork::ipc
