#include "framework/cli/ctl_print.hpp"

#include <gtest/gtest.h>

#include "framework/master/control/control_command.hpp"
#include "framework/master/report/shared_report.hpp"
#include "framework/master/report/status_report.hpp"

namespace prefork::cli {
namespace {

using namespace std::chrono_literals;

master::StatusSnapshot snapshot() {
  master::StatusSnapshot all;
  all.master = {100, "0.1.0", 3, 3h + 2min, "prefork.conf", false, "", ""};
  all.pools.push_back({"main", 2, 2, 2, "www-data", 0, 0ms, "", "2", "fixed", 0, 0ms, ""});
  all.pools.push_back({"jobs", 1, 0, 0, "nobody", 5, 1500ms, "cannot start", "0..8", "on demand", 0.5, 0ms, ""});
  all.listeners.push_back({"web", "tcp://127.0.0.1:40123", "tcp"});
  all.listeners.push_back({"web", "unix:/run/web.sock", "unix"});
  all.services.push_back({"web", "hello", "main"});
  all.services.push_back({"timer", "./timer.so", "jobs"});
  all.workers.push_back(
      {"main", 0, 0, 4711, 3, "busy", 3h + 2min, 12, {20, 1000, 0, 1, 1}, 123.45, 1'468'006, "hello: GET /x", 12ms});
  all.workers.push_back({"main", 1, 7, 12, 2, "draining", 5s, 0, {}, 0, 0, "", 0ms});
  all.connections = 12;
  all.requests_per_second = 123.45;
  all.totals = {40, 2000, 1, 10000, 180000};
  all.restarts = {{"killed", 2}, {"crashed", 0}};
  return all;
}

TEST(CtlPrint, Status) {
  EXPECT_EQ(status_text(status_answer(snapshot()), 0),
            R"(prefork-master 0.1.0, pid 100, generation 3, running, up 3h02m, configured by prefork.conf
2000 requests (123.5/s), 1 datagram, 12 connections open, 9.8 KiB in, 175.8 KiB out
workers replaced: killed 2

POOL  WORKERS                  READY  USER      NOTE
main  2/2                          2  www-data
jobs  0/1 of 0..8 (on demand)      0  nobody    throttled, next start in 1.5s, 5 failures in a row: cannot start

SERVICE  POOL  PLUGIN      LISTENS ON
web      main  hello       tcp://127.0.0.1:40123 unix:/run/web.sock
timer    jobs  ./timer.so

WORKER  SLOT   PID  GEN  STATE     UPTIME  CONNS  REQUESTS  REQ/S      RSS  SERVING
main/0     0  4711    3  busy       3h02m     12      1000  123.5  1.4 MiB  12ms hello: GET /x
main/1     7    12    2  draining    5.0s      0         0    0.0      0 B
)");
}

TEST(CtlPrint, StatusTellsOfOpenCircuits) {
  auto all = snapshot();
  all.pools[1].circuit_open_for = 95s;
  all.pools[1].last_end = "worker jobs/0 (pid 5) killed by SIGSEGV; it was serving \x1b[2J";
  const std::string text = status_text(status_answer(all), 0);
  EXPECT_NE(text.find("  circuit open for 1m35s, next start in 1.5s, 5 failures in a row: cannot start\n"
                      "last failure of jobs: worker jobs/0 (pid 5) killed by SIGSEGV; it was serving "),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(CtlPrint, StatusTellsOfFullPools) {
  auto all = snapshot();
  all.pools[0].full_for = 95s;
  all.pools[0].waiting = 12;
  all.pools[1].waiting = 3;
  const std::string text = status_text(status_answer(all), 0);
  EXPECT_NE(text.find("  full for 1m35s, 12 waiting\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("3 waiting"), std::string::npos) << text;
  all.pools[1].full_for = 1ms;
  EXPECT_NE(status_text(status_answer(all), 0).find("full for 1ms, 3 waiting; throttled, next start in 1.5s"),
            std::string::npos);
}

TEST(CtlPrint, StatusTellsOfReloads) {
  auto all = snapshot();
  all.master.reload = "rolling";
  all.master.last_reload = "failed: prefork.conf:3: \x1b[2J";
  const std::string text = status_text(status_answer(all), 0);
  EXPECT_NE(text.find("\nreload: rolling\nlast reload: failed: prefork.conf:3: "), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(CtlPrint, StatusTellsOfLostLogLines) {
  auto all = snapshot();
  all.log = {1, 2, {{"a", 3}, {"b", 4}}, 5};
  const std::string text = status_text(status_answer(all), 0);
  EXPECT_NE(text.find("\nlost: 3 log lines, 12 of access logs\n"), std::string::npos) << text;
}

TEST(CtlPrint, WorkersFitTheTerminal) {
  auto all = snapshot();
  all.workers[0].serving = "hello: GET /" + std::string(500, 'x') + "\x1b[2J";
  const std::string text = workers_text(workers_answer(all), 100);
  EXPECT_TRUE(text.starts_with("WORKER"));
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    EXPECT_LE(end - begin, 100U);
    begin = end + 1;
  }
  EXPECT_NE(workers_text(workers_answer(all), 0).find("xxx\\x1b[2J\n"), std::string::npos);
}

TEST(CtlPrint, LongNamesMoveTheColumns) {
  auto all = snapshot();
  all.workers[0].pool = std::string(300, 'p');
  const std::string text = workers_text(workers_answer(all), 80);
  EXPECT_NE(text.find(std::string(300, 'p') + "/0"), std::string::npos);
}

TEST(CtlPrint, AnswersOfOtherMastersAreShownAsFarAsTheyGo) {
  for (const char* line : {R"({"ok":true})", R"({"ok":true,"master":7,"pools":{"a":1},"workers":[null,3]})",
                           R"({"ok":true,"objects":[7,{"holders":{},"losses":[1]},{"holders":[1]}],"letters":[null]})",
                           R"({"ok":true,"restarts":[1],"totals":{"requests":"many"}})", "[]", "not json", ""}) {
    EXPECT_FALSE(status_text(line, 80).empty()) << line;
    EXPECT_FALSE(workers_text(line, 80).empty()) << line;
    EXPECT_FALSE(ipc_text(line, 80).empty()) << line;
    EXPECT_FALSE(dead_letters_text(line, 80).empty()) << line;
    EXPECT_FALSE(json_text(line).empty()) << line;
  }
}

std::vector<master::SharedStatus> shared_objects() {
  master::SharedStatus jobs{"web.jobs", "queue", "1024 x 256 bytes", 400'000, 17, 1024, 2, {}, 0, 3, {}};
  jobs.holders = {{"main/0", 1}, {"main/1", 12}, {"main/2", 1}, {"main/3", 1}};
  jobs.more_holders = 2;
  jobs.losses = {{"expired", 4}};
  return {jobs, {"go", "event", "", 64, 1, 1, 0, {}, 0, 0, {}}, {"hits", "counter", "", 64, 900, 0, 0, {}, 0, 0, {}}};
}

TEST(CtlPrint, Ipc) {
  EXPECT_EQ(
      ipc_text(master::ipc_answer(shared_objects()), 0),
      R"(NAME      KIND     SHAPE                FILL  WAITERS  HOLDERS                                 REPAIRS  LOSSES
web.jobs  queue    1024 x 256 bytes  17/1024        2  main/0, main/1 (12), main/2 and 3 more        3  expired 4
go        event                          1/1        0                                                0
hits      counter                        900        0                                                0
)");
  EXPECT_EQ(ipc_text(master::ipc_answer({}), 0), "the services share no objects\n");
}

TEST(CtlPrint, DeadLetters) {
  EXPECT_EQ(
      dead_letters_text(master::dead_letters_answer("web.jobs", 3, {{17, 5, 2000, "{\\x00"}, {9, 1, 3, "one"}}), 0),
      R"(NUMBER  DELIVERIES  BYTES  CONTENT
    17           5   2000  {\x00
     9           1      3  one
and 1 more
)");
  EXPECT_EQ(dead_letters_text(master::dead_letters_answer("web.jobs", 0, {}), 0),
            "queue web.jobs has no dead letters\n");
}

TEST(CtlPrint, JsonKeepsTheMastersOrder) {
  EXPECT_EQ(json_text(R"({"ok":true,"z":1,"a":{"b":[]}})"), "{\n  \"z\": 1,\n  \"a\": {\n    \"b\": []\n  }\n}\n");
}

TEST(ReadAnswer, OkAndRefused) {
  EXPECT_TRUE(read_answer(master::answer_ok()).ok);
  EXPECT_EQ(read_answer(master::answer_ok("message", "done")).message, "done");
  const Answer refused = read_answer(master::answer_error("no pool \"x\"", 64));
  EXPECT_FALSE(refused.ok);
  EXPECT_EQ(refused.message, "no pool \"x\"");
  EXPECT_EQ(refused.exit_code, 64);
}

TEST(ReadAnswer, WhatIsNoAnswerIsARefusal) {
  for (const char* line : {"", "x", "[]", "{}", R"({"ok":1})", R"({"ok":false})", R"({"ok":false,"exit":0})",
                           R"({"ok":false,"exit":4000})", R"({"ok":false,"exit":-3,"error":7})"}) {
    const Answer answer = read_answer(line);
    EXPECT_FALSE(answer.ok) << line;
    EXPECT_EQ(answer.exit_code, 70) << line;
    EXPECT_FALSE(answer.message.empty()) << line;
  }
}

}  // namespace
}  // namespace prefork::cli
