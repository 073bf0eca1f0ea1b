#include "framework/cli/ctl_client.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

namespace prefork::cli {
namespace {

using namespace std::chrono_literals;
using Outcome = CtlClient::Outcome;

// The client at one end of a pair; the test, or a thread of it, is the master at the other.
struct Pair {
  Pair() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    client = CtlClient(ipc::UniqueFd(fds[0]));
    master.reset(fds[1]);
  }
  void say(std::string_view text) const {
    EXPECT_EQ(::send(master.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // Blocks until a line is there.
  std::string hear() const {
    std::string line;
    for (char c = 0; c != '\n' && ::recv(master.get(), &c, 1, 0) == 1;) line += c;
    return line;
  }

  CtlClient client{ipc::UniqueFd()};
  ipc::UniqueFd master;
};

CtlClient::Clock::time_point soon() { return CtlClient::Clock::now() + 20s; }

TEST(CtlClient, AsksALineAndReadsALine) {
  Pair pair;
  pair.say("{\"ok\":true}\n");
  const auto reply = pair.client.ask("status", soon());
  EXPECT_EQ(reply.outcome, Outcome::answered);
  EXPECT_EQ(reply.line, "{\"ok\":true}");
  EXPECT_EQ(pair.hear(), "status\n");
}

TEST(CtlClient, ALongAnswerInPieces) {
  Pair pair;
  const std::string piece(100'000, 'x');
  std::thread master([&] {
    EXPECT_EQ(pair.hear(), "status\n");
    for (int i = 0; i < 20; ++i) {
      for (std::string_view left = piece; !left.empty();) {
        const ssize_t sent = ::send(pair.master.get(), left.data(), left.size(), MSG_NOSIGNAL);
        ASSERT_GT(sent, 0);
        left.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
    pair.say("\n");
  });
  const auto reply = pair.client.ask("status", soon());
  master.join();
  EXPECT_EQ(reply.outcome, Outcome::answered);
  EXPECT_EQ(reply.line.size(), 20 * piece.size());
}

TEST(CtlClient, TwoAnswersInOnePiece) {
  Pair pair;
  pair.say("one\ntwo\n");
  EXPECT_EQ(pair.client.ask("a", soon()).line, "one");
  EXPECT_EQ(pair.client.ask("b", soon()).line, "two");
}

TEST(CtlClient, ClosedBeforeTheAnswer) {
  Pair pair;
  pair.say("{\"ok\":tr");
  pair.master.reset();
  EXPECT_EQ(pair.client.ask("status", soon()).outcome, Outcome::closed);
}

TEST(CtlClient, ARefusalIsReadThoughNobodyReadsTheCommand) {
  Pair pair;
  pair.say("{\"ok\":false}\n");
  pair.master.reset();
  const auto reply = pair.client.ask("status", soon());
  EXPECT_EQ(reply.outcome, Outcome::answered);
  EXPECT_EQ(reply.line, "{\"ok\":false}");
}

TEST(CtlClient, ADeadlineThatHasPassed) {
  Pair pair;
  EXPECT_EQ(pair.client.ask("status", CtlClient::Clock::now()).outcome, Outcome::timed_out);
  EXPECT_EQ(pair.client.ask("status", CtlClient::Clock::now() + 20ms).outcome, Outcome::timed_out);
  EXPECT_FALSE(pair.client.wait_closed(CtlClient::Clock::now()));
}

TEST(CtlClient, StopWaitsUntilTheMasterIsGone) {
  Pair pair;
  std::thread master([&] {
    EXPECT_EQ(pair.hear(), "stop\n");
    pair.say("{\"ok\":true}\n");
    pair.say("late words\n");
    pair.master.reset();
  });
  EXPECT_EQ(pair.client.ask("stop", soon()).outcome, Outcome::answered);
  EXPECT_TRUE(pair.client.wait_closed(std::nullopt));
  master.join();
}

TEST(CtlClient, AMasterThatDiesWithUnreadInputIsGoneToo) {
  Pair pair;
  pair.say("ok\n");
  EXPECT_EQ(pair.client.ask("stop", soon()).line, "ok");
  pair.master.reset();  // the command was never read: ECONNRESET
  EXPECT_TRUE(pair.client.wait_closed(soon()));
}

struct CtlConnect : testing::Test {
  CtlConnect() { EXPECT_NE(::mkdtemp(folder.data()), nullptr); }
  ~CtlConnect() override {
    ::unlink(path().c_str());
    ::rmdir(folder.c_str());
  }
  std::string path() const { return folder + "/control.sock"; }
  ipc::UniqueFd listener() const {
    ipc::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  int error_of_connect(const std::string& where, std::chrono::milliseconds patience = 20s) const {
    try {
      (void)CtlClient::connect(where, patience);
    } catch (const std::system_error& error) {
      return error.code().value();
    }
    return 0;
  }

  std::string folder = "/tmp/ctl_client_test_XXXXXX";
};

TEST_F(CtlConnect, ReachesAListener) {
  const auto fd = listener();
  ASSERT_EQ(::listen(fd.get(), 1), 0);
  auto client = CtlClient::connect(path(), 20s);
  ipc::UniqueFd peer(::accept(fd.get(), nullptr, nullptr));
  ASSERT_TRUE(peer.is_open());
  ASSERT_EQ(::send(peer.get(), "hi\n", 3, MSG_NOSIGNAL), 3);
  EXPECT_EQ(client.ask("status", soon()).line, "hi");
}

TEST_F(CtlConnect, SaysWhyNot) {
  EXPECT_EQ(error_of_connect(path()), ENOENT);
  const auto fd = listener();
  EXPECT_EQ(error_of_connect(path()), ECONNREFUSED) << "a file that a dead master left";
  EXPECT_EQ(error_of_connect(path() + std::string(200, 'x')), ENAMETOOLONG);
}

TEST_F(CtlConnect, AFullBacklogIsNotWaitedForLongerThanPatience) {
  const auto fd = listener();
  ASSERT_EQ(::listen(fd.get(), 0), 0);
  auto first = CtlClient::connect(path(), 20s);  // a backlog of 0 holds one
  EXPECT_EQ(error_of_connect(path(), 10ms), EAGAIN);
}

}  // namespace
}  // namespace prefork::cli
