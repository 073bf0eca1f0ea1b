#pragma once

#include <string>
#include <string_view>

#include <prefork/http/web_socket.hpp>

namespace prefork::http {

/// Answers the opening handshake (RFC 6455 4.2): 101 with the negotiated fields, or an error page.
/// @param options  must have passed check()
Response answer_handshake(const Request& request, const WebSocketOptions& options);

/// Whether a page of this origin may connect (RFC 6454 5, 7). In addition to the options' meaning: scheme and host are
/// compared without regard to case, and a missing port is the scheme's default. The server's own scheme is not
/// compared, since a proxy may have changed it.
/// @param host  the authority of the request
bool may_connect(std::string_view origin, std::string_view host, const WebSocketOptions& options);

/// Whether this can be one of the options' origins: a browser's page may have it, or it is "*".
bool may_be_listed(std::string_view origin) noexcept;

/// The Sec-WebSocket-Accept for a Sec-WebSocket-Key, RFC 6455 4.2.2.
std::string accept_value(std::string_view key);

}  // namespace prefork::http
