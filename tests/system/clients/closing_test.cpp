// Goal: a reload and a stop lose nothing that clients have sent before: clients in a backlog are served, even if its
// address goes away, and a client that sends requests without waiting gets all its answers.
#include <signal.h>

#include <atomic>
#include <thread>

#include "tests/system/support/good_client.hpp"

namespace prefork::system_test {
namespace {

constexpr std::size_t kWaiting = 20;
const std::string kAsk = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// Clients that have asked, and wait in the backlog of an address of which nobody takes now.
std::vector<Client> queue_up(const Address& address) {
  std::vector<Client> clients;
  for (std::size_t i = 0; i < kWaiting; ++i) clients.emplace_back(address).send(kAsk);
  return clients;
}

std::size_t served(std::vector<Client>& clients) {
  return static_cast<std::size_t>(std::count_if(clients.begin(), clients.end(), [](Client& client) {
    return client.receive_to_end().ends_with("\r\n\r\nHello, World!");
  }));
}

std::vector<pid_t> pause_workers(const Server& server) {
  const auto workers = server.workers();
  for (const pid_t pid : workers) ::kill(pid, SIGSTOP);
  return workers;
}

void go_on(const std::vector<pid_t>& workers) {
  for (const pid_t pid : workers) ::kill(pid, SIGCONT);
}

TEST(Closing, AReloadThatRemovesAnAddressServesWhoWaitsThere) {
  Server server(std::string(kWho) + "listen = tcp://127.0.0.1:0\nlisten = unix:{dir}/old.sock\n");
  server.ready(2);
  const auto old_ones = pause_workers(server);
  auto tcp = queue_up(server.address("hello", 1));
  auto unix_ones = queue_up(Address("unix:" + (server.dir() / "old.sock")));
  server.configure(kWho);
  ASSERT_EQ(server.ctl({"reload"}).code, 0) << server.log();
  EXPECT_EQ(greeting(server), "Hello, World!") << "the address that stays";
  go_on(old_ones);
  EXPECT_EQ(served(tcp), kWaiting);
  EXPECT_EQ(served(unix_ones), kWaiting);
  EXPECT_TRUE(eventually([&] { return server.workers().size() == 2; }));
  EXPECT_TRUE(server.stops_clean());
}

// The pool of the address is rolled before another, whose worker takes its time: until then clients come to it.
TEST(Closing, AnAddressThatGoesIsServedUntilTheReloadIsDone) {
  const std::string other =
      "[pool slow]\nworkers = 1\n[service late]\nplugin = {plugins}/who.so\npool = slow\nlisten = tcp://127.0.0.1:0\n";
  Server server(std::string(kWho) + "listen = tcp://127.0.0.1:0\n" + other);
  server.ready(3);
  const Address goes = server.address("hello", 1);
  server.configure(kWho + other);
  std::atomic<bool> over = false;
  std::thread reload([&] {
    EXPECT_EQ(server.ctl({"reload"}).code, 0) << server.log();
    over = true;
  });
  std::size_t asked = 0;
  while (!over) {
    try {
      Client client(goes);
      ++asked;
      const std::string answer = client.send(kAsk).receive_to_end();
      EXPECT_TRUE(over || answer.ends_with("Hello, World!")) << answer;
    } catch (const std::exception& error) {
      EXPECT_TRUE(eventually([&] { return over.load(); })) << "refused before the reload was done: " << error.what();
    }
  }
  reload.join();
  EXPECT_GT(asked, 0U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Closing, AStopServesWhoWaits) {
  Server server(kWho);
  server.ready(2);
  const auto workers = pause_workers(server);
  auto waiting = queue_up(server.address("hello"));
  server.signal(SIGTERM);
  EXPECT_TRUE(server.logged("stop"));
  go_on(workers);
  EXPECT_EQ(served(waiting), kWaiting);
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.left_nothing());
}

/// Sends sixteen requests at a time; reconnects after an answer that says that it is the last.
class Pipeliner {
 public:
  explicit Pipeliner(const Address& address) : address_(address), thread_([this] { work(); }) {}
  ~Pipeliner() {
    over_ = true;
    thread_.join();
    EXPECT_GT(answers_, 0U);
    EXPECT_EQ(lost_, 0U) << "of " << answers_;
  }
  Pipeliner(const Pipeliner&) = delete;
  Pipeliner& operator=(const Pipeliner&) = delete;

  std::size_t answers() const noexcept { return answers_; }

 private:
  static constexpr std::size_t kBatch = 16;

  void work() {
    std::string batch;
    for (std::size_t i = 0; i < kBatch; ++i) batch += "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    while (!over_) {
      Client client(address_);
      for (bool closes = false; !closes && !over_;) closes = ask(client, batch);
    }
  }
  /// @return whether the connection has ended
  bool ask(Client& client, const std::string& batch) {
    std::string all;
    std::size_t got = 0;
    try {
      client.send(batch);
      while (got < kBatch) {
        const std::string more = client.receive();
        if (more.empty()) break;
        all += more;
        got = count(all, "Hello, World!");
      }
    } catch (const std::exception&) {
    }
    answers_ += got;
    lost_ += kBatch - got;
    return got < kBatch || all.find("Connection: close") != std::string::npos;
  }

  Address address_;
  std::atomic<bool> over_ = false;
  std::atomic<std::size_t> answers_ = 0, lost_ = 0;
  std::thread thread_;
};

TEST(Closing, WhoDoesNotWaitForAnswersLosesNoneInAReload) {
  Server server(kWho);
  server.ready(2);
  {
    Pipeliner one(server.address("hello"));
    Pipeliner two(server.address("hello"));
    for (int generation = 2; generation < 6; ++generation) {
      const std::size_t before = one.answers() + two.answers();
      EXPECT_TRUE(eventually([&] { return one.answers() + two.answers() > before + 200; }));
      ASSERT_EQ(server.ctl({"reload"}).code, 0) << server.log();
    }
    EXPECT_TRUE(eventually([&] { return server.workers().size() == 2; })) << "the old ones are gone";
  }
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
