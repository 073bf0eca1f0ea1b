#include "framework/http/wire/authority.hpp"

#include <gtest/gtest.h>

namespace prefork::http {
namespace {

// RFC 3986 3.2.2, 3.2.3, RFC 9110 7.2
TEST(Authority, Accepts) {
  for (const char* text : {"h",
                           "example.org",
                           "EXAMPLE.org:80",
                           "127.0.0.1:8080",
                           "a-b_c~d!$&'()*+,;=",
                           "%41b",
                           "a%2Fb:1",
                           "h:",
                           "h:0",
                           "h:65535",
                           "h:00080",
                           "[::]",
                           "[::1]:80",
                           "[2001:db8::1]",
                           "[1:2:3:4:5:6:7:8]",
                           "[1:2:3:4:5:6:1.2.3.4]",
                           "[::ffff:192.0.2.1]",
                           "[1::]",
                           "[1:2:3:4:5:6:7::]",
                           "[v1.a:b]",
                           "[VF.~]"})
    EXPECT_TRUE(is_authority(text)) << text;
}

TEST(Authority, Refuses) {
  for (const char* text : {"",
                           ":80",
                           "a b",
                           "a/b",
                           "a?b",
                           "u@h",
                           "h:80a",
                           "h:+80",
                           "h:65536",
                           "h:80:80",
                           "h:-1",
                           "%4",
                           "%zz",
                           "a%",
                           "[",
                           "[]",
                           "[::1",
                           "::1",
                           "[::1]80",
                           "[::1]a",
                           "[:::]",
                           "[1::2::3]",
                           "[1:2:3:4:5:6:7]",
                           "[1:2:3:4:5:6:7:8:9]",
                           "[12345::]",
                           "[g::]",
                           "[1:2:3:4:5:6:7:1.2.3.4]",
                           "[::1.2.3]",
                           "[::1.2.3.256]",
                           "[::01.2.3.4]",
                           "[1.2.3.4::]",
                           "[v.a]",
                           "[v1.]",
                           "[1:2:3:4::5:6:7:8]",
                           "[fe80::1%25eth0]",
                           "h\"",
                           "h<",
                           "[127.0.0.1]",
                           "a\\b",
                           "[:1:2:3:4:5:6:7]",
                           "[1:2:3:4:5:6:7:]"})
    EXPECT_FALSE(is_authority(text)) << text;
}

}  // namespace
}  // namespace prefork::http
