#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "framework/http/wire/parser.hpp"

/// The messages that several tests share, with what the parser must say about each, and the section that requires it.
namespace prefork::http::test {

struct Message {
  std::string section;  ///< of the RFC
  std::string bytes;
  unsigned status;  ///< 0: valid
};

/// Small, so that a message can exceed them.
inline constexpr Limits kTestLimits{64, 256, 6, 1000};

std::vector<Message> valid_messages();
std::vector<Message> invalid_messages();

/// One more field line in an otherwise valid request.
inline std::string with_field(std::string_view line, std::string_view start = "POST / HTTP/1.1\r\nHost: h\r\n") {
  return std::string(start).append(line).append("\r\n\r\n");
}

/// A parsed message with everything that its head says, for comparison.
struct Outcome {
  ParseResult result = ParseResult::incomplete;
  unsigned status = 0;
  std::string text;  ///< the reason, or the head written out
  bool operator==(const Outcome&) const = default;
};

Outcome describe(const Parsed& parsed, const RequestHead& head);

/// Room for a head.
struct Room {
  Room() { head.fields = fields.data(); }
  std::vector<Header> fields = std::vector<Header>(200);
  RequestHead head;
};

Outcome parse_at_once(std::string_view bytes, const Limits& limits = kTestLimits);

}  // namespace prefork::http::test
