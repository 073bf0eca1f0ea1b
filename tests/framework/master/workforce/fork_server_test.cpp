#include "framework/master/workforce/fork_server.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "framework/master/loop/startup_error.hpp"
#include "framework/master/workforce/fork_wire.hpp"
#include "ipc/posix/syscall.hpp"
#include "tests/ipc/support.hpp"

// The server of the real program is a process that was executed: tests/system has it. Here it is a child that serves.
namespace prefork::master {
namespace {

using namespace std::chrono_literals;

void send(int socket, const std::string& text, const std::vector<int>& descriptors) {
  ipc::Patience patience(20s);
  send_order(socket, text, descriptors, patience);
}

std::optional<std::string> receive(int socket) {
  ipc::Patience patience(20s);
  return receive_packet(socket, patience);
}

struct Ends {
  Ends() {
    int fds[2];
    ipc::check_syscall(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), "socketpair");
    here.reset(fds[0]);
    there.reset(fds[1]);
  }
  ipc::UniqueFd here, there;
};

TEST(ForkWire, CarriesTextsAndDescriptorsOfAnySize) {
  const ipc::UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (const std::size_t bytes : {0U, 1U, 32'768U, 32'769U, 300'000U}) {
    for (const std::size_t descriptors : {0U, 1U, 250U, 251U, 600U}) {
      Ends ends;
      std::string text(bytes, 'x');
      for (std::size_t i = 0; i < bytes; i += 100) text[i] = static_cast<char>('a' + i % 26);
      std::thread sender([&] { send(ends.here.get(), text, std::vector<int>(descriptors, null.get())); });
      const auto order = receive_order(ends.there.get());
      sender.join();
      ASSERT_TRUE(order);
      EXPECT_EQ(order->error, 0);
      EXPECT_TRUE(order->text.view() == text) << bytes;
      EXPECT_EQ(order->descriptors.size(), descriptors);
      for (const auto& fd : order->descriptors) EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
    }
  }
}

TEST(ForkWire, AnEndIsAnEnd) {
  Ends ends;
  ends.here.reset();
  EXPECT_FALSE(receive_order(ends.there.get()));
  EXPECT_FALSE(receive(ends.there.get()));
}

TEST(ForkWire, AnEndIsAnEndThoughAnAnswerIsUnread) {
  Ends ends;
  ASSERT_EQ(::send(ends.there.get(), "x", 1, 0), 1);
  ends.here.reset();
  EXPECT_FALSE(receive_order(ends.there.get()));
}

TEST(ForkWire, WhoDoesNotReadOrAnswerIsNotWaitedFor) {
  Ends ends;
  ipc::Patience none(0ms);
  EXPECT_THROW(send_order(ends.here.get(), std::string(10'000'000, 'x'), {}, none), std::system_error);
  EXPECT_THROW(receive_packet(ends.here.get(), none), std::system_error);
}

/// Serves in a child of the test, so that what is forked are the test's children.
struct ServedForks : testing::Test {
  static constexpr const char* kVariable = "FORK_SERVER_TEST_VARIABLE";

  ServedForks() {
    ::setenv(kVariable, "value", 1);
    server = ::fork();
    if (server == 0) {
      ends.here.reset();
      serve_forks(std::move(ends.there), "build", [](std::string_view text, const std::vector<int>& descriptors) {
        if (text == "throw") throw std::runtime_error("no such order");
        if (text == "variable") {
          const char* const value = ::getenv(kVariable);
          ipc::write_all(descriptors.front(), value == nullptr ? "none" : value, "the test's pipe");
          ::_exit(7);
        }
        const std::string answer = std::string(text) + ' ' + std::to_string(::getppid());
        if (!descriptors.empty()) ipc::write_all(descriptors.front(), answer, "the test's pipe");
        ::_exit(7);
      });
    }
    ends.there.reset();
    greeting = receive(ends.here.get());
  }
  ~ServedForks() override {
    ::unsetenv(kVariable);
    ends.here.reset();
    EXPECT_EQ(test::reap(server), 0) << "it ends with its socket";
  }
  struct Answer {
    pid_t pid;
    int error;
  };
  Answer ask(const std::string& text, const std::vector<int>& descriptors = {}) {
    send(ends.here.get(), text, descriptors);
    return answer();
  }
  Answer answer() {
    const auto packet = receive(ends.here.get());
    Answer answer{-1, -1};
    if (packet && packet->size() == sizeof answer) std::memcpy(&answer, packet->data(), sizeof answer);
    return answer;
  }
  Ends ends;
  pid_t server = -1;
  std::optional<std::string> greeting;
};

TEST_F(ServedForks, AreChildrenOfWhoAskedAndHaveWhatTheyWereGiven) {
  EXPECT_EQ(greeting, "1 build");
  for (int i = 0; i < 20; ++i) {
    int pipe[2];
    ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
    const ipc::UniqueFd read_end(pipe[0]);
    ipc::UniqueFd write_end(pipe[1]);
    const Answer answer = ask("order", {write_end.get()});
    write_end.reset();
    ASSERT_EQ(answer.error, 0);
    EXPECT_EQ(ipc::read_all(read_end.get(), 100, "pipe"), "order " + std::to_string(::getpid()));
    int status = 0;
    ASSERT_EQ(::waitpid(answer.pid, &status, 0), answer.pid) << "the test is its parent";
    EXPECT_EQ(WEXITSTATUS(status), 7);
  }
}

TEST(ServingForks, EndsWhereItCannotGreet) {
  Ends ends;
  ::shutdown(ends.there.get(), SHUT_WR);
  const pid_t server = ::fork();
  if (server == 0) serve_forks(std::move(ends.there), "build", [](std::string_view, const std::vector<int>&) {});
  EXPECT_EQ(WEXITSTATUS(test::reap(server)), 70) << "and does not wait for orders that nobody gives it";
}

TEST_F(ServedForks, GoOnWhenAnOrderIsNonsense) {
  const Answer answer = ask("throw");
  ASSERT_EQ(answer.error, 0);
  int status = 0;
  ::waitpid(answer.pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 70);
  const Answer next = ask("order");
  ::waitpid(next.pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST_F(ServedForks, HaveNoVariableThatIsWithheld) {
  const auto told = [&] {
    int pipe[2];
    ipc::check_syscall(::pipe2(pipe, O_CLOEXEC), "pipe2");
    const ipc::UniqueFd read_end(pipe[0]);
    ipc::UniqueFd write_end(pipe[1]);
    const Answer forked = ask("variable", {write_end.get()});
    write_end.reset();
    const std::string value = ipc::read_all(read_end.get(), 100, "pipe");
    EXPECT_EQ(::waitpid(forked.pid, nullptr, 0), forked.pid);
    return value;
  };
  EXPECT_EQ(told(), "value");
  for (const char* variable : {kVariable, kVariable, "FORK_SERVER_TEST_NONE"}) {
    ipc::Patience patience(20s);
    send_withheld(ends.here.get(), variable, patience);
    EXPECT_EQ(answer().error, 0) << variable;
  }
  EXPECT_EQ(told(), "none");
}

TEST_F(ServedForks, IgnoreTheSignalsOfATerminal) {
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP}) ::kill(server, signal);
  const Answer answer = ask("order");
  int status = 0;
  EXPECT_EQ(::waitpid(answer.pid, &status, 0), answer.pid);
}

TEST(ForkServer, ThreadsAreToldOfInASentence) {
  EXPECT_EQ(count_threads(), 1U);
  EXPECT_THAT(threads_sentence(3), testing::HasSubstr("3 threads"));
  EXPECT_EQ(test::in_child([]() -> std::string {
              std::thread other([] { ::pause(); });
              other.detach();
              return std::to_string(count_threads());
            }),
            "2");
}

}  // namespace
}  // namespace prefork::master
