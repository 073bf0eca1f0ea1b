// Goal: a client that sends nothing, half a request, garbage or too much, or reads nothing, costs bounded memory, is
// closed at its deadline, and prevents nobody else from being answered.
#include <thread>

#include "tests/system/support/good_client.hpp"

namespace prefork::system_test {
namespace {

constexpr const char* kConfig = R"([pool main]
workers = 2
[service hello]
plugin = hello
listen = tcp://127.0.0.1:0
header-timeout = 700ms
keepalive-timeout = 900ms
write-timeout = 1s
[service echo]
plugin = echo
listen = tcp://127.0.0.1:0
listen = unix:{dir}/echo.sock
write-timeout = 1s
idle-timeout = 20s
[service bodies]
plugin = {plugins}/bodies.so
listen = tcp://127.0.0.1:0
body-timeout = 700ms
max-body-bytes = 1MiB
[pool classic]
workers = 2
[service greeter-classic]
plugin = greeter-classic
pool = classic
listen = tcp://127.0.0.1:0
write-timeout = 1s
idle-timeout = 1s
)";

bool ends_well(Server& server) {
  Client client(server.address("hello"));
  EXPECT_EQ(body_of(get(client)), "Hello, World!");
  EXPECT_EQ(count(server.log(), "killed by"), 0U);
  return server.stops_clean();
}

TEST(BadClients, SilentAndHalfRequestsMeetTheirDeadline) {
  Server server(kConfig);
  server.ready(4);
  auto good = std::make_unique<GoodClient>(server);
  const Address hello = server.address("hello");
  std::vector<Client> clients;
  for (const char* text :
       {"", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n", "GET / HTTP/1.1\r\nHost: x\r\nA:"}) {
    clients.emplace_back(hello);
    clients.back().send(text);
  }
  clients.emplace_back(hello);
  get(clients.back());  // then idle
  clients.emplace_back(server.address("bodies"));
  clients.back().send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  const auto start = std::chrono::steady_clock::now();
  for (auto& client : clients) EXPECT_TRUE(client.closed(10s));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 600ms);
  good.reset();
  EXPECT_TRUE(ends_well(server));
}

TEST(BadClients, ADripOfBytesDoesNotMoveTheHeaderDeadline) {
  Server server(kConfig);
  server.ready(4);
  Client client(server.address("hello"));
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: " + std::string(100'000, 'a');
  std::size_t at = 0;
  EXPECT_TRUE(eventually(
      [&] {
        std::size_t sent = 0;
        const bool fine = client.push(std::string_view(request).substr(at++, 1), sent);
        return !fine || !client.silent();
      },
      15s));
  EXPECT_LT(at, 32'000U) << "by its deadline, not by its size";
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(ends_well(server));
}

TEST(BadClients, GarbageIsRefused) {
  Server server(kConfig);
  server.ready(4);
  {
    const GoodClient good(server);
    const std::string binary("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15);
    for (const std::string& text :
         {binary, std::string("HELLO\r\n\r\n"), std::string("GET  / HTTP/1.1\r\n\r\n"), std::string("\0\0\0\0\n\n", 6),
          std::string("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")}) {
      Client client(server.address("hello"));
      client.send(text);
      const std::string answer = client.receive_to_end();
      EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 400 ")) << text;
      EXPECT_THAT(answer, testing::HasSubstr("Connection: close\r\n"));
    }
    Client large(server.address("bodies"));
    large.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n");
    EXPECT_THAT(large.receive_to_end(), testing::StartsWith("HTTP/1.1 413 "));
  }
  EXPECT_TRUE(ends_well(server));
}

TEST(BadClients, AHundredMegabytesOfGarbageForHello) {
  Server server(kConfig);
  server.ready(4);
  const long before = most_rss_kib(server);
  {
    const GoodClient good(server);
    const std::string chunk(1 << 20, 'x');
    for (int attempt = 0; attempt < 4; ++attempt) {
      Client client(server.address("hello"));
      std::size_t sent = 0;
      eventually([&] { return !client.push(chunk, sent) || sent >= (100U << 20); }, 10s);
      client.finish_sending();
      EXPECT_TRUE(client.closed());
    }
  }
  EXPECT_LT(most_rss_kib(server) - before, kMemoryFactor * 2048);
  EXPECT_TRUE(ends_well(server));
}

TEST(BadClients, AHundredMegabytesThroughEcho) {
  Server server(kConfig);
  server.ready(4);
  const long before = most_rss_kib(server);
  {
    const GoodClient good(server);
    Client client(server.address("echo"));
    const std::string chunk(1 << 20, 'x');
    std::thread writer([&] {
      for (int i = 0; i < 100; ++i) client.send(chunk);
      client.finish_sending();
    });
    std::size_t got = 0;
    for (std::string piece; !(piece = client.receive()).empty();) got += piece.size();
    writer.join();
    EXPECT_EQ(got, 100U << 20);
  }
  EXPECT_LT(most_rss_kib(server) - before, kMemoryFactor * 2048);
  EXPECT_TRUE(ends_well(server));
}

TEST(BadClients, WhoReadsNothingIsHeldBackAndClosed) {
  Server server(kConfig);
  server.ready(4);
  const long before = most_rss_kib(server);
  {
    const GoodClient good(server);
    const std::string chunk(1 << 20, 'x');
    for (const std::size_t nth : {0U, 1U}) {
      Client client(server.address("echo", nth), Client::Lag::small_window);
      std::size_t sent = 0;
      EXPECT_TRUE(eventually([&] { return !client.push(chunk, sent); }, 15s)) << "closed after write-timeout";
      EXPECT_LT(sent, 50U << 20) << "back-pressure";
    }
    Client pipeline(server.address("hello"), Client::Lag::small_window);
    std::string requests;
    for (int i = 0; i < 10'000; ++i) requests += "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    std::size_t sent = 0;
    EXPECT_TRUE(eventually([&] { return !pipeline.push(requests, sent); }, 15s)) << "pipelined and never read";
  }
  EXPECT_LT(most_rss_kib(server) - before, kMemoryFactor * 4096);
  EXPECT_TRUE(ends_well(server));
}

TEST(BadClients, ABlockingServiceHasDeadlinesToo) {
  Server server(kConfig);
  server.ready(4);
  Client silent(server.address("greeter-classic"));
  EXPECT_EQ(silent.receive_exactly(8), "Welcome!");
  Client deaf(server.address("greeter-classic"), Client::Lag::small_window);
  const std::string chunk(1 << 20, 'x');
  std::size_t sent = 0;
  EXPECT_TRUE(eventually([&] { return !deaf.push(chunk, sent); }, 15s));
  EXPECT_TRUE(silent.closed());
  EXPECT_EQ(Client(server.address("greeter-classic")).receive_exactly(8), "Welcome!");
  EXPECT_TRUE(ends_well(server));
}

TEST(BadClients, ResetsAtEveryMoment) {
  Server server(kConfig);
  server.ready(4);
  {
    const GoodClient good(server);
    const Address hello = server.address("hello"), echo = server.address("echo");
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    for (std::size_t i = 0; i < 200; ++i) {
      Client(hello).send(request.substr(0, i % (request.size() + 1))).reset();
      Client(echo).send(std::string(i * 300, 'x')).reset();
    }
  }
  EXPECT_TRUE(eventually([&] { return server.status()["totals"]["connections"] == 0; }));
  EXPECT_TRUE(ends_well(server));
}

}  // namespace
}  // namespace prefork::system_test
