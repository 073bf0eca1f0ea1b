#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "framework/master/workforce/workforce.hpp"
#include "ipc/posix/pipe.hpp"
#include "tests/ipc/support.hpp"

// The workers here are functions in forked children that speak the contract.
namespace prefork::master::test_workforce {

using namespace std::chrono_literals;

/// A worker's side of the contract.
class Puppet {
 public:
  explicit Puppet(const SpawnOrder& order) : order_(order) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int signal = 1; signal < SIGRTMIN; ++signal) ::signal(signal, SIG_DFL);
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    std::array<int, 5> keep{0, 1, 2, order.control_fd, order.status_fd};
    std::sort(keep.begin(), keep.end());
    ipc::close_all_except(keep.data(), keep.size());
  }
  void say(ipc::StatusKind kind, std::string_view text = {}) {
    std::array<std::byte, ipc::kMaxStatusBytes> packet;
    ipc::send_packet(order_.status_fd, std::span(packet).first(ipc::encode({kind, 0, text}, packet)));
  }
  ipc::WorkerSlot& slot() { return order_.scoreboard.slot(order_.slot); }
  /// Waits for an order, or for the master's end.
  std::optional<ipc::ControlKind> await_order() {
    std::array<std::byte, ipc::kMaxPacketBytes> buffer;
    for (;;) {
      slot().heartbeat_ns.store(ipc::monotonic_ns());
      test::wait_for(order_.control_fd, POLLIN, 100);
      const auto [status, packet] = ipc::receive_packet(order_.control_fd, buffer);
      if (status == ipc::ReceiveStatus::closed) return std::nullopt;
      if (status != ipc::ReceiveStatus::packet) continue;
      if (const auto message = ipc::decode_control(packet)) return message->kind;
    }
  }
  [[noreturn]] void serve() {
    say(ipc::StatusKind::ready);
    await_order();
    ::_exit(ipc::kExitRetired);
  }

 private:
  const SpawnOrder& order_;
};

class WorkforceTest : public testing::Test {
 protected:
  WorkforceTest() {
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child, &before_);
    signals_.reset(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    generation.options.pools.push_back({});
    pool().name = "main";
    pool().workers = 2;
    generation.listeners = std::make_unique<ListenerSet>(generation.options);
    generation.identities["main"] = ipc::resolve_identity(std::nullopt, std::nullopt);
  }
  ~WorkforceTest() override {
    if (force) {
      force->stop(WorkerEvent::kill_wanted);
      EXPECT_TRUE(turn_until([&] { return force->empty(); }));
      int status = 0;
      EXPECT_EQ(::waitpid(-1, &status, WNOHANG), -1) << "no child is left";
    }
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  config::PoolOptions& pool() { return generation.options.pools[0]; }
  void start(RunWorker run, Workforce::OtherChild other = {}) {
    force = std::make_unique<Workforce>(current, log, reactor, fork_here(std::move(run)), std::move(other));
    reactor.watch(signals_.get(), EPOLLIN, [this](std::uint32_t) {
      signalfd_siginfo info{};
      while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      }
      force->reap();
    });
    force->tend(Clock::now());
  }
  /// Another generation, of the same pools.
  std::shared_ptr<Generation> successor() const {
    auto next = std::make_shared<Generation>();
    next->number = generation.number + 1;
    next->options = generation.options;
    next->identities = generation.identities;
    next->listeners = std::make_unique<ListenerSet>(next->options);
    return next;
  }
  template <class Done>
  bool turn_until(Done done) {
    const auto limit = Clock::now() + 30s;
    while (!done()) {
      if (Clock::now() > limit) return false;
      const auto next = force->next_deadline(Clock::now());
      const auto moment = Clock::now() + 20ms;
      reactor.wait(next && *next < moment ? *next : moment);
      force->tend(Clock::now());
    }
    return true;
  }
  StatusSnapshot status() {
    StatusSnapshot snapshot;
    force->report(snapshot);
    return snapshot;
  }
  unsigned ready() { return status().pools.at(0).ready; }
  bool all_ready() { return ready() == force->goal(0); }
  std::string lines() const {
    std::ostringstream text;
    text << std::ifstream(folder.file("log")).rdbuf();
    return text.str();
  }
  std::uint64_t restarts(const std::string& why) {
    for (const auto& restart : status().restarts) {
      if (restart.reason == why) return restart.count;
    }
    return 0;
  }
  std::map<unsigned, pid_t> pids() {
    std::map<unsigned, pid_t> all;
    for (const auto& worker : status().workers) all[worker.index] = worker.pid;
    return all;
  }

  test::TempFolder folder;
  Log log{folder.file("log"), LogLevel::debug};
  Reactor reactor;
  std::shared_ptr<Generation> current = std::make_shared<Generation>();
  Generation& generation = *current;
  std::unique_ptr<Workforce> force;

 private:
  sigset_t before_{};
  ipc::UniqueFd signals_;
};

}  // namespace prefork::master::test_workforce
