#include "framework/master/workforce/workforce.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <cstring>

#include "tests/framework/master/workforce/workforce_fixture.hpp"
#include "tests/ipc/posix/refused_call.hpp"

namespace prefork::master {
namespace {

using namespace test_workforce;
using testing::HasSubstr;

TEST_F(WorkforceTest, FillsItsPoolsAndRefillsAfterAKill) {
  start([](const SpawnOrder& order) { Puppet(order).serve(); });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  const auto first = pids();
  ASSERT_EQ(first.size(), 2U);
  ::kill(first.at(1), SIGKILL);
  ASSERT_TRUE(turn_until([&] { return all_ready() && pids() != first; }));
  EXPECT_EQ(pids().at(0), first.at(0)) << "the other is unharmed";
  EXPECT_EQ(pids().count(1), 1U) << "the replacement has its predecessor's place";
  EXPECT_EQ(restarts("killed"), 1U);
  EXPECT_THAT(lines(), HasSubstr("worker main/1 (pid " + std::to_string(first.at(1))));
}

TEST_F(WorkforceTest, AWorkerThatCantBeHeardIsNotKept) {
  pool().workers = 0;
  EXPECT_THAT(test::in_child([&]() -> std::string {
                start([](const SpawnOrder& order) { Puppet(order).serve(); });
                test::refuse_call(SYS_epoll_ctl, ENOSPC);
                force->sizing().set_goal(0, 1);
                force->tend(Clock::now());
                const bool gone = turn_until([&] { return status().pools[0].running == 0; });
                return gone ? lines() : "a worker is left";
              }),
              HasSubstr("no worker started: epoll_ctl EPOLL_CTL_ADD: No space left on device"));
}

TEST_F(WorkforceTest, WorkersAreSignalledWherePidfdsMayNotBeUsed) {
  EXPECT_EQ(test::in_child([&]() -> std::string {
              test::refuse_call(SYS_pidfd_send_signal, EPERM);
              start([](const SpawnOrder& order) { Puppet(order).serve(); });
              if (!turn_until([&] { return all_ready(); })) return "not ready";
              force->stop(WorkerEvent::kill_wanted);
              return turn_until([&] { return force->empty(); }) ? "" : "a worker is left";
            }),
            "");
}

TEST_F(WorkforceTest, StartsThatFailAreThrottled) {
  pool().workers = 1;
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    puppet.say(ipc::StatusKind::cannot_start, "no such database");
    ::_exit(ipc::kExitCannotStart);
  });
  ASSERT_TRUE(turn_until([&] { return status().pools[0].failures >= 3; }));
  const auto next = force->next_deadline(Clock::now());
  ASSERT_TRUE(next);
  EXPECT_GT(*next, Clock::now()) << "it waits";
  EXPECT_EQ(restarts("cannot-start"), status().pools[0].failures);
  EXPECT_THAT(lines(), HasSubstr("no such database"));
  EXPECT_THAT(lines(), HasSubstr("failures in a row (cannot start), the next start is tried in"));
}

TEST_F(WorkforceTest, WhetherItDiedOverAClientDecides) {
  pool().workers = 1;
  const ipc::UniqueFd crashes(::eventfd(20, EFD_NONBLOCK | EFD_SEMAPHORE));
  start([&](const SpawnOrder& order) {
    std::uint64_t token = 0;
    const bool poisoned = ::read(crashes.get(), &token, sizeof token) > 0;
    Puppet puppet(order);
    const auto kind = poisoned ? ipc::ActivityKind::connection : ipc::ActivityKind::timer;
    puppet.slot().begin_activity(kind, 0, ipc::monotonic_ns(), {});
    puppet.say(ipc::StatusKind::ready);
    ::abort();
  });
  ASSERT_TRUE(turn_until([&] { return restarts("crashed") >= 20; }));
  EXPECT_EQ(status().pools[0].failures, 0U);
  ASSERT_TRUE(turn_until([&] { return status().pools[0].failures >= 3; })) << "its own timer kills it";
  EXPECT_EQ(status().pools[0].last_failure, "ended soon after it was ready");
}

TEST_F(WorkforceTest, AWorkerThatDoesNotGetReadyIsAborted) {
  pool().workers = 1;
  pool().boot_timeout = 50ms;
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    for (;;) ::pause();
  });
  ASSERT_TRUE(turn_until([&] { return restarts("boot-timeout") >= 1; }));
  ASSERT_TRUE(turn_until([&] { return lines().find("SIGABRT") != std::string::npos; }));
  EXPECT_THAT(lines(), HasSubstr("is not ready in time: it is aborted"));
}

// The test stops where the master would be frozen.
TEST_F(WorkforceTest, TimeInWhichNobodyRanIsNobodysFault) {
  pool().workers = 2;
  pool().boot_timeout = 1200ms;
  pool().worker_timeout = 1200ms;
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    if (order.index == 1) puppet.say(ipc::StatusKind::ready);
    ::raise(SIGSTOP);  // neither gets ready nor beats
    for (;;) ::pause();
  });
  ASSERT_TRUE(turn_until([&] { return ready() == 1; }));
  const TimePoint before = Clock::now();
  ::poll(nullptr, 0, 2000);
  const TimePoint resumed = Clock::now();
  EXPECT_LE(resumed - before, 600ms);
  force->tend(resumed);
  EXPECT_EQ(restarts("boot-timeout") + restarts("heartbeat-lost"), 0U);
  EXPECT_TRUE(turn_until([&] { return restarts("boot-timeout") > 0; })) << "its time goes on";
  EXPECT_TRUE(turn_until([&] { return restarts("heartbeat-lost") > 0; }));
}

TEST_F(WorkforceTest, AWorkerWithoutAHeartbeatIsReplacedAndKilled) {
  pool().workers = 1;
  pool().worker_timeout = 400ms;
  start([](const SpawnOrder& order) { Puppet(order).serve(); });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  const pid_t stuck = pids().at(0);
  ::kill(stuck, SIGSTOP);
  ASSERT_TRUE(turn_until([&] { return restarts("heartbeat-lost") == 1; }));
  EXPECT_TRUE(turn_until([&] { return ready() == 1 && status().pools[0].running == 2; }))
      << "replaced before it is gone";
  // A stopped process does not see SIGABRT; going on, it dies of it.
  ::kill(stuck, SIGCONT);
  EXPECT_TRUE(turn_until([&] { return status().pools[0].running == 1; }));
  EXPECT_NE(pids().at(0), stuck);
  EXPECT_THAT(lines(), HasSubstr("has no heartbeat: it is aborted"));
}

TEST_F(WorkforceTest, AWorkerPastARequestTimeoutIsAborted) {
  pool().workers = 1;
  pool().worker_timeout = 0ms;
  for (const auto& [name, timeout] : {std::pair("free", 0ms), std::pair("limited", 1ms)}) {
    config::ServiceOptions service;
    service.name = name;
    service.request_timeout = timeout;
    generation.options.services.push_back(service);
  }
  const ipc::UniqueFd starts(::eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE));
  start([&](const SpawnOrder& order) {
    std::uint64_t token = 0;
    const bool stuck = ::read(starts.get(), &token, sizeof token) > 0;
    Puppet puppet(order);
    if (!stuck) puppet.serve();
    puppet.slot().begin_activity(ipc::ActivityKind::request, 1, ipc::monotonic_ns(),
                                 std::string(ipc::kActivityAddress, '\0'), "GET /x");
    puppet.say(ipc::StatusKind::ready);
    for (;;) ::pause();
  });
  ASSERT_TRUE(turn_until([&] { return restarts("request-timeout") == 2; }));
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  EXPECT_EQ(restarts("heartbeat-lost"), 0U);
  EXPECT_THAT(lines(), HasSubstr("is past a request-timeout: it is aborted; it is serving limited: GET /x"));
}

TEST_F(WorkforceTest, ScaleDownRetiresTheIdleOneAndScaleUpFillsAgain) {
  pool().workers = 3;
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    puppet.slot().connections.store(order.index == 1 ? 0 : 10 + order.index);
    puppet.serve();
  });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  const auto before = pids();
  ASSERT_TRUE(force->sizing().set_goal(0, 2));
  ASSERT_TRUE(turn_until([&] { return status().pools[0].running == 2; }));
  EXPECT_EQ(pids(), (std::map<unsigned, pid_t>{{0, before.at(0)}, {2, before.at(2)}}));
  ASSERT_TRUE(force->sizing().set_goal(0, 3));
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  EXPECT_EQ(pids().at(0), before.at(0));
  EXPECT_EQ(pids().size(), 3U);
  EXPECT_EQ(restarts("drained") + restarts("crashed") + restarts("killed"), 0U) << "what is wanted is no departure";
  EXPECT_FALSE(force->sizing().set_goal(0, 100'000));
}

TEST_F(WorkforceTest, AWorkerThatDrainsItselfIsReplacedAtOnce) {
  pool().workers = 1;
  const ipc::UniqueFd first_only(::eventfd(1, EFD_NONBLOCK));
  start([&](const SpawnOrder& order) {
    std::uint64_t token = 0;
    const bool first = ::read(first_only.get(), &token, sizeof token) > 0;
    Puppet puppet(order);
    if (!first) puppet.serve();
    puppet.say(ipc::StatusKind::ready);
    puppet.say(ipc::StatusKind::draining);
    puppet.await_order();
  });
  ASSERT_TRUE(turn_until([&] { return ready() == 1 && status().pools[0].running == 2; }));
  EXPECT_EQ(restarts("drained"), 1U);
}

TEST_F(WorkforceTest, AWorkerThatHasReachedALimitGetsItsSuccessorFirst) {
  pool().workers = 1;
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    if (order.index == 0) puppet.say(ipc::StatusKind::recycle, "max-requests 5");
    puppet.serve();
  });
  EXPECT_TRUE(turn_until([&] { return restarts("max-requests") == 1; }));
  unsigned fewest = 1000;
  EXPECT_TRUE(turn_until([&] {
    if (fewest < 1000 || ready() > 0) fewest = std::min(fewest, ready());
    return pids().count(0) == 0 && ready() == 1;
  }));
  EXPECT_EQ(fewest, 1U);
}

// Else a worker that says so at its start would keep the machine busy with starts.
TEST_F(WorkforceTest, WhoAsksTooOftenToBeReplacedServesOn) {
  pool().workers = 1;
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    puppet.say(ipc::StatusKind::ready);
    puppet.say(ipc::StatusKind::recycle, "max-requests 1");
    puppet.await_order();
    ::_exit(ipc::kExitRetired);
  });
  ASSERT_TRUE(
      turn_until([&] { return lines().find("ask too often to be replaced (max-requests)") != std::string::npos; }));
  EXPECT_EQ(restarts("max-requests"), 10U);
  EXPECT_EQ(ready(), 1U);
  ASSERT_TRUE(turn_until([&] { return restarts("max-requests") == 11; })) << "one by one";
}

TEST_F(WorkforceTest, AFloodOfLinesIsCutAndCountedAndTheLastWordsPass) {
  pool().workers = 1;
  pool().log_rate = 10;
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    puppet.say(ipc::StatusKind::ready);
    std::array<std::byte, ipc::kMaxStatusBytes> packet;
    const auto say = [&](std::string_view text) {
      const std::size_t length = ipc::encode({ipc::StatusKind::log, 4, text}, packet);
      while (ipc::send_packet(order.status_fd, std::span(packet).first(length)) == ipc::SendResult::full) {
        ::poll(nullptr, 0, 1);
      }
    };
    if (order.index == 0) {
      for (int i = 0; i < 2000; ++i) say("flood");
      say("last words: SIGSEGV");
      say("last words: again");
    }
    puppet.await_order();
    ::_exit(ipc::kExitRetired);
  });
  ASSERT_TRUE(turn_until([&] { return lines().find("last words: SIGSEGV") != std::string::npos; }));
  ASSERT_TRUE(turn_until([&] { return status().log.dropped_by_rate >= 1501; }));
  const std::string text = lines();
  std::size_t floods = 0;
  for (std::size_t at = text.find("flood"); at != std::string::npos; at = text.find("flood", at + 1)) ++floods;
  EXPECT_GE(floods, 100U);
  EXPECT_LT(floods, 500U);
  EXPECT_EQ(text.find("last words: again"), std::string::npos) << "once";
  EXPECT_NE(text.find("logs more than 10 lines a second (log-rate): 1 line of it is dropped so far"),
            std::string::npos);
}

TEST_F(WorkforceTest, WhatItPrintsCountsAsLines) {
  pool().workers = 1;
  pool().log_rate = 10;
  start([](const SpawnOrder& order) {
    if (::dup2(order.output_fd, STDERR_FILENO) < 0) ::_exit(1);
    Puppet puppet(order);
    puppet.say(ipc::StatusKind::ready);
    const std::string flood = "flood\n";
    for (int i = 0; order.index == 0 && i < 2000; ++i) {
      if (::write(STDERR_FILENO, flood.data(), flood.size()) < 0) ::_exit(1);
    }
    puppet.await_order();
    ::_exit(ipc::kExitRetired);
  });
  ASSERT_TRUE(turn_until([&] { return status().log.dropped_by_rate >= 1500; }));
  EXPECT_NE(lines().find("flood"), std::string::npos);
  EXPECT_NE(lines().find("logs more than 10 lines a second"), std::string::npos);
}

// The master's loop would not sleep any more.
TEST_F(WorkforceTest, WhoLeavesDoesNotWaitForItsTurnToBeReplaced) {
  pool().workers = 1;
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    puppet.say(ipc::StatusKind::ready);
    puppet.say(ipc::StatusKind::recycle, "max-requests 1");
    for (;;) ::pause();
  });
  ASSERT_TRUE(
      turn_until([&] { return lines().find("ask too often to be replaced (max-requests)") != std::string::npos; }));
  force->stop(WorkerEvent::finish_wanted);
  const TimePoint later = Clock::now() + 2s;
  EXPECT_GT(*force->next_deadline(later), later);
  force->stop(WorkerEvent::kill_wanted);
  ASSERT_TRUE(turn_until([&] { return force->empty(); }));
}

TEST_F(WorkforceTest, ALimitThatIsNoneIsNoWordOfAWorkers) {
  pool().workers = 1;
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    puppet.say(ipc::StatusKind::recycle, "boredom 5");
    puppet.serve();
  });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  EXPECT_TRUE(status().restarts.empty());
  EXPECT_NE(lines().find("sends what no worker sends"), std::string::npos);
}

TEST_F(WorkforceTest, StopLevels) {
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    puppet.say(ipc::StatusKind::ready);
    // Worker 0 goes when it is told to finish; worker 1 when it is told to stop at once; worker 2 never.
    while (const auto kind = puppet.await_order()) {
      if (order.index == 0 && kind == ipc::ControlKind::finish) ::_exit(0);
      if (order.index == 1 && kind == ipc::ControlKind::stop_now) ::_exit(0);
    }
  });
  force->sizing().set_goal(0, 3);
  force->tend(Clock::now());
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  force->stop(WorkerEvent::finish_wanted);
  ASSERT_TRUE(turn_until([&] { return status().pools[0].running == 2; }));
  force->stop(WorkerEvent::fast_stop_wanted);
  ASSERT_TRUE(turn_until([&] { return status().pools[0].running == 1; }));
  EXPECT_EQ(pids().count(2), 1U);
  force->stop(WorkerEvent::kill_wanted);
  ASSERT_TRUE(turn_until([&] { return force->empty(); }));
  EXPECT_FALSE(force->next_deadline(Clock::now())) << "nothing is started any more";
}

TEST_F(WorkforceTest, WithoutATimeLimitAWorkerIsGivenAllTheTime) {
  pool().workers = 1;
  generation.options.master.shutdown_timeout = 0ms;
  const ipc::UniqueFd told(::eventfd(0, EFD_NONBLOCK));
  start([&](const SpawnOrder& order) {
    const int keep = ::dup2(told.get(), 2);  // the puppet keeps stderr
    Puppet puppet(order);
    puppet.say(ipc::StatusKind::ready);
    std::array<std::byte, ipc::kMaxPacketBytes> buffer;
    test::wait_for(order.control_fd, POLLIN);
    const auto [state, packet] = ipc::receive_packet(order.control_fd, buffer);
    const std::uint64_t limit = ipc::decode_control(packet)->argument;
    if (::write(keep, &limit, sizeof limit) < 0) ::_exit(1);
    ::_exit(0);
  });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  force->stop(WorkerEvent::finish_wanted);
  ASSERT_TRUE(turn_until([&] { return force->empty(); }));
  std::uint64_t limit = 0;
  ASSERT_EQ(::read(told.get(), &limit, sizeof limit), static_cast<ssize_t>(sizeof limit));
  EXPECT_EQ(limit, UINT32_MAX);
}

// Goal: totals never go back, whoever dies and whatever is written.
TEST_F(WorkforceTest, CountersAreFoldedAndNeverGoBack) {
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    puppet.slot().add(ipc::Counter::requests, 100 + order.index);
    puppet.serve();
  });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  std::uint64_t last = status().totals.requests;
  EXPECT_EQ(last, 201U);
  for (int kills = 0; kills < 4; ++kills) {
    const pid_t victim = pids().begin()->second;
    ::kill(victim, SIGKILL);
    ASSERT_TRUE(turn_until([&] {
      const auto now = status().totals.requests;
      EXPECT_GE(now, last);
      last = now;
      return pids().begin()->second != victim && all_ready();
    }));
  }
  EXPECT_GE(last, 600U);
}

TEST_F(WorkforceTest, NonsenseFromAWorkerIsSurvived) {
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    if (order.index == 0) puppet.serve();
    std::memset(static_cast<void*>(&puppet.slot()), 0xff, sizeof(ipc::WorkerSlot));
    std::array<std::byte, ipc::kMaxPacketBytes> bytes;
    for (int i = 0; i < 40; ++i) {
      bytes.fill(static_cast<std::byte>(i * 7));
      test::wait_for(order.status_fd, POLLOUT);
      ipc::send_packet(order.status_fd, std::span(bytes).first(static_cast<std::size_t>(i * 100 + 1)));
    }
    puppet.say(ipc::StatusKind::log, "evil\n\x1b[31m line");
    puppet.say(ipc::StatusKind::ready);
    puppet.say(ipc::StatusKind::ready);
    puppet.await_order();
  });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  const auto snapshot = status();
  EXPECT_EQ(snapshot.totals.requests, UINT64_MAX);
  EXPECT_EQ(snapshot.workers.size(), 2U);
  const std::string text = lines();
  const std::string complaint = "sends what no worker sends";
  ASSERT_THAT(text, HasSubstr(complaint));
  EXPECT_EQ(text.find(complaint), text.rfind(complaint)) << "once, not for each packet";
  EXPECT_THAT(text, HasSubstr("evil\\x0a\\x1b[31m line"));
  const pid_t broken = pids().at(1);
  ::kill(broken, SIGKILL);
  ASSERT_TRUE(turn_until([&] { return all_ready() && pids().at(1) != broken; }));
  EXPECT_EQ(status().totals.requests, UINT64_MAX) << "it did not go back";
}

TEST_F(WorkforceTest, AStatusPipeThatEndsDoesNotMakeTheMasterSpin) {
  pool().workers = 1;
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    puppet.say(ipc::StatusKind::ready);
    ::close(order.status_fd);
    puppet.await_order();
  });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  int turns = 0;
  for (const auto end = Clock::now() + 100ms; Clock::now() < end; ++turns) reactor.wait(Clock::now() + 20ms);
  EXPECT_LE(turns, 30);
}

}  // namespace
}  // namespace prefork::master
