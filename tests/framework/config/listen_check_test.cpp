#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "framework/config/listen.hpp"
#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::sentence_of;

ServiceOptions service(const std::string& name, const std::vector<std::string>& addresses,
                       const std::string& pool = "main") {
  ServiceOptions options;
  options.name = name;
  options.pool = pool;
  for (const auto& address : addresses) {
    options.listeners.push_back(parse_listen(address));
    options.listeners.back().origin.text = name + ":" + std::to_string(options.listeners.size());
  }
  return options;
}

// Services whose names begin with "web" may share, unless the names end alike.
std::string object(const ServiceOptions& first, const ServiceOptions& second) {
  if (!first.name.starts_with("web") || !second.name.starts_with("web")) return ", and they are no webs";
  return first.name.back() == second.name.back() ? ", with the same end" : "";
}

TEST(ListenCheck, OneServiceListsAnAddressOnce) {
  const std::vector<std::pair<std::string, std::string>> same{
      {"tcp://127.0.0.1:80", "tcp://127.0.0.1:080"},
      {"tcp://*:80", "tcp://0.0.0.0:80"},
      {"tcp://[::1]:80", "tcp://[0:0::1]:80 nodelay=off"},
      {"tcp://Host:80", "tcp://host:80"},
      {"unix:/run/x", "unix:/run/./y/../x"},
      {"unix:/run/x", "unix-dgram:/run/x"},
      {"fd:web", "fd-dgram:web"},
  };
  for (const auto& [a, b] : same) {
    const std::string address = b.substr(0, b.find(' '));
    EXPECT_EQ(sentence_of([&] {
                check_own_listeners(service("s", {a, b}));
              }),
              "s:2: [service s] listens on " + address + " twice; first at s:1");
  }
}

TEST(ListenCheck, DifferentAddressesAreFine) {
  EXPECT_EQ(sentence_of([] {
              check_own_listeners(service("s", {"tcp://127.0.0.1:80", "udp://127.0.0.1:80", "tcp://127.0.0.1:81",
                                                "tcp://127.0.0.2:80", "unix:/a", "unix:/b", "tcp://*:0", "tcp://*:0"}));
            }),
            "(nothing)");
}

TEST(ListenCheck, TwoServicesShareUnlessSomethingIsAgainstIt) {
  const auto check = [](const std::vector<ServiceOptions>& services) {
    return sentence_of([&] { check_shared_listeners(services, object); });
  };
  const std::string address = "tcp://127.0.0.1:80";
  EXPECT_EQ(check({service("web1", {address}), service("web2", {address})}), "(nothing)");
  EXPECT_EQ(check({service("a", {address}), service("b", {"tcp://127.0.0.1:81"})}), "(nothing)");
  EXPECT_EQ(check({service("a", {"tcp://*:0"}), service("b", {"tcp://*:0"})}), "(nothing)");
  EXPECT_EQ(check({service("a", {address}), service("b", {address})}),
            "b:1: [service b] listens on tcp://127.0.0.1:80, as does [service a] at a:1, and they are no webs");
  EXPECT_EQ(check({service("web", {address}), service("b", {address})}),
            "b:1: [service b] listens on tcp://127.0.0.1:80, as does [service web] at web:1, and they are no webs");
}

TEST(ListenCheck, EveryTwoOfThoseThatShareAreLookedAt) {
  const std::string address = "tcp://127.0.0.1:80";
  EXPECT_EQ(sentence_of([&] {
              check_shared_listeners({service("web1", {address}), service("web2", {"unix:/x", address}),
                                      service("web3", {address}), service("web-2", {address})},
                                     object);
            }),
            "web-2:1: [service web-2] listens on tcp://127.0.0.1:80, as does [service web2] at web2:2, with the same "
            "end");
}

TEST(ListenCheck, WhoSharesMustAgree) {
  const auto check = [](const std::vector<ServiceOptions>& services) {
    return sentence_of([&] { check_shared_listeners(services, object); });
  };
  EXPECT_EQ(check({service("web1", {"unix:/x"}), service("web2", {"unix:/x mode=0600"})}),
            "web2:1: [service web2] listens on unix:/x, as does [service web1] at web1:1 with other options");
  EXPECT_EQ(check({service("web1", {"unix:/x"}), service("web2", {"unix:/x"}, "other")}),
            "web2:1: [service web2] listens on unix:/x, as does [service web1] at web1:1, and they are in different "
            "pools");
}

}  // namespace
}  // namespace prefork::config
