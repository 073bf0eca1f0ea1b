#pragma once

#include <cstdint>
#include <string_view>

#include <prefork/api.hpp>

namespace prefork::http {

/// Status codes, RFC 9110 15 and RFC 6585. Any other three-digit number may be cast to it.
enum class Status : std::uint16_t {
  continue_ = 100,
  switching_protocols = 101,
  ok = 200,
  created = 201,
  accepted = 202,
  no_content = 204,
  reset_content = 205,
  partial_content = 206,
  multiple_choices = 300,
  moved_permanently = 301,
  found = 302,
  see_other = 303,
  not_modified = 304,
  temporary_redirect = 307,
  permanent_redirect = 308,
  bad_request = 400,
  unauthorized = 401,
  forbidden = 403,
  not_found = 404,
  method_not_allowed = 405,
  not_acceptable = 406,
  request_timeout = 408,
  conflict = 409,
  gone = 410,
  length_required = 411,
  precondition_failed = 412,
  content_too_large = 413,
  uri_too_long = 414,
  unsupported_media_type = 415,
  range_not_satisfiable = 416,
  expectation_failed = 417,
  misdirected_request = 421,
  unprocessable_content = 422,
  upgrade_required = 426,
  precondition_required = 428,
  too_many_requests = 429,
  header_fields_too_large = 431,
  internal_server_error = 500,
  not_implemented = 501,
  bad_gateway = 502,
  service_unavailable = 503,
  gateway_timeout = 504,
  version_not_supported = 505,
  insufficient_storage = 507,
};

constexpr std::uint16_t code(Status status) noexcept { return static_cast<std::uint16_t>(status); }

/// "Not Found" for 404; empty for a code without a registered phrase. Any thread.
PREFORK_API std::string_view reason(Status status) noexcept;

/// Whether a response with this status may have a body at all (RFC 9110 6.4.1: not 1xx, 204, 304).
constexpr bool may_have_body(Status status) noexcept {
  return code(status) >= 200 && status != Status::no_content && status != Status::not_modified;
}

}  // namespace prefork::http
