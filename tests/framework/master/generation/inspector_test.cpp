#include "framework/master/generation/inspector.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>

#include <stdexcept>

#include "framework/master/loop/startup_error.hpp"
#include "tests/ipc/posix/refused_call.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

#if defined(SYS_poll)
constexpr long kPoll = SYS_poll;
#else
constexpr long kPoll = SYS_ppoll;
#endif

Inspector inspector(std::chrono::milliseconds patience = 30s, std::size_t max_bytes = 1 << 20) {
  return Inspector({patience, max_bytes, ipc::resolve_identity(std::nullopt, std::nullopt)});
}

bool has_children() {
  int status = 0;
  return ::waitpid(-1, &status, WNOHANG) != -1 || errno != ECHILD;
}

struct Outcome {
  int code;
  std::string text;
};
Outcome outcome(const Inspector& subject, const Inspector::Work& work) {
  try {
    return {0, subject.run("plugin \"p\"", -1, work)};
  } catch (const StartupError& error) {
    EXPECT_FALSE(has_children());
    return {error.exit_code(), error.what()};
  }
}

TEST(Inspector, HandsTheResultOver) {
  const std::string big(900'000, 'r');
  EXPECT_EQ(outcome(inspector(), [&] { return big; }).text, big);
  EXPECT_EQ(outcome(inspector(), [] { return std::string(); }).code, 0) << "an empty result is a result";
  EXPECT_EQ(outcome(inspector(), [] { return std::string("E\0x", 3); }).text, std::string("E\0x", 3));
  EXPECT_FALSE(has_children());
}

TEST(Inspector, AnExceptionIsTheReason) {
  const auto thrown = outcome(inspector(), []() -> std::string { throw std::runtime_error("plugin \"p\" is odd"); });
  EXPECT_EQ(thrown.code, EX_CONFIG);
  EXPECT_EQ(thrown.text, "plugin \"p\" is odd");
  EXPECT_THAT(outcome(inspector(), []() -> std::string { throw 1; }).text, HasSubstr("not a std::exception"));
}

TEST(Inspector, AFailingCallIsNotTakenForAHangingPlugin) {
  EXPECT_EQ(test::in_child([] {
              test::refuse_call(kPoll, ENOMEM);
              return outcome(inspector(), [] { return std::string(); }).text;
            }),
            "poll inspector: Cannot allocate memory");
}

TEST(Inspector, ASignalIsNamed) {
  for (const auto& [signal, name] : {std::pair{SIGKILL, "SIGKILL"}, {SIGTERM, "SIGTERM"}, {SIGXCPU, "SIGXCPU"}}) {
    const auto ended = outcome(inspector(), [signal = signal]() -> std::string {
      ::raise(signal);
      return {};
    });
    EXPECT_EQ(ended.code, EX_CONFIG);
    EXPECT_EQ(ended.text, std::string("plugin \"p\" crashes while it is inspected: ") + name);
  }
}

// sigabbrev_np(3) has no name for these.
TEST(Inspector, ARealTimeSignalIsNoHarm) {
  const auto ended = outcome(inspector(), []() -> std::string {
    ::raise(SIGRTMIN + 3);
    return {};
  });
  EXPECT_THAT(ended.text, StartsWith("plugin \"p\" crashes while it is inspected: signal "));
}

TEST(Inspector, AnExitIsTold) {
  const auto ended = outcome(inspector(), []() -> std::string { ::_exit(3); });
  EXPECT_EQ(ended.text, "plugin \"p\" ends the process while it is inspected, with exit code 3");
  EXPECT_EQ(outcome(inspector(), []() -> std::string { ::_exit(0); }).code, EX_CONFIG);
}

TEST(Inspector, AHangIsEnded) {
  const auto ended = outcome(inspector(50ms), []() -> std::string {
    for (;;) ::pause();
  });
  EXPECT_EQ(ended.code, EX_CONFIG);
  EXPECT_EQ(ended.text, "plugin \"p\" hangs while it is inspected: it was killed after 50 ms");
}

TEST(Inspector, AHangWithAClosedPipeIsEndedToo) {
  const auto ended = outcome(inspector(50ms), []() -> std::string {
    for (int fd = 3; fd < 100; ++fd) ::close(fd);
    for (;;) ::pause();
  });
  EXPECT_THAT(ended.text, HasSubstr("hangs"));
}

TEST(Inspector, TooMuchIsRefused) {
  EXPECT_EQ(outcome(inspector(30s, 100), [] { return std::string(99, 'r'); }).code, 0);
  const auto flood = outcome(inspector(30s, 1000), [] { return std::string(10'000'000, 'r'); });
  EXPECT_EQ(flood.code, EX_CONFIG);
  EXPECT_EQ(flood.text, "plugin \"p\" tells more than 1000 bytes of itself");
}

TEST(Inspector, KeepsNoForeignDescriptors) {
  const ipc::UniqueFd secret(::open("/dev/null", O_RDONLY)), kept(::open("/dev/null", O_RDONLY));
  const std::string list = inspector().run("p", kept.get(), [] {
    std::string text;
    for (const int fd : test::open_descriptors()) text += std::to_string(fd) + " ";
    return text;
  });
  EXPECT_THAT(list, HasSubstr(" " + std::to_string(kept.get()) + " "));
  EXPECT_EQ(std::count(list.begin(), list.end(), ' '), 5) << list << ": standard streams, the plugin, the pipe";
}

TEST(Inspector, RunsWithDefaultSignalsAndWithoutRoot) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &blocked, &before);
  const std::string text = inspector().run("p", -1, [] {
    sigset_t set;
    ::sigprocmask(SIG_SETMASK, nullptr, &set);
    return std::to_string(::geteuid()) + " " + std::to_string(sigismember(&set, SIGUSR1));
  });
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  EXPECT_NE(text.substr(0, 2), "0 ");
  EXPECT_EQ(text.back(), '0');
}

TEST(Inspector, LeavesNoDescriptorBehind) {
  const auto before = test::open_descriptors();
  outcome(inspector(), []() -> std::string { throw 1; });
  outcome(inspector(), [] { return std::string("x"); });
  EXPECT_EQ(test::open_descriptors(), before);
}

}  // namespace
}  // namespace prefork::master
