#include "framework/http/message/forwarded.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace prefork::http {
namespace {

TEST(Networks, HoldAddresses) {
  const Networks networks("10.0.0.0/8, 192.0.2.7 2001:db8::/33,unix\t172.16.0.0/12");
  for (const char* inside : {"10.255.0.1", "10.0.0.1:80", "192.0.2.7", "[2001:db8::1]:443", "2001:db8:7fff::", "unix",
                             "172.31.255.255", "::ffff:10.1.2.3"}) {
    EXPECT_TRUE(networks.contains(inside)) << inside;
  }
  for (const char* outside : {"11.0.0.1", "192.0.2.8", "2001:db8:8000::", "172.32.0.0", "", "10.0.0", "10.0.0.1:x",
                              "localhost", "[10.0.0.1", "[::1]", "10.0.0.1:123456"}) {
    EXPECT_FALSE(networks.contains(outside)) << outside;
  }
  EXPECT_TRUE(Networks("0.0.0.0/0").contains("1.2.3.4"));
  EXPECT_FALSE(Networks("0.0.0.0/0").contains("2001:db8::1")) << "all of IPv4 only";
  EXPECT_TRUE(Networks("::/0").contains("1.2.3.4"));
  EXPECT_TRUE(Networks("").empty());
}

TEST(Networks, RefuseWhatIsNone) {
  for (const char* list : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "example.org", "2001:db8::/129",
                           "10.0.0.1:80", "/8"}) {
    EXPECT_THROW(Networks{list}, std::invalid_argument) << list;
  }
}

struct Case {
  const char* peer;
  std::vector<std::string_view> forwarded;
  std::vector<std::string_view> older;
  const char* client;
  bool secure = false;
};

TEST(Forwarded, IsBelievedAsFarAsItIsTrusted) {
  const Networks trusted("10.0.0.0/8 unix");
  const std::vector<Case> cases = {
      {"10.0.0.1:99", {}, {}, "10.0.0.1:99"},
      {"192.0.2.1:99", {"for=1.2.3.4"}, {"1.2.3.4"}, "192.0.2.1:99"},
      {"10.0.0.1:99", {"for=1.2.3.4;proto=https"}, {"5.6.7.8"}, "1.2.3.4", true},
      {"unix", {"For=\"[2001:db8::1]:4711\""}, {}, "[2001:db8::1]:4711"},
      {"10.0.0.1:99", {"for=6.6.6.6, for=1.2.3.4"}, {}, "1.2.3.4"},
      {"10.0.0.1:99", {"for=6.6.6.6", "for=1.2.3.4, for=10.0.0.2"}, {}, "1.2.3.4"},
      {"10.0.0.1:99", {"for=1.2.3.4;proto=https, for=10.0.0.2;proto=http"}, {}, "1.2.3.4", true},
      {"10.0.0.1:99", {"for=6.6.6.6, for=unknown"}, {}, "10.0.0.1:99"},
      {"10.0.0.1:99", {"for=_hidden"}, {}, "10.0.0.1:99"},
      {"10.0.0.1:99", {"for=\"1.2.3.4, for=6.6.6.6"}, {}, "10.0.0.1:99"},
      {"10.0.0.1:99", {"by=x;host=y"}, {"1.2.3.4"}, "10.0.0.1:99"},
      {"10.0.0.1:99", {}, {"6.6.6.6, 1.2.3.4, 10.0.0.2"}, "1.2.3.4"},
      {"10.0.0.1:99", {}, {"1.2.3.4:567"}, "1.2.3.4:567"},
      {"10.0.0.1:99", {}, {"2001:db8::1"}, "2001:db8::1"},
      {"10.0.0.1:99", {}, {"6.6.6.6, nonsense"}, "10.0.0.1:99"},
      {"10.0.0.1:99", {}, {""}, "10.0.0.1:99"},
      {"10.0.0.1:99", {}, {"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
  };
  for (const Case& each : cases) {
    const ForwardedClient client = forwarded_client(each.peer, {each.forwarded, each.older, {}}, trusted);
    const auto said = each.forwarded.empty() ? each.older : each.forwarded;
    EXPECT_EQ(client.address, each.client) << (said.empty() ? "" : said[0]);
    EXPECT_EQ(client.secure, each.secure) << (said.empty() ? "" : said[0]);
  }
}

TEST(Forwarded, TakesTheOlderScheme) {
  const Networks trusted("10.0.0.0/8");
  const auto secure = [&](std::vector<std::string_view> addresses, std::vector<std::string_view> protos) {
    return forwarded_client("10.0.0.1:99", {{}, std::move(addresses), std::move(protos)}, trusted).secure;
  };
  EXPECT_TRUE(secure({"1.2.3.4"}, {"https"}));
  EXPECT_TRUE(secure({}, {"HTTPS"}));
  EXPECT_FALSE(secure({"1.2.3.4"}, {"http"}));
  EXPECT_TRUE(secure({"1.2.3.4, 10.0.0.2"}, {"https, http"}));
  EXPECT_FALSE(forwarded_client("192.0.2.1:1", {{}, {}, {"https"}}, trusted).secure);
}

}  // namespace
}  // namespace prefork::http
