#pragma once

#include <string>
#include <string_view>

#include <prefork/http/response.hpp>

namespace prefork::http {

/// What the request decides about its response.
struct ResponseMode {
  bool head_only = false;    ///< HEAD: the header section alone, RFC 9110 9.3.2
  bool keep_alive = true;    ///< else `Connection: close`
  bool old_version = false;  ///< HTTP/1.0: keeping the connection has to be said
};

/// Appends the response to `out`, which is not cleared: pipelined responses share one send.
/// `date_line` is DateCache::line(). Content-Length is not written where RFC 9110 8.6 forbids it (1xx,
/// 204) and for 304, which has no body here.
void append_response(std::string& out, const Response& response, ResponseMode mode, std::string_view date_line);

}  // namespace prefork::http
