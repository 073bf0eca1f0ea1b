#include "framework/cli/ctl_health.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "framework/master/report/status_report.hpp"

namespace prefork::cli {
namespace {

using namespace std::chrono_literals;

master::PoolStatus pool(const std::string& name, unsigned ready, unsigned target) {
  master::PoolStatus status;
  status.name = name;
  status.ready = status.running = ready;
  status.target = target;
  status.scaling = "fixed";
  return status;
}

Health health(const std::vector<master::PoolStatus>& pools, bool stopping = false) {
  master::StatusSnapshot snapshot;
  snapshot.master.stopping = stopping;
  snapshot.pools = pools;
  return health_of(master::status_answer(snapshot));
}

void expect(const Health& health, int code, const std::string& line) {
  EXPECT_EQ(health.exit_code, code) << health.line;
  EXPECT_EQ(health.line, line + "\n");
}

TEST(Health, Well) {
  expect(health({pool("main", 4, 4), pool("admin", 1, 1)}), 0, "well: 5 of 5 workers are ready");
  expect(health({pool("main", 5, 4)}), 0, "well: 5 of 4 workers are ready");  // one is being replaced
  auto off = pool("main", 0, 0);
  expect(health({off}), 0, "well: 0 of 0 workers are ready");
  auto growing = pool("main", 2, 3);
  growing.scaling = "dynamic";
  expect(health({growing}), 0, "well: 2 of 3 workers are ready");
  auto called = pool("main", 0, 1);
  called.scaling = "on demand";
  expect(health({called}), 0, "well: 0 of 1 workers are ready");
}

TEST(Health, Degraded) {
  auto full = pool("main", 4, 4);
  full.full_for = 1ms;
  full.waiting = 12;
  auto failing = pool("b", 1, 2);
  failing.scaling = "dynamic";
  failing.failures = 3;
  failing.last_failure = "cannot start";
  expect(health({full, pool("a", 3, 4), failing}), 1,
         "degraded: pool main is full, 12 wait; pool a has 3 of 4 workers; pool b has 1 of 2 workers (cannot start)");
}

TEST(Health, Down) {
  auto crashing = pool("b", 0, 2);
  crashing.failures = 1;
  crashing.last_failure = "cra\nshed";
  expect(health({pool("a", 1, 2), crashing}), 2,
         "down: pool a has 1 of 2 workers; pool b has no ready worker (cra\\x0ashed)");
  crashing.scaling = "on demand";
  EXPECT_EQ(health({crashing}).exit_code, 2);
  expect(health({pool("a", 2, 2)}, true), 2, "down: the server is being stopped");
  expect(health_down("nobody answers"), 2, "down: nobody answers");
}

TEST(Health, WhatIsNoStatusIsDown) {
  for (const char* line :
       {"", "7", "[]", "{}", R"({"ok":true})", R"({"master":1,"pools":2})", R"({"master":{"state":7},"pools":[]})"}) {
    EXPECT_EQ(health_of(line).exit_code, 2) << line;
  }
  EXPECT_EQ(health_of(R"({"master":{"state":"running"},"pools":[7,null,{}]})").exit_code, 0);
}

}  // namespace
}  // namespace prefork::cli
