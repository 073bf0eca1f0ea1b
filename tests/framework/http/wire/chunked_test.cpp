#include "framework/http/wire/chunked.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace prefork::http {
namespace {

struct Decoded {
  unsigned status = 0;
  bool complete = false;
  std::string body;
  std::string rest;
  bool operator==(const Decoded&) const = default;
};

/// Decodes `body` behind a header section of 4 bytes, with the bytes arriving in two parts.
Decoded decode(const std::string& body, std::size_t cut, std::size_t step = 0) {
  std::string message = "head";
  ChunkedState state;
  state.raw = state.decoded_end = 4;
  Parsed parsed{ParseResult::incomplete, nullptr};
  std::size_t given = 0;
  while (given < body.size() && parsed.result == ParseResult::incomplete) {
    const std::size_t next = step != 0 ? std::min(given + step, body.size()) : (given < cut ? cut : body.size());
    message.append(body, given, next - given);
    given = next;
    parsed = decode_chunked(message, 4, 20, state);
  }
  Decoded result;
  if (parsed.result == ParseResult::refused) result.status = code(parsed.refusal->status);
  result.complete = parsed.result == ParseResult::complete;
  if (result.complete) {
    result.body = message.substr(4, state.decoded_end - 4);
    result.rest = message.substr(state.raw) + body.substr(given);
  }
  EXPECT_EQ(message.substr(0, 4), "head");
  return result;
}

Decoded decode(const std::string& body) { return decode(body, body.size()); }

struct Case {
  std::string bytes;
  std::string body;
  unsigned status;
};

// RFC 9112 7.1
const std::vector<Case> kCases = {
    {"0\r\n\r\n", "", 0},
    {"5\r\nhello\r\n0\r\n\r\n", "hello", 0},
    {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", 0},
    {"A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0},
    {"a\r\n0123456789\r\n00\r\n\r\n", "0123456789", 0},
    {"000000000000005\r\nhello\r\n0\r\n\r\n", "hello", 0},
    {"5;a=b\r\nhello\r\n0;c\r\n\r\n", "hello", 0},
    {"5 ; a = \"b\"\r\nhello\r\n0\r\n\r\n", "hello", 0},
    {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n", 0},
    {"0\r\nX-Sum: 1\r\nY: 2\r\n\r\n", "", 0},
    {"14\r\n01234567890123456789\r\n0\r\n\r\n", "01234567890123456789", 0},
    {"00000000000000000000005\r\nhello\r\n00000000000000000000\r\n\r\n", "hello", 0},
    {"15\r\n", "", 413},
    {"5\r\nhello\r\n10\r\n", "", 413},
    {"FFFFFFFFFFFFFFF\r\n", "", 413},
    {"10000000000000000\r\n", "", 400},
    {"\r\n", "", 400},
    {"x\r\n", "", 400},
    {"0x5\r\n", "", 400},
    {"+5\r\n", "", 400},
    {"-5\r\n", "", 400},
    {" 5\r\n", "", 400},
    {"5 5\r\n", "", 400},
    {"5;\r\n", "", 400},
    {"5;=a\r\n", "", 400},
    {"5\nhello\r\n", "", 400},
    {"5\rhello\r\n", "", 400},
    {"5\r\r\nhello\r\n", "", 400},
    {"5;a\nhello\r\n", "", 400},
    {"5\r\nhello\n0\r\n\r\n", "", 400},
    {"5\r\nhellox\r\n0\r\n\r\n", "", 400},
    {"5\r\nhello\rx", "", 400},
    {"5\r\nhello0\r\n\r\n", "", 400},
    {"0\r\nX: 1\n\r\n", "", 400},
    {"0\r\n X: 1\r\n\r\n", "", 400},
    {"0\r\nX : 1\r\n\r\n", "", 400},
    {"0\r\nX\r\n\r\n", "", 400},
    {"0\r\nContent-Length: 1\r\n\r\n", "", 400},
    {"0\r\nTransfer-Encoding: chunked\r\n\r\n", "", 400},
    {"0\r\nHost: h\r\n\r\n", "", 400},
    {"0\r\n\n", "", 400},
};

TEST(Chunked, DecodesOrRefuses) {
  for (const Case& c : kCases) {
    const Decoded decoded = decode(c.bytes + (c.status == 0 ? "next" : ""));
    EXPECT_EQ(decoded.status, c.status) << c.bytes;
    EXPECT_EQ(decoded.body, c.body) << c.bytes;
    EXPECT_EQ(decoded.complete, c.status == 0) << c.bytes;
    EXPECT_EQ(decoded.rest, c.status == 0 ? "next" : "") << c.bytes;
  }
}

TEST(Chunked, DoesNotDependOnHowTheBytesAreCut) {
  for (const Case& c : kCases) {
    const Decoded whole = decode(c.bytes);
    for (std::size_t cut = 1; cut < c.bytes.size(); ++cut) EXPECT_EQ(decode(c.bytes, cut), whole) << c.bytes << cut;
    EXPECT_EQ(decode(c.bytes, 0, 1), whole) << c.bytes;
  }
}

TEST(Chunked, LimitsExtensionsAndTrailers) {
  EXPECT_EQ(decode("1;" + std::string(1023, 'a')).status, 400U);
  std::string many;
  for (int i = 0; i < 20; ++i) many += "1;" + std::string(1000, 'a') + "\r\nx\r\n";
  EXPECT_EQ(decode(many).status, 400U);
  EXPECT_EQ(decode("0\r\nA: " + std::string(9000, 'a')).status, 400U);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 20; ++i) trailers += "A: " + std::string(1000, 'a') + "\r\n";
  EXPECT_EQ(decode(trailers).status, 400U);
}

}  // namespace
}  // namespace prefork::http
