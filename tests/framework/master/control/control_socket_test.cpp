#include "framework/master/control/control_socket.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "framework/master/loop/startup_error.hpp"
#include "tests/ipc/posix/refused_call.hpp"
#include "tests/ipc/support.hpp"

// Root may do everything, so root can't test that a peer of another user is refused.
namespace prefork::master {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ControlSocketTest : public testing::Test {
 protected:
  ipc::UniqueFd connect() {
    ipc::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    ipc::check_syscall(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
    return fd;
  }
  void turn() { reactor.wait(Clock::now() + 1ms); }
  static void send(const ipc::UniqueFd& client, std::string_view text) {
    ASSERT_EQ(::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  /// Turns until this many lines have come, or the end of the stream, recorded as "<end>".
  std::string answers(const ipc::UniqueFd& client, int lines) {
    std::string all;
    const auto limit = Clock::now() + 30s;
    while (std::count(all.begin(), all.end(), '\n') < lines && Clock::now() < limit) {
      turn();
      char chunk[4096];
      const ssize_t n = ::recv(client.get(), chunk, sizeof chunk, 0);
      if (n > 0) all.append(chunk, static_cast<std::size_t>(n));
      if (n == 0 || (n == -1 && errno != EAGAIN)) return all + "<end>";
    }
    return all;
  }
  ControlSocket::Reply handle(const ControlCommand& command, ControlSocket::ClientId client) {
    ++handled;
    if (std::holds_alternative<ReloadCommand>(command)) {
      waiting.push_back(client);
      return {};
    }
    if (std::holds_alternative<StopCommand>(command)) return {answer_ok(), true};
    return {answer_ok("number", std::to_string(handled)), false};
  }

  test::TempFolder folder;
  std::string path = folder.file("control.sock");
  Reactor reactor;
  int handled = 0;
  std::vector<ControlSocket::ClientId> waiting;
  ControlSocket socket{path, reactor, [this](const ControlCommand& command, ControlSocket::ClientId client) {
                         return handle(command, client);
                       }};
};

TEST_F(ControlSocketTest, IsForItsOwnerAlone) {
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(ControlSocketTest, IsMadeAnewWhereSomebodyRemovedIt) {
  EXPECT_FALSE(socket.restore()) << "it is there";
  const auto before = connect();
  turn();
  ASSERT_EQ(::unlink(path.c_str()), 0);
  EXPECT_TRUE(socket.restore());
  EXPECT_FALSE(socket.restore());
  const auto client = connect();
  send(client, "status\n");
  EXPECT_EQ(answers(client, 1), "{\"ok\":true,\"number\":\"1\"}\n");
  send(before, "status\n");
  EXPECT_EQ(answers(before, 1), "{\"ok\":true,\"number\":\"2\"}\n") << "who was connected is still heard";
}

TEST_F(ControlSocketTest, OfAnotherServerAtItsPathIsNotTouched) {
  const auto handler = [](const ControlCommand&, ControlSocket::ClientId) { return ControlSocket::Reply{answer_ok()}; };
  const std::string shared = folder.file("shared.sock");
  std::optional<ControlSocket> first(std::in_place, shared, reactor, handler);
  ASSERT_EQ(::unlink(shared.c_str()), 0);
  const ControlSocket second(shared, reactor, handler);
  EXPECT_EQ(test::thrown_by([&] { first->restore(); }), "another prefork-master answers at control socket " + shared);
  first.reset();
  EXPECT_EQ(::access(shared.c_str(), F_OK), 0) << "the file is the second one's";
}

TEST_F(ControlSocketTest, AnswersACommand) {
  const auto client = connect();
  send(client, "status\n");
  EXPECT_EQ(answers(client, 1), "{\"ok\":true,\"number\":\"1\"}\n");
}

TEST_F(ControlSocketTest, TakesHalfLinesByteByByte) {
  const auto client = connect();
  for (const char byte : std::string("workers\r\n")) {
    EXPECT_EQ(handled, 0);
    send(client, {&byte, 1});
    turn();
    turn();
  }
  EXPECT_THAT(answers(client, 1), HasSubstr("\"ok\":true"));
  EXPECT_EQ(handled, 1);
}

TEST_F(ControlSocketTest, TwoCommandsInOneWriteGetTwoAnswersInOrder) {
  const auto client = connect();
  send(client, "status\nworkers\nnonsense\n");
  const std::string all = answers(client, 3);
  EXPECT_THAT(all, HasSubstr("\"1\"}\n{\"ok\":true,\"number\":\"2\"}\n{\"ok\":false"));
}

TEST_F(ControlSocketTest, AHalfClosedClientIsAnswered) {
  const auto client = connect();
  send(client, "status\n");
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_THAT(answers(client, 2), HasSubstr("\"1\"}\n<end>"));
}

TEST_F(ControlSocketTest, ALongLineIsRefusedAndClosed) {
  const auto client = connect();
  send(client, std::string(2000, 'x'));
  EXPECT_THAT(answers(client, 2), testing::AllOf(HasSubstr("longer than 1024 bytes"), HasSubstr("<end>")));
  EXPECT_EQ(handled, 0);
}

struct Allowed {
  ControlAccess access;
  std::string yes;
  std::string no;
};
class AdoptedLine : public ControlSocketTest, public testing::WithParamInterface<Allowed> {};

// Goal: a worker may ask what its pool's master-access allows and nothing else, whatever it sends.
TEST_P(AdoptedLine, MaySayWhatItsAccessAllows) {
  ipc::UniqueFd ends[2];
  int raw[2];
  ipc::check_syscall(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, raw), "socketpair");
  for (int i = 0; i < 2; ++i) ends[i].reset(raw[i]);
  socket.adopt(std::move(ends[0]), GetParam().access);
  const auto ask = [&](const std::string& commands) {
    send(ends[1], commands);
    return answers(ends[1], static_cast<int>(std::count(commands.begin(), commands.end(), '\n')));
  };
  const std::string done = ask(GetParam().yes);
  EXPECT_THAT(done, testing::Not(HasSubstr("\"ok\":false")));
  const int before = handled;
  const std::string refused = ask(GetParam().no);
  EXPECT_THAT(refused, testing::Not(HasSubstr("\"ok\":true")));
  EXPECT_THAT(refused, HasSubstr("master-access"));
  EXPECT_EQ(handled, before);
  EXPECT_FALSE(socket.expire(Clock::now() + 1h).has_value()) << "it may be silent";
  EXPECT_THAT(ask("status\n"), HasSubstr("\"ok\":true"));
  send(ends[1], std::string(2000, 'x'));
  EXPECT_THAT(answers(ends[1], 2), HasSubstr("<end>"));
}

INSTANTIATE_TEST_SUITE_P(
    All, AdoptedLine,
    testing::Values(Allowed{ControlAccess::read, "status\nworkers\nipc\nmetrics\nevents\nevents 7\n",
                            "stop\nstop --fast\nscale main 9\nreload --no-wait\nreopen\nupgrade\nqueue list "
                            "a\nqueue drop a\n"},
                    Allowed{ControlAccess::operate, "status\nscale main 9\nreopen\nmetrics\n",
                            "stop\nstop --fast\nupgrade\nqueue list a\nqueue requeue a\n"}));

// Goal: lines of workers take no place of those who come by the path.
TEST_F(ControlSocketTest, AdoptedLinesDoNotFillIt) {
  std::vector<ipc::UniqueFd> workers;
  for (int i = 0; i < 100; ++i) {
    int ends[2];
    ipc::check_syscall(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), "socketpair");
    socket.adopt(ipc::UniqueFd(ends[0]), ControlAccess::read);
    workers.emplace_back(ends[1]);
  }
  const auto client = connect();
  send(client, "status\n");
  EXPECT_THAT(answers(client, 1), HasSubstr("\"ok\":true"));
  workers.clear();
  for (int i = 0; i < 200; ++i) turn();
  send(client, "status\n");
  EXPECT_THAT(answers(client, 1), HasSubstr("\"ok\":true"));
}

// Goal: a client with many lines in one write does not keep the others waiting until all are answered.
TEST_F(ControlSocketTest, ManyLinesAreAnsweredInTurns) {
  const auto many = connect();
  const auto one = connect();
  std::string lines;
  for (int i = 0; i < 400; ++i) lines += "status\n";
  send(many, lines);
  turn();  // both are accepted
  turn();
  send(one, "workers\n");
  EXPECT_THAT(answers(one, 1), HasSubstr("\"ok\":true"));
  EXPECT_LT(handled, 100);
  const std::string all = answers(many, 400);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 400);
}

// Goal: a client that asks without end and reads nothing costs a bounded amount, and others are served.
TEST_F(ControlSocketTest, AFloodIsHeldBack) {
  const auto flood = connect();
  std::string commands;
  for (int i = 0; i < 500; ++i) commands += "status\n";
  int last = -1;
  for (int quiet = 0; quiet < 20; quiet = handled == last ? quiet + 1 : 0) {
    last = handled;
    while (::send(flood.get(), commands.data(), commands.size() / 7 * 7, MSG_NOSIGNAL) > 0) {
    }
    turn();
    ASSERT_LT(handled, 1'000'000);
  }
  const auto other = connect();
  send(other, "status\n");
  EXPECT_THAT(answers(other, 1), HasSubstr("\"ok\":true"));
}

TEST_F(ControlSocketTest, AClientThatHangsUpIsForgotten) {
  const auto before = test::open_descriptors();
  for (const std::string text : {"", "stat", "status\n", "stop\n"}) {
    auto client = connect();
    if (!text.empty()) send(client, text);
    client.reset();
    const auto limit = Clock::now() + 30s;
    do {
      turn();
    } while (test::open_descriptors() != before && Clock::now() < limit);
    EXPECT_EQ(test::open_descriptors(), before) << text;
  }
  EXPECT_EQ(handled, 2) << "what was asked in full is done, though nobody hears the answer";
}

TEST_F(ControlSocketTest, StayKeepsTheConnectionAndHasNoDeadline) {
  const auto client = connect();
  send(client, "stop\n");
  EXPECT_EQ(answers(client, 1), answer_ok());
  EXPECT_FALSE(socket.expire(Clock::now()));
  socket.expire(Clock::now() + 24h);
  send(client, "status\n");
  for (int i = 0; i < 5; ++i) turn();
  EXPECT_TRUE(test::wait_for(client.get(), POLLOUT, 0));
  EXPECT_FALSE(test::readable_now(client.get())) << "neither closed nor answered";
}

TEST_F(ControlSocketTest, AnAnswerMayComeLaterAndHasNoDeadlineUntilThen) {
  const auto first = connect();
  const auto second = connect();
  send(first, "reload\nstatus\n");
  send(second, "reload --only web\n");
  const auto limit = Clock::now() + 30s;
  while (waiting.size() < 2 && Clock::now() < limit) turn();
  ASSERT_EQ(waiting.size(), 2U);
  EXPECT_FALSE(socket.expire(Clock::now() + 24h)) << "it is the master's turn";
  socket.answer(waiting[1], answer_ok("number", "second"));
  EXPECT_EQ(answers(second, 1), answer_ok("number", "second"));
  EXPECT_EQ(handled, 2) << "the next line waits for the answer to the one before";
  socket.answer(waiting[0], answer_ok("number", "first"));
  EXPECT_EQ(answers(first, 2), answer_ok("number", "first") + answer_ok("number", "3"));
  socket.answer(waiting[0] + 100, answer_ok());  // nobody's
}

TEST_F(ControlSocketTest, ASilentClientIsClosedAtItsDeadline) {
  const auto client = connect();
  turn();
  const auto deadline = socket.expire(Clock::now());
  ASSERT_TRUE(deadline);
  EXPECT_GT(*deadline, Clock::now() + 20s);
  EXPECT_FALSE(socket.expire(*deadline));
  EXPECT_EQ(answers(client, 1), "<end>");
}

TEST_F(ControlSocketTest, MoreThan32ClientsAreToldSo) {
  std::vector<ipc::UniqueFd> clients;
  for (int i = 0; i < 32; ++i) {
    clients.push_back(connect());
    send(clients.back(), "status\n");
    EXPECT_THAT(answers(clients.back(), 1), HasSubstr("\"ok\":true"));
  }
  const auto more = connect();
  EXPECT_THAT(answers(more, 2), testing::AllOf(HasSubstr("too many connections"), HasSubstr("<end>")));
  clients.pop_back();
  for (int i = 0; i < 3; ++i) turn();
  const auto again = connect();
  send(again, "status\n");
  EXPECT_THAT(answers(again, 1), HasSubstr("\"ok\":true"));
}

TEST_F(ControlSocketTest, DescriptorsThatRunOutDoNotMakeItSpin) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizers' own checks need descriptors";
#endif
  EXPECT_EQ(test::in_child([&]() -> std::string {
              const auto client = connect();
              const auto open = test::open_descriptors();
              rlimit limit{static_cast<rlim_t>(*open.rbegin() + 1), static_cast<rlim_t>(*open.rbegin() + 1)};
              // Every number below the limit is taken, so that no other can be had.
              ::setrlimit(RLIMIT_NOFILE, &limit);
              while (::fcntl(0, F_DUPFD, 0) != -1) {
              }
              int turns = 0;
              for (const auto end = Clock::now() + 100ms; Clock::now() < end; ++turns)
                reactor.wait(Clock::now() + 20ms);
              if (turns > 50) return "spins: " + std::to_string(turns) + " turns";
              if (!socket.expire(Clock::now())) return "says not when it tries again";
              ::close(*open.rbegin() == client.get() ? 0 : *open.rbegin());
              ::send(client.get(), "status\n", 7, 0);
              const auto limit_at = Clock::now() + 30s;
              while (!test::readable_now(client.get()) && Clock::now() < limit_at) {
                socket.expire(Clock::now());
                reactor.wait(Clock::now() + 10ms);
              }
              return test::readable_now(client.get()) ? "" : "does not go on";
            }),
            "");
}

TEST_F(ControlSocketTest, AClientThatMayNotBeAcceptedDoesNotMakeItSpin) {
  EXPECT_EQ(test::in_child([&]() -> std::string {
              const auto client = connect();
              test::refuse_call(SYS_accept4, EPERM);
              int turns = 0;
              for (const auto end = Clock::now() + 100ms; Clock::now() < end; ++turns) {
                reactor.wait(Clock::now() + 20ms);
              }
              return turns > 50 ? "spins: " + std::to_string(turns) + " turns" : "";
            }),
            "");
}

TEST_F(ControlSocketTest, NothingIsLeftOfOneThatCantBeMade) {
  const std::string other = folder.file("other.sock");
  for (const auto& [number, name] : {std::pair{SYS_listen, "listen"}, {SYS_epoll_ctl, "epoll_ctl"}}) {
    EXPECT_THAT(test::in_child([&, number = number] {
                  test::refuse_call(number, ENOSPC);
                  return test::thrown_by([&] { ControlSocket(other, reactor, {}); });
                }),
                AllOf(testing::StartsWith(name), HasSubstr("No space left on device")));
    EXPECT_NE(::access(other.c_str(), F_OK), 0) << name;
  }
  EXPECT_THAT(test::in_child([&] {
                test::refuse_call(SYS_socket, EMFILE);
                return test::thrown_by([&] { ControlSocket(path, reactor, {}); });
              }),
              HasSubstr("socket control socket " + path + ": Too many open files"));
}

// As the child that a killed master had just forked, which has not yet closed what is not its own.
TEST_F(ControlSocketTest, AChildThatHoldsItForAMomentIsWaitedFor) {
  const std::string left = folder.file("left.sock");
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const ipc::UniqueFd read_end(ends[0]), write_end(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const ControlSocket held(left, reactor, {});
    ipc::write_all(write_end.get(), "x", "pipe");
    ::poll(nullptr, 0, 100);
    ::_exit(0);
  }
  ASSERT_TRUE(test::wait_for(read_end.get(), POLLIN));
  EXPECT_NO_THROW(ControlSocket(left, reactor, {}));
  test::reap(child);
}

TEST_F(ControlSocketTest, ASecondMasterIsRefusedAndAStaleFileReplaced) {
  try {
    ControlSocket second(path, reactor, {});
    FAIL();
  } catch (const StartupError& error) {
    EXPECT_EQ(error.exit_code(), EX_UNAVAILABLE);
    EXPECT_EQ(error.what(), "another prefork-master answers at control socket " + path);
  }
  const std::string stale = folder.file("stale.sock");
  EXPECT_EQ(test::in_child([&] {
              const auto* left = new ControlSocket(stale, reactor, {});  // as if killed: never destroyed
              return left != nullptr ? std::string() : std::string("null");
            }),
            "");
  struct stat status {};
  ASSERT_EQ(::lstat(stale.c_str(), &status), 0);
  { const ControlSocket replaced(stale, reactor, {}); }
  EXPECT_EQ(::lstat(stale.c_str(), &status), -1) << "removed by its owner";
}

TEST_F(ControlSocketTest, WhatCannotBeMadeIsOneSentence) {
  const std::string file = folder.file("file");
  std::ofstream(file) << "precious";
  EXPECT_EQ(test::thrown_by([&] { ControlSocket(file, reactor, {}); }),
            "bind control socket " + file + ": File exists");
  const std::string longer = folder.file(std::string(200, 'x'));
  EXPECT_THAT(test::thrown_by([&] { ControlSocket(longer, reactor, {}); }), HasSubstr("File name too long"));
  EXPECT_THAT(test::thrown_by([&] { ControlSocket("/no/such/x", reactor, {}); }), HasSubstr("No such file"));
}

}  // namespace
}  // namespace prefork::master
