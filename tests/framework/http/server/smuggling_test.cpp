// Goal: every spelling of a framing field is either read as what it says or refused. Each line here has been read
// differently by two servers in a row somewhere.
#include <gtest/gtest.h>

#include "tests/framework/http/wire/messages.hpp"

namespace prefork::http::test {
namespace {

struct Spelling {
  std::string fields;
  unsigned status;
};

// RFC 9110 8.6, RFC 9112 6.2, 6.3
const std::vector<Spelling> kLengths = {
    {"Content-Length: 5\r\nContent-Length: 5", 400},
    {"Content-Length: 5\r\nContent-Length: 6", 400},
    {"Content-Length: 5\r\ncontent-length: 0", 400},
    {"Content-Length: 5, 5", 400},
    {"Content-Length: 5,", 400},
    {"Content-Length: +5", 400},
    {"Content-Length: -5", 400},
    {"Content-Length: -0", 400},
    {"Content-Length: 5 5", 400},
    {"Content-Length: 0x5", 400},
    {"Content-Length: 5.0", 400},
    {"Content-Length: 5e0", 400},
    {"Content-Length: 1_0", 400},
    {"Content-Length: five", 400},
    {"Content-Length:", 400},
    {"Content-Length: \t", 400},
    {"Content-Length: \"5\"", 400},
    {"Content-Length: 5;", 400},
    {"Content-Length: \xd9\xa5", 400},
    {"Content-Length: 5\x0b", 400},
    {"Content-Length: 5\x0c", 400},
    {"Content-Length : 5", 400},
    {"Content-Length\t: 5", 400},
    {" Content-Length: 5", 400},
    {"Content-Length: 1\r\n 5", 400},
    {"Content-Length: 18446744073709551616", 400},
    {"Content-Length: 18446744073709551621", 400},
    {"Content-Length: 99999999999999999999999999", 400},
    {"Content-Length: 18446744073709551615", 413},
    {"Content-Length: 1001", 413},
    {"Content-Length: 00000000000000000000000005", 0},
    {"Content-Length:5", 0},
    {"Content-Length: \t5\t ", 0},
    {"X-Content-Length: 7\r\nContent-Length: 5", 0},
    {"Content_Length: 7\r\nContent-Length: 5", 0},
};

// RFC 9112 6.1, 6.3, 7
const std::vector<Spelling> kCodings = {
    {"Transfer-Encoding: chunked\r\nContent-Length: 5", 400},
    {"Content-Length: 5\r\nTransfer-Encoding: chunked", 400},
    {"Content-Length: 5\r\nTransfer-Encoding: identity", 400},
    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400},
    {"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 400},
    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400},
    {"Transfer-Encoding: chunked, chunked", 400},
    {"Transfer-Encoding: chunked, gzip", 400},
    {"Transfer-Encoding: chunked, identity", 400},
    {"Transfer-Encoding: chunked, gzip, chunked", 400},
    {"Transfer-Encoding: chunked;q=1, chunked", 400},
    {"Transfer-Encoding: gzip", 400},
    {"Transfer-Encoding: identity", 400},
    {"Transfer-Encoding: xchunked", 400},
    {"Transfer-Encoding: chunkedx", 400},
    {"Transfer-Encoding: chunked;a=b", 400},
    {"Transfer-Encoding: chunked ;a", 400},
    {"Transfer-Encoding: \"chunked\"", 400},
    {"Transfer-Encoding: 'chunked'", 400},
    {"Transfer-Encoding: chun ked", 400},
    {"Transfer-Encoding: ,chunked", 400},
    {"Transfer-Encoding: chunked,", 400},
    {"Transfer-Encoding: , ,chunked", 400},
    {"Transfer-Encoding:", 400},
    {"Transfer-Encoding: \t", 400},
    {"Transfer-Encoding: \x0b"
     "chunked",
     400},
    {"Transfer-Encoding: chunked\x0c", 400},
    {"Transfer-Encoding : chunked", 400},
    {"Transfer-Encoding\t:chunked", 400},
    {" Transfer-Encoding: chunked", 400},
    {"Transfer-Encoding:\r\n chunked", 400},
    {"Transfer-Encoding: x\nTransfer-Encoding: chunked", 400},
    {"Transfer-Encoding: x\rTransfer-Encoding: chunked", 400},
    {"Transfer-Encoding: \xc3\xa9, chunked", 501},
    {"Transfer-Encoding: gzip, chunked", 501},
    {"Transfer-Encoding: gzip;q=1 , CHUNKED", 501},
    {"Transfer-Encoding: identity, chunked", 501},
    {"Transfer-Encoding: chunked", 0},
    {"TRANSFER-ENCODING:CHUNKED", 0},
    {"Transfer-Encoding: \tchunked \t", 0},
    {"Transfer_Encoding: gzip\r\nTransfer-Encoding: chunked", 0},
};

TEST(Smuggling, ContentLength) {
  for (const Spelling& c : kLengths) {
    const Outcome outcome = parse_at_once(with_field(c.fields));
    EXPECT_EQ(outcome.status, c.status) << c.fields;
    EXPECT_EQ(outcome.result == ParseResult::complete, c.status == 0) << c.fields;
  }
}

TEST(Smuggling, TransferEncoding) {
  for (const Spelling& c : kCodings) {
    const Outcome outcome = parse_at_once(with_field(c.fields));
    EXPECT_EQ(outcome.status, c.status) << c.fields;
    EXPECT_EQ(outcome.result == ParseResult::complete, c.status == 0) << c.fields;
  }
}

// RFC 9112 6.1: a Transfer-Encoding in an HTTP/1.0 message is faulty framing.
TEST(Smuggling, TransferEncodingInOldVersion) {
  for (const Spelling& c : kCodings) {
    if (c.status != 0) continue;
    EXPECT_EQ(parse_at_once(with_field(c.fields, "POST / HTTP/1.0\r\n")).status, 400U) << c.fields;
  }
}

}  // namespace
}  // namespace prefork::http::test
