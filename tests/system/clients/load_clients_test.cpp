// Goal: common load clients report no errors, and workers share the load evenly.
#include <algorithm>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

constexpr const char* kConfig = R"([pool main]
workers = 4
[service hello]
plugin = hello
listen = tcp://127.0.0.1:0
listen = unix:{dir}/hello.sock
[service greeter]
plugin = greeter
listen = tcp://127.0.0.1:0
listen = udp://127.0.0.1:0
)";

void expect_no_failure(const Outcome& ab, int requests) {
  EXPECT_EQ(ab.code, 0) << ab.err;
  const auto has = [&](const std::string& line) { return count(ab.out, line) == 1; };
  EXPECT_TRUE(has("Complete requests:      " + std::to_string(requests) + "\n")) << ab.out;
  EXPECT_TRUE(has("Failed requests:        0\n")) << ab.out;
  EXPECT_FALSE(has("Non-2xx")) << ab.out;
}

TEST(LoadClients, ApacheBench) {
  SKIP_UNLESS_HAVE("ab");
  Server server(kConfig);
  server.ready(4);
  const std::string url = server.address("hello").http("/");
  expect_no_failure(run({{"ab", "-q", "-k", "-c", "64", "-n", "20000", url}}), 20'000);
  expect_no_failure(run({{"ab", "-q", "-c", "32", "-n", "3000", url}}), 3'000);
  const Json totals = server.status()["totals"];
  EXPECT_EQ(totals["requests"], 23'000);
  EXPECT_TRUE(eventually([&] { return server.status()["totals"]["connections"] == 0; }));
  EXPECT_EQ(server.status()["restarts"].size(), 0U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(LoadClients, Wrk) {
  SKIP_UNLESS_HAVE("wrk");
  Server server(kConfig);
  server.ready(4);
  const Outcome wrk = run({{"wrk", "-d1s", "-c64", "-t1", server.address("hello").http("/")}});
  EXPECT_EQ(wrk.code, 0);
  EXPECT_EQ(count(wrk.out, "Socket errors"), 0U) << wrk.out;
  EXPECT_EQ(count(wrk.out, "Non-2xx"), 0U) << wrk.out;
  EXPECT_EQ(count(wrk.out, "Requests/sec"), 1U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(LoadClients, H2loadPipelines) {
  SKIP_UNLESS_HAVE("h2load");
  Server server(kConfig);
  server.ready(4);
  const Outcome h2load =
      run({{"h2load", "--h1", "-n", "100000", "-c", "16", "-m", "16", "-t", "1", server.address("hello").http("/")}});
  EXPECT_EQ(h2load.code, 0) << h2load.err;
  EXPECT_THAT(h2load.out, testing::HasSubstr("100000 succeeded, 0 failed, 0 errored, 0 timeout\n"));
  EXPECT_THAT(h2load.out, testing::HasSubstr("status codes: 100000 2xx, 0 3xx, 0 4xx, 0 5xx\n"));
  EXPECT_EQ(server.status()["totals"]["requests"], 100'000);
  EXPECT_TRUE(server.stops_clean());
}

TEST(LoadClients, Curl) {
  SKIP_UNLESS_HAVE("curl");
  Server server(kConfig);
  server.ready(4);
  const auto curl = [&](std::vector<std::string> words, const std::string& path = "/") {
    words.insert(words.begin(), {"curl", "-s", "-S", "-m", "20"});
    words.push_back(server.address("hello").http(path));
    return run({words});
  };
  EXPECT_EQ(curl({}).out, "Hello, World!");
  EXPECT_EQ(curl({"--http1.0"}).out, "Hello, World!");
  EXPECT_EQ(curl({"--unix-socket", server.dir() / "hello.sock"}).out, "Hello, World!");
  const Outcome head = curl({"-I"});
  EXPECT_EQ(head.code, 0) << head.err;
  EXPECT_THAT(head.out, testing::HasSubstr("Content-Length: 13\r\n"));
  EXPECT_THAT(head.out, testing::EndsWith("\r\n\r\n"));
  const std::vector<std::string> code{"-o", "/dev/null", "-w", "%{http_code}"};
  EXPECT_EQ(curl(code, "/a/b").out, "404");
  EXPECT_EQ(curl(code, "/Ada").out, "200");
  const Outcome post = curl({"-i", "-d", "x=1"});
  EXPECT_THAT(post.out, testing::StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(post.out, testing::HasSubstr("\r\nAllow: "));
  const std::string url = server.address("hello").http("/");
  EXPECT_EQ(run({{"curl", "-s", "-S", url, url, url, "-w", "%{num_connects}"}}).out,
            "Hello, World!1Hello, World!0Hello, World!0")
      << "one connection for all";
  EXPECT_TRUE(server.stops_clean());
}

TEST(LoadClients, Netcat) {
  SKIP_UNLESS_HAVE("nc");
  Server server(kConfig);
  server.ready(4);
  const Address tcp = server.address("greeter"), udp = server.address("greeter", 1);
  const Outcome talk = run({{"sh", "-c", "printf 'Ada\\n' | nc -N -w 5 127.0.0.1 " + tcp.port()}});
  EXPECT_EQ(talk.out, "Welcome!Hello, Ada!");
  const Outcome datagram = run({{"sh", "-c", "printf Ada | nc -u -W 1 -w 5 127.0.0.1 " + udp.port()}});
  EXPECT_EQ(datagram.out, "Hello, Ada!");
  EXPECT_TRUE(server.stops_clean());
}

TEST(LoadClients, FourWorkersShareEightHundredConnections) {
  Server server(kConfig);
  server.ready(4);
  const Address address = server.address("hello");
  std::vector<Client> clients;
  for (int i = 0; i < 800; ++i) clients.emplace_back(address);
  ASSERT_TRUE(eventually([&] { return server.status()["totals"]["connections"] == 800; }));
  for (auto& client : clients) ASSERT_EQ(body_of(get(client)), "Hello, World!");
  const Json answer = Json::parse(server.ctl({"workers", "--json"}).out);
  for (const auto& worker : answer["workers"]) {
    EXPECT_GE(worker["connections"], 180) << answer;
    EXPECT_LE(worker["connections"], 220) << answer;
  }
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
