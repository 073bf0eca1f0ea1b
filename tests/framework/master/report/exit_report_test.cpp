#include "framework/master/report/exit_report.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;

constexpr int kCore = 0x80;
int exited(int code) { return code << 8; }

ExitFacts facts(int status, ExitIntent intent) {
  ExitFacts facts;
  facts.pool = "main";
  facts.index = 0;
  facts.pid = 4711;
  facts.generation = 1;
  facts.wait_status = status;
  facts.uptime = 3h + 2min + 7s;
  facts.was_ready = true;
  facts.intent = intent;
  return facts;
}

TEST(ExitReport, CrashWhileServing) {
  auto crash = facts(SIGSEGV | kCore, ExitIntent::unexpected);
  crash.activity = "hello: GET /x";
  crash.activity_for = 12ms;
  EXPECT_EQ(exit_report(crash),
            "worker main/0 (pid 4711, generation 1) killed by SIGSEGV (core dumped) after 3h 2m; "
            "it was serving hello: GET /x for 12 ms");
}

TEST(ExitReport, CannotStart) {
  auto failed = facts(exited(81), ExitIntent::unexpected);
  failed.uptime = 12ms;
  failed.was_ready = false;
  failed.start_error = "echo: root is missing\n";
  EXPECT_EQ(exit_report(failed),
            "worker main/0 (pid 4711, generation 1) exited with code 81 (cannot start) after 12 ms, before it was "
            "ready; it said: echo: root is missing\\x0a");
}

struct Sentence {
  int status;
  ExitIntent intent;
  const char* rest;
  bool expected;
};

class ExitSentence : public testing::TestWithParam<Sentence> {};

TEST_P(ExitSentence, Reads) {
  const auto& [status, intent, rest, expected] = GetParam();
  EXPECT_EQ(exit_report(facts(status, intent)), std::string("worker main/0 (pid 4711, generation 1) ") + rest);
  EXPECT_EQ(is_expected(facts(status, intent)), expected);
}

INSTANTIATE_TEST_SUITE_P(
    ExitReport, ExitSentence,
    testing::Values(
        Sentence{SIGKILL, ExitIntent::unexpected, "killed by SIGKILL after 3h 2m", false},
        Sentence{40, ExitIntent::unexpected, "killed by signal 40 after 3h 2m", false},
        Sentence{exited(0), ExitIntent::unexpected, "exited with code 0 (retired) after 3h 2m", false},
        Sentence{exited(3), ExitIntent::unexpected, "exited with code 3 after 3h 2m", false},
        Sentence{exited(70), ExitIntent::unexpected, "exited with code 70 (internal error) after 3h 2m", false},
        Sentence{exited(77), ExitIntent::unexpected, "exited with code 77 (could not be isolated) after 3h 2m", false},
        Sentence{exited(82), ExitIntent::unexpected, "exited with code 82 (the master was gone) after 3h 2m", false},
        Sentence{exited(0), ExitIntent::retired, "retired after 3h 2m", true},
        Sentence{SIGSEGV, ExitIntent::retired, "killed by SIGSEGV after 3h 2m while it was retiring", false},
        Sentence{exited(0), ExitIntent::drained_itself, "retired by itself after 3h 2m", true},
        Sentence{exited(1), ExitIntent::drained_itself, "exited with code 1 after 3h 2m while it was retiring", false},
        Sentence{exited(0), ExitIntent::stopped, "stopped after 3h 2m", true},
        Sentence{SIGTERM, ExitIntent::stopped, "killed by SIGTERM after 3h 2m while it was stopping", true},
        Sentence{SIGABRT, ExitIntent::stopped, "killed by SIGABRT after 3h 2m while it was stopping", false},
        Sentence{SIGABRT | kCore, ExitIntent::aborted_boot,
                 "killed by SIGABRT (core dumped) after 3h 2m: aborted because it was not ready in time", false},
        Sentence{SIGABRT, ExitIntent::aborted_heartbeat,
                 "killed by SIGABRT after 3h 2m: aborted because it had no heartbeat", false},
        Sentence{SIGABRT, ExitIntent::aborted_request,
                 "killed by SIGABRT after 3h 2m: aborted because it was past a request-timeout", false},
        Sentence{SIGKILL, ExitIntent::killed_stuck,
                 "killed by SIGKILL after 3h 2m: killed because it did not end when it was told to", false},
        Sentence{SIGKILL, ExitIntent::killed_wanted, "killed by SIGKILL after 3h 2m: killed by the operator's order",
                 true},
        Sentence{0xffff, ExitIntent::unexpected, "ended with wait status 0xffff after 3h 2m", false}));

TEST(ExitReport, ScribbledActivityStaysOneBoundedLine) {
  auto crash = facts(SIGBUS, ExitIntent::unexpected);
  const std::string scribble(1'000'000, '\x1b');
  crash.activity = scribble;
  crash.start_error = scribble;
  crash.activity_for = std::chrono::milliseconds::min();
  const std::string line = exit_report(crash);
  EXPECT_LT(line.size(), 4096U);
  for (const char c : line) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
  EXPECT_TRUE(line.ends_with("... for 0 ms"));
}

TEST(ExitReport, NoActivityNoClause) {
  auto crash = facts(SIGBUS, ExitIntent::unexpected);
  crash.activity = "";
  EXPECT_EQ(exit_report(crash).find("serving"), std::string::npos);
}

}  // namespace
}  // namespace prefork::master
