// Goal: pipelined requests for files are answered in their order; they cost bounded memory, and a client that reads no
// answers is cut off.
#include <filesystem>
#include <thread>

#include "tests/system/support/good_client.hpp"

namespace prefork::system_test {
namespace {

class Pipelining : public testing::Test {
 protected:
  Pipelining() {
    std::filesystem::permissions(site_.path(), std::filesystem::perms(0755));
    write_file(site_ / "small", "a text\n");
    server_.emplace("[pool main]\nworkers = 1\n[service files]\nplugin = static\nlisten = tcp://127.0.0.1:0\nroot = " +
                    site_.path() +
                    "\ncache-file = 0\nwrite-timeout = 1s\naccess-log = {dir}/files.log\naccess-log-format = %s%X\n");
    server_->ready(1);
  }

  TempDir site_;
  std::optional<Server> server_;
};

TEST_F(Pipelining, TakesNoMoreRequestsThanItAnswers) {
  constexpr int kRequests = 8000;
  const std::string request = "GET /small HTTP/1.1\r\nHost: x\r\nX: " + std::string(4000, 'x') + "\r\n\r\n";
  const long before = most_rss_kib(*server_);
  Client client(server_->address("files"));
  std::thread sender([&] {
    std::string requests;
    for (int i = 0; i < kRequests; ++i) requests += request;
    client.send(requests);
    client.finish_sending();
  });
  const std::string answers = client.receive_to_end();
  sender.join();
  EXPECT_EQ(count(answers, "\r\n\r\na text\n"), std::size_t{kRequests});
  EXPECT_LT(most_rss_kib(*server_) - before, kMemoryFactor * 4096) << "32 MiB were sent";
  EXPECT_TRUE(server_->stops_clean());
}

TEST_F(Pipelining, CutsOffWhoReadsNothing) {
  std::string requests;
  for (int i = 0; i < 100'000; ++i) requests += "GET /small HTTP/1.1\r\nHost: x\r\n\r\n";
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(server_->address("files"), Client::Lag::small_window);
    std::size_t sent = 0;
    clients.back().push(requests, sent);
  }
  EXPECT_TRUE(eventually([&] { return server_->status()["totals"]["accepted"] == clients.size(); }));
  EXPECT_TRUE(eventually([&] { return server_->status()["totals"]["connections"] == 0; }));
  EXPECT_TRUE(server_->stops_clean());
  EXPECT_EQ(count(read_file(server_->dir() / "files.log"), "200X\n"), clients.size());
}

}  // namespace
}  // namespace prefork::system_test
