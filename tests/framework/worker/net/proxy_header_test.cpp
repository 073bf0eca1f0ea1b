#include "framework/worker/net/proxy_header.hpp"

#include <gtest/gtest.h>

#include <string>

namespace prefork::worker {
namespace {

std::string outcome(const std::string& bytes) {
  ProxyHeader header;
  switch (parse_proxy_header(bytes, header)) {
    case ProxyResult::incomplete:
      return "incomplete";
    case ProxyResult::malformed:
      return "malformed";
    case ProxyResult::complete:
      break;
  }
  return std::to_string(header.bytes) + " " + (header.peer ? header.peer->to_string() : "own");
}

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string binary(unsigned command, unsigned family, const std::string& rest) {
  return kSignature + static_cast<char>(command) + static_cast<char>(family) + static_cast<char>(rest.size() >> 8) +
         static_cast<char>(rest.size()) + rest;
}

const std::string kIpv4("\xc0\x00\x02\x07\x0a\x00\x00\x01\xc8\x33\x00\x50", 12);

TEST(ProxyHeader, Version1) {
  EXPECT_EQ(outcome("PROXY TCP4 192.0.2.7 10.0.0.1 51251 80\r\nGET /"), "40 192.0.2.7:51251");
  EXPECT_EQ(outcome("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"), "36 [2001:db8::1]:1");
  EXPECT_EQ(outcome("PROXY UNKNOWN\r\n"), "15 own");
  EXPECT_EQ(outcome("PROXY UNKNOWN ff:: anything 1 2\r\n"), "33 own");
}

TEST(ProxyHeader, Version2) {
  EXPECT_EQ(outcome(binary(0x21, 0x11, kIpv4) + "GET /"), "28 192.0.2.7:51251");
  EXPECT_EQ(outcome(binary(0x21, 0x11, kIpv4 + std::string(500, 't'))), "528 192.0.2.7:51251") << "with TLVs";
  const std::string ipv6 =
      "\x20\x01\x0d\xb8" + std::string(11, '\0') + "\x01" + std::string(16, '\0') + std::string("\xc8\x33\x00\x50", 4);
  EXPECT_EQ(outcome(binary(0x21, 0x21, ipv6)), "52 [2001:db8::1]:51251");
  EXPECT_EQ(outcome(binary(0x20, 0x11, kIpv4)), "28 own") << "LOCAL";
  EXPECT_EQ(outcome(binary(0x20, 0x00, "")), "16 own");
  EXPECT_EQ(outcome(binary(0x21, 0x00, "")), "16 own") << "AF_UNSPEC";
  EXPECT_EQ(outcome(binary(0x21, 0x31, std::string(216, 'x'))), "232 unix");
}

TEST(ProxyHeader, IsIncompleteUntilItsLastByte) {
  for (const std::string& whole :
       {std::string("PROXY TCP4 192.0.2.7 10.0.0.1 51251 80\r\n"), binary(0x21, 0x11, kIpv4)}) {
    for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_EQ(outcome(whole.substr(0, n)), "incomplete") << n;
  }
}

TEST(ProxyHeader, RefusesWhatIsNone) {
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\n"),
                                   std::string("PROXY TCP4 192.0.2.7 10.0.0.1 51251 80\n"),
                                   std::string("PROXY TCP4 192.0.2.7 10.0.0.1 51251\r\n"),
                                   std::string("PROXY TCP4 192.0.2.7 10.0.0.1 51251 80 \r\n"),
                                   std::string("PROXY TCP4 192.0.2 10.0.0.1 51251 80\r\n"),
                                   std::string("PROXY TCP4 ::1 ::1 51251 80\r\n"),
                                   std::string("PROXY TCP6 192.0.2.7 10.0.0.1 51251 80\r\n"),
                                   std::string("PROXY TCP4 192.0.2.7 10.0.0.1 65536 80\r\n"),
                                   std::string("PROXY TCP4 192.0.2.7 10.0.0.1 051 80\r\n"),
                                   std::string("PROXY TCP4  192.0.2.7 10.0.0.1 51 80\r\n"),
                                   std::string("PROXY SCTP 192.0.2.7 10.0.0.1 51 80\r\n"),
                                   std::string("proxy TCP4"),
                                   "PROXY UNKNOWN " + std::string(100, 'x'),
                                   binary(0x11, 0x11, kIpv4),
                                   binary(0x22, 0x11, kIpv4),
                                   binary(0x21, 0x41, kIpv4),
                                   binary(0x21, 0x13, kIpv4),
                                   binary(0x21, 0x11, kIpv4.substr(1)),
                                   binary(0x21, 0x21, kIpv4),
                                   binary(0x21, 0x11, std::string(2049, 'x')),
                                   std::string("\r\n\r\nGET")}) {
    EXPECT_EQ(outcome(bytes), "malformed") << bytes;
  }
}

}  // namespace
}  // namespace prefork::worker
