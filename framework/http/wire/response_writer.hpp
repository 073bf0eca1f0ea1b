#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <prefork/http/response.hpp>

namespace prefork::http {

/// What the request decides about its response.
struct ResponseMode {
  bool head_only = false;    ///< HEAD: only the header section, RFC 9110 9.3.2
  bool keep_alive = true;    ///< else `Connection: close`
  bool old_version = false;  ///< HTTP/1.0: keeping the connection must be said, and nothing is chunked
};

/// Appends the response to `out`, which is not cleared: pipelined responses share one send. `date_line` is
/// DateCache::line(). Content-Length is left out where RFC 9110 8.6 forbids it (1xx, 204) and for 304, which has no
/// body here. A body that needs_transfer() is left out.
void append_response(std::string& out, const Response& response, ResponseMode mode, std::string_view date_line);

}  // namespace prefork::http
