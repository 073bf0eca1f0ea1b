// Goal: each service in this repository does what its README says, over every kind of listener that it supports.
#include <unistd.h>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

std::string config(const std::string& plugin, const std::string& more = "") {
  return "[pool main]\nworkers = 2\n[service it]\nplugin = " + plugin + "\n" + more +
         "listen = tcp://127.0.0.1:0\nlisten = unix:{dir}/it.sock\n";
}

const std::string kDatagrams = "listen = udp://127.0.0.1:0\nlisten = unix-dgram:{dir}/it.dgram\n";

TEST(Services, Echo) {
  Server server(config("echo") + kDatagrams);
  server.ready(2);
  std::string large(1 << 20, 'x');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 % 251);
  for (std::size_t nth = 0; nth < 2; ++nth) {
    Client client(server.address("it", nth));
    std::string back;
    std::size_t sent = 0;
    while (back.size() < large.size()) {  // reads while it writes: nobody may wait for the other
      if (sent < large.size()) {
        ASSERT_TRUE(client.push(std::string_view(large).substr(sent, 50'000), sent));
      }
      if (!client.silent()) back += client.receive();
    }
    EXPECT_TRUE(back == large);
    client.finish_sending();
    EXPECT_TRUE(client.closed());
  }
  for (std::size_t nth = 2; nth < 4; ++nth) {
    Client client(server.address("it", nth));
    EXPECT_EQ(client.send(std::string(8000, 'y')).receive(), std::string(8000, 'y'));
  }
  Client empty(server.address("it", 2));
  ASSERT_EQ(::send(empty.fd(), "", 0, 0), 0);
  EXPECT_EQ(empty.receive(), "") << "an empty datagram is answered too";
  EXPECT_TRUE(server.stops_clean());
}

TEST(Services, Upper) {
  Server server(config("upper") + kDatagrams);
  server.ready(2);
  for (std::size_t nth = 0; nth < 4; ++nth) {
    Client client(server.address("it", nth));
    EXPECT_EQ(client
                  .send("gr\xc3\xbc\xc3\x9f"
                        "e, Welt 1")
                  .receive_exactly(15),
              "GR\xc3\xbc\xc3\x9f"
              "E, WELT 1");
  }
  EXPECT_TRUE(server.stops_clean());
}

void talk_to_greeter(const Address& address) {
  Client client(address);
  EXPECT_EQ(client.receive_exactly(8), "Welcome!");
  EXPECT_EQ(client.send("Ada\r\n").receive_exactly(11), "Hello, Ada!");
  EXPECT_EQ(client.send("Bob").receive_exactly(11), "Hello, Bob!");
  EXPECT_TRUE(client.send("exit\n").closed());
}

TEST(Services, Greeter) {
  Server server(config("greeter") + kDatagrams);
  server.ready(2);
  for (std::size_t nth = 0; nth < 2; ++nth) talk_to_greeter(server.address("it", nth));
  for (std::size_t nth = 2; nth < 4; ++nth) {
    Client client(server.address("it", nth));
    EXPECT_EQ(client.send("Ada\n").receive(), "Hello, Ada!");
  }
  EXPECT_TRUE(server.stops_clean());
}

TEST(Services, GreeterClassicServesAsManyAsThereAreWorkers) {
  Server server(config("greeter-classic"));
  server.ready(2);
  for (std::size_t nth = 0; nth < 2; ++nth) talk_to_greeter(server.address("it", nth));
  const Address address = server.address("it");
  Client first(address), second(address);
  EXPECT_EQ(first.receive_exactly(8), "Welcome!");
  EXPECT_EQ(second.receive_exactly(8), "Welcome!");
  EXPECT_TRUE(eventually([&] {
    for (const auto& worker : server.worker_list()) {
      if (worker["state"] != "busy" || worker["connections"] != 1) return false;
    }
    return true;
  }));
  Client third(address);
  EXPECT_EQ(first.send("Ada").receive_exactly(11), "Hello, Ada!");
  EXPECT_EQ(second.send("Bob").receive_exactly(11), "Hello, Bob!");
  EXPECT_TRUE(third.silent()) << "it waits in the backlog";
  EXPECT_TRUE(first.send("exit").closed());
  EXPECT_EQ(third.receive_exactly(8), "Welcome!");
  EXPECT_TRUE(server.stops_clean()) << "though two clients are still there";
}

TEST(Services, Hello) {
  Server server(config("hello"));
  server.ready(2);
  for (std::size_t nth = 0; nth < 2; ++nth) {
    Client client(server.address("it", nth));
    const std::string world = get(client);
    EXPECT_THAT(world, testing::StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(world, testing::HasSubstr("Content-Type: text/plain\r\n"));
    EXPECT_EQ(body_of(world), "Hello, World!");
    EXPECT_EQ(body_of(get(client, "/Ada")), "Hello, Ada!");
    EXPECT_EQ(body_of(get(client, "/%3Cb%3E%26")), "Hello, &lt;b&gt;&amp;!");
    EXPECT_THAT(get(client, "/a/b"), testing::StartsWith("HTTP/1.1 404 "));
  }
  EXPECT_TRUE(server.stops_clean());
}

TEST(Services, HelloAtAMount) {
  Server server(config("hello", "mount = /hello\n"));
  server.ready(2);
  Client client(server.address("it"));
  EXPECT_EQ(body_of(get(client, "/hello")), "Hello, World!");
  EXPECT_EQ(body_of(get(client, "/hello/")), "Hello, World!");
  EXPECT_EQ(body_of(get(client, "/hello/Ada")), "Hello, Ada!");
  EXPECT_THAT(get(client, "/"), testing::StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get(client, "/helloAda"), testing::StartsWith("HTTP/1.1 404 "));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Services, TwoHttpServicesShareAListener) {
  const std::string host = own_host();
  Server server("[pool main]\nworkers = 2\n[service a]\nplugin = hello\nlisten = tcp://" + host +
                ":7005\n"
                "[service b]\nplugin = {plugins}/bodies.so\nmount = /b\nlisten = tcp://" +
                host + ":7005\n");
  server.ready(2);
  Client client(Address("tcp://" + host + ":7005"));
  EXPECT_EQ(body_of(get(client, "/Ada")), "Hello, Ada!");
  EXPECT_EQ(body_of(get(client, "/b/slow")), "late\n");
  EXPECT_EQ(server.status()["listeners"].size(), 2U) << "one socket, two services";
  EXPECT_TRUE(server.stops_clean());
}

TEST(Services, PipelinedRequestsAreAnsweredInOrder) {
  Server server(config("hello"));
  server.ready(2);
  Client client(server.address("it"));
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += "GET /n" + std::to_string(i) + " HTTP/1.1\r\nHost: t\r\n\r\n";
  client.send(requests);
  for (int i = 0; i < 100; ++i) {
    const std::string end = "Hello, n" + std::to_string(i) + "!";
    EXPECT_THAT(client.receive_until(end), testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  EXPECT_EQ(server.status()["totals"]["requests"], 100);
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
