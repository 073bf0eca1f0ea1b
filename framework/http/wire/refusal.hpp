#pragma once

#include <string_view>

#include <prefork/http/status.hpp>

/// Why a message is refused: each is a constant with its status and one sentence for the client. The connection then
/// closes, because it is uncertain where the next message begins.
namespace prefork::http {

struct Refusal {
  Status status;
  std::string_view reason;
};

namespace refusals {

// Lines: RFC 9112 2.2, 5.2.
inline constexpr Refusal kBareLf{Status::bad_request, "A line ends in LF without CR."};
inline constexpr Refusal kBareCr{Status::bad_request, "A CR is not followed by LF."};
inline constexpr Refusal kControl{Status::bad_request, "The header holds a control character."};
inline constexpr Refusal kEmptyLines{Status::bad_request, "More than one empty line comes before the request line."};
inline constexpr Refusal kFold{Status::bad_request, "A field line begins with white space."};

// The request line: RFC 9112 3.
inline constexpr Refusal kLongLine{Status::uri_too_long, "The request line is too long."};
inline constexpr Refusal kMethod{Status::bad_request, "The request line does not begin with a method and one space."};
inline constexpr Refusal kTarget{Status::bad_request, "The request target is malformed."};
inline constexpr Refusal kVersion{Status::bad_request, "The request line does not end in an HTTP version."};
inline constexpr Refusal kMajorVersion{Status::version_not_supported, "Only HTTP/1.1 and HTTP/1.0 are supported."};
inline constexpr Refusal kConnect{Status::not_implemented, "CONNECT is not implemented."};
inline constexpr Refusal kStar{Status::bad_request, "The target * is for OPTIONS only."};
inline constexpr Refusal kPathEscape{Status::bad_request, "The path holds a malformed percent escape or %00."};

// Fields: RFC 9112 5, RFC 9110 5.
inline constexpr Refusal kFieldName{Status::bad_request, "A field line does not begin with a name and a colon."};
inline constexpr Refusal kManyFields{Status::header_fields_too_large, "There are too many header fields."};
inline constexpr Refusal kLongHeader{Status::header_fields_too_large, "The header section is too long."};
inline constexpr Refusal kNoHost{Status::bad_request, "The Host field is missing."};
inline constexpr Refusal kManyHosts{Status::bad_request, "There is more than one Host field."};
inline constexpr Refusal kHost{Status::bad_request, "The Host field is malformed."};
inline constexpr Refusal kExpect{Status::expectation_failed, "The only supported expectation is 100-continue."};

// Framing: RFC 9112 6, RFC 9110 8.6.
inline constexpr Refusal kManyLengths{Status::bad_request, "There is more than one Content-Length."};
inline constexpr Refusal kLength{Status::bad_request, "Content-Length is not a decimal number."};
inline constexpr Refusal kLongBody{Status::content_too_large, "The body is too long."};
inline constexpr Refusal kTwoFramings{Status::bad_request, "Transfer-Encoding comes together with Content-Length."};
inline constexpr Refusal kOldCoding{Status::bad_request, "Transfer-Encoding comes in an HTTP/1.0 message."};
inline constexpr Refusal kCodingOrder{Status::bad_request, "Transfer-Encoding does not end in one plain chunked."};
inline constexpr Refusal kCoding{Status::not_implemented, "Only the transfer coding chunked is implemented."};
inline constexpr Refusal kChunkSize{Status::bad_request, "A chunk size is malformed."};
inline constexpr Refusal kChunkExtension{Status::bad_request, "A chunk extension is malformed or too long."};
inline constexpr Refusal kChunkEnd{Status::bad_request, "A chunk does not end in CR LF."};
inline constexpr Refusal kSlowBody{Status::request_timeout, "The body did not arrive in time."};
inline constexpr Refusal kUnfinished{Status::bad_request, "The client closed before its body was complete."};
inline constexpr Refusal kTrailer{Status::bad_request, "The trailer section is malformed or too long."};

}  // namespace refusals
}  // namespace prefork::http
