// Goal: when the master is killed, every worker, even a stuck one, is gone within a second, and a new master starts at
// once on the same addresses and files.
#include <cstdio>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

std::string config() {
  const std::string host = own_host();
  return "[pool main]\nworkers = 4\n"
         "[service moody]\nplugin = {plugins}/moody.so\nlisten = unix:{dir}/moody.sock\n"
         "listen = tcp://" +
         host +
         ":7001\n"
         "[service echo]\nplugin = echo\nlisten = tcp://" +
         host + ":7002 reuseport\nlisten = udp://" + host +
         ":7002\n"
         "listen = unix:{dir}/echo.sock\nlisten = unix-dgram:{dir}/echo.dgram\n"
         "[pool classic]\nworkers = 2\n"
         "[service greeter-classic]\nplugin = greeter-classic\npool = classic\nlisten = tcp://" +
         host + ":7003\n";
}

// A second is promised; a busy machine needs longer.
constexpr milliseconds kGone{5000};

// How long the killed master's workers lived on.
milliseconds time_to_go(Process& old, std::chrono::steady_clock::time_point killed) {
  EXPECT_TRUE(old.group_gone());
  const auto time = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - killed);
  std::printf("workers gone after %d ms\n", static_cast<int>(time.count()));
  return time;
}

void serves(const Server& server) {
  for (std::size_t nth = 0; nth < 4; ++nth) {
    Client client(server.address("echo", nth));
    EXPECT_EQ(client.send("hi").receive_exactly(2), "hi") << server.address("echo", nth).text;
  }
  for (std::size_t nth = 0; nth < 2; ++nth) {
    Client client(server.address("moody", nth));
    client.send("pid\n").receive_until("\n");
  }
  EXPECT_EQ(Client(server.address("greeter-classic")).receive_exactly(8), "Welcome!");
}

void kill_and_restart(Server& server) {
  const auto killed = std::chrono::steady_clock::now();
  server.signal(SIGKILL);
  EXPECT_EQ(server.wait_exit(), -SIGKILL);
  const auto old = server.start();
  EXPECT_LT(time_to_go(*old, killed), kGone);
  server.ready(6);
  serves(server);
  EXPECT_TRUE(server.stops_clean());
}

TEST(MasterKill, IdleWorkersGo) {
  Server server(config());
  server.ready(6);
  serves(server);
  kill_and_restart(server);
}

TEST(MasterKill, WorkersWithClientsGo) {
  Server server(config());
  server.ready(6);
  Client idle(server.address("echo")), classic(server.address("greeter-classic")), slow(server.address("moody"));
  EXPECT_EQ(idle.send("hi").receive_exactly(2), "hi");
  EXPECT_EQ(classic.receive_exactly(8), "Welcome!");
  slow.send("pid\n").receive_until("\n");
  slow.send("slow\n");
  kill_and_restart(server);
  EXPECT_EQ(slow.receive_to_end(), "done\n") << "what takes less is finished";
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(classic.closed());
}

TEST(MasterKill, AStuckWorkerGoesToo) {
  Server server(config());
  server.ready(6);
  Client stuck(server.address("moody"));
  EXPECT_EQ(stuck.send("spin\n").receive_until("\n"), "spinning\n");
  kill_and_restart(server);
}

TEST(MasterKill, StoppedProcessesGoToo) {
  Server server("[service hello]\nplugin = hello\nlisten = tcp://" + own_host() +
                ":7004\naccess-log = {dir}/access.log\n[pool main]\nworkers = 2\n");
  server.ready(2);
  const auto children = children_of(server.pid());
  ASSERT_EQ(children.size(), 3U) << "two workers and the writer of the access log";
  for (const pid_t pid : children) ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  const auto killed = std::chrono::steady_clock::now();
  server.signal(SIGKILL);
  EXPECT_EQ(server.wait_exit(), -SIGKILL);
  const auto old = server.start();
  EXPECT_LT(time_to_go(*old, killed), kGone);
  server.ready(2);
  EXPECT_TRUE(server.stops_clean());
}

TEST(MasterKill, AWorkerThatHangsInItsStartGoesToo) {
  Server server(
      "[pool main]\nworkers = 2\n[service moody]\nplugin = {plugins}/moody.so\nmood = hang\n"
      "listen = tcp://127.0.0.1:0\n");
  ASSERT_TRUE(server.logged("listens on"));
  ASSERT_TRUE(eventually([&] { return children_of(server.pid()).size() == 2; }));
  ASSERT_TRUE(eventually([&] { return exists(server.control_path()); }));
  ASSERT_TRUE(eventually([&] {
    for (const auto& worker : server.worker_list()) {
      if (worker["serving"].get<std::string>().find("start") == std::string::npos) return false;
    }
    return true;
  }));
  const auto killed = std::chrono::steady_clock::now();
  server.signal(SIGKILL);
  EXPECT_EQ(server.wait_exit(), -SIGKILL);
  EXPECT_LT(time_to_go(server.process(), killed), kGone);
}

TEST(MasterKill, BetweenForkAndReady) {
  for (int i = 0; i < 10; ++i) {
    Server server(config());
    ASSERT_TRUE(eventually([&] { return server.process().group().size() > static_cast<std::size_t>(1 + i / 2); }));
    server.signal(SIGKILL);
    EXPECT_EQ(server.wait_exit(), -SIGKILL);
    EXPECT_TRUE(server.process().group_gone(2s));
  }
}

}  // namespace
}  // namespace prefork::system_test
