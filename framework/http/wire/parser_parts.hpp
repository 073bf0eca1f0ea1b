#pragma once

#include <string_view>

#include "framework/http/wire/parser.hpp"

/// The steps of parse_head, each in its own file. Each returns nullptr, or why the message is refused. The lines come
/// without CR LF and have no control characters but HTAB.
namespace prefork::http {

/// RFC 9112 3. request_line.cpp
const Refusal* parse_request_line(std::string_view line, RequestHead& head) noexcept;

/// RFC 9112 5. Records the fields that decide about framing. field_line.cpp
const Refusal* parse_field_line(std::string_view line, Header& field, NotedFields& noted) noexcept;

/// RFC 9112 3.2, 6, 9.3, RFC 9110 10.1.1: checks that need the whole header section. framing.cpp
const Refusal* judge_fields(const Limits& limits, RequestHead& head) noexcept;

}  // namespace prefork::http
