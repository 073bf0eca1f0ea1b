#pragma once

#include <string>
#include <string_view>

#include <prefork/http/web_socket.hpp>

namespace prefork::http {

/// Answers the opening handshake (RFC 6455 4.2): 101 with what the client is to be told, or an error page.
/// @param options  that check() has let pass
Response answer_handshake(const Request& request, const WebSocketOptions& options);

/// Whether a page of this origin may connect (RFC 6454 5, 7). Beside the options' meaning: scheme and host are
/// compared without regard to case, a port that is not written is the scheme's own. The scheme of the server itself
/// is not compared, since a proxy may have changed it.
/// @param host  the authority that was asked for
bool may_connect(std::string_view origin, std::string_view host, const WebSocketOptions& options);

/// Whether this can be one of the options' origins: some browser's page may have it, or it is "*".
bool may_be_listed(std::string_view origin) noexcept;

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key, RFC 6455 4.2.2.
std::string accept_value(std::string_view key);

}  // namespace prefork::http
