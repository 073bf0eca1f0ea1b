#include "framework/worker/net/acceptor.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <stdexcept>
#include <vector>

#include "tests/framework/worker/harness.hpp"
#include "tests/ipc/posix/refused_call.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::worker {
namespace {

using namespace test;

TEST(FairShare, AllowanceIsTheMeanAndALittle) {
  struct Row {
    std::size_t total, workers, allowed;
  };
  for (const auto& [total, workers, allowed] : {Row{0, 4, 1},
                                                {1, 4, 1},
                                                {4, 4, 2},
                                                {7, 2, 4},
                                                {64, 4, 18},
                                                {400, 4, 107},
                                                {2'000, 4, 507},
                                                {40'000, 4, 10'007}}) {
    EXPECT_EQ(FairShare::allowance(total, workers), allowed) << total << " over " << workers;
  }
  // Were no more allowed than the mean, a new connection could find no worker that takes it.
  for (std::size_t total = 0; total < 3000; total += 7) {
    for (std::size_t workers = 1; workers < 70; ++workers) {
      ASSERT_GE(FairShare::allowance(total, workers) * workers, total + 1);
    }
  }
}

struct FairShareTest : testing::Test {
  void sibling(std::size_t i, std::uint32_t connections, ipc::SeatState state = ipc::SeatState::accepting) {
    seats[i].connections.store(connections);
    seats[i].state.store(state);
    seats[i].heartbeat_ns.store(now);
  }
  std::uint64_t now = 100'000'000'000;
  ipc::Seats seats = ipc::Seats::create(4);
  FairShare share{seats, 0};
};

TEST_F(FairShareTest, ExceededOnlyWhereASiblingCanTakeTheNext) {
  sibling(0, 50);
  EXPECT_FALSE(share.exceeded()) << "alone";
  sibling(1, 10);
  EXPECT_TRUE(share.exceeded());
  for (const auto state : {ipc::SeatState::empty, ipc::SeatState::starting, ipc::SeatState::draining}) {
    sibling(1, 10, state);
    EXPECT_FALSE(share.exceeded()) << static_cast<int>(state);
  }
  sibling(1, 10);
  seats[1].heartbeat_ns.store(now - 3'000'000'001);
  EXPECT_FALSE(share.exceeded()) << "stuck";
  seats[1].heartbeat_ns.store(now - 2'999'999'999);
  EXPECT_TRUE(share.exceeded());
}

TEST_F(FairShareTest, EqualLoadIsNotExceeded) {
  for (std::size_t i = 0; i < 4; ++i) sibling(i, 200);
  EXPECT_FALSE(share.exceeded());
  seats[0].connections.store(208);
  EXPECT_FALSE(share.exceeded());
  seats[0].connections.store(230);
  EXPECT_TRUE(share.exceeded());
}

struct AcceptorTest : testing::Test, Served {
  AcceptorTest() {
    listener.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ipc::check_syscall(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length), "bind");
    ipc::check_syscall(::listen(listener.get(), 128), "listen");
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
    runtime.seat = &seats[0];
    seats.clear(0, ipc::SeatState::accepting);
    service.connection = [](Connection& peer) -> Task<void> {
      while (co_await peer.read_some()) {
      }
    };
  }
  Acceptor& start(std::size_t max_connections = 0) {
    acceptor = std::make_unique<Acceptor>(runtime, FairShare(seats, 0), max_connections);
    acceptor->add(listener.get(), "tcp://test", protocol_of(service));
    acceptor->arm();
    return *acceptor;
  }
  ipc::UniqueFd connect() {
    ipc::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ipc::check_syscall(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
    return fd;
  }
  std::uint32_t held() const { return runtime.connection_count; }
  ipc::Seats seats = ipc::Seats::create(4);
  sockaddr_in address{};
  ipc::UniqueFd listener;
  std::unique_ptr<Acceptor> acceptor;
  std::vector<ipc::UniqueFd> clients;
};

TEST_F(AcceptorTest, AConnectionThatMayNotBeTakenDoesNotMakeItSpin) {
  const auto client = connect();
  for (const auto& [error, pauses] : {std::pair{EPERM, 1U}, {EINVAL, 1U}, {EPROTO, 0U}, {ECONNABORTED, 0U}}) {
    EXPECT_EQ(prefork::test::in_child([&, error = error] {
                const auto before = counter(ipc::Counter::accept_pauses);
                auto& running = start();
                prefork::test::refuse_call(SYS_accept4, error);
                turn();
                running.stop();  // the epoll is shared with the next child
                return std::to_string(counter(ipc::Counter::accept_pauses) - before);
              }),
              std::to_string(pauses))
        << std::strerror(error);
  }
}

TEST_F(AcceptorTest, AcceptsUntilItIsStopped) {
  auto& running = start();
  for (int i = 0; i < 20; ++i) clients.push_back(connect());
  EXPECT_TRUE(turn_until([&] { return held() == 20; }));
  running.stop();
  EXPECT_EQ(counter(ipc::Counter::accept_pauses), 0U) << "stopping is no pause";
  clients.push_back(connect());
  for (int i = 0; i < 10; ++i) turn();
  EXPECT_EQ(held(), 20U);
  running.arm();
  for (int i = 0; i < 10; ++i) turn();
  EXPECT_EQ(held(), 20U) << "stopped for good";
  clients.clear();
  hang_up();
}

TEST_F(AcceptorTest, BeyondItsShareItPausesAndComesBack) {
  seats.clear(1, ipc::SeatState::accepting);
  auto& sibling = seats[1];
  start();
  for (int i = 0; i < 6; ++i) clients.push_back(connect());
  EXPECT_TRUE(turn_until([&] { return counter(ipc::Counter::accept_pauses) >= 1; }));
  EXPECT_LT(held(), 6U) << "it steps back before it has them all";
  EXPECT_TRUE(turn_until([&] { return held() == 6; })) << "nobody else took them";
  const auto pauses = counter(ipc::Counter::accept_pauses);
  EXPECT_GE(pauses, 2U);
  sibling.connections.store(50);
  for (int i = 0; i < 6; ++i) clients.push_back(connect());
  EXPECT_TRUE(turn_until([&] { return held() == 12; }));
  EXPECT_LE(counter(ipc::Counter::accept_pauses), pauses + 1) << "within its share it does not pause";
  clients.clear();
  hang_up();
}

TEST_F(AcceptorTest, NoMoreThanTheLimitAreHeld) {
  start(3);
  for (int i = 0; i < 5; ++i) clients.push_back(connect());
  EXPECT_TRUE(turn_until([&] { return held() == 3; }));
  for (int i = 0; i < 20; ++i) turn();
  EXPECT_EQ(held(), 3U);
  clients.erase(clients.begin(), clients.begin() + 2);
  EXPECT_TRUE(turn_until([&] { return counter(ipc::Counter::accepted) == 5; })) << "those that waited get their turn";
  clients.clear();
  hang_up();
}

// Goal: of a listener that nobody takes from afterwards all are taken that wait, within the limit, and it is closed
// then.
TEST_F(AcceptorTest, TakesWhoWaitsBeforeItClosesForGood) {
  auto& running = start(12);
  running.stop();
  for (int i = 0; i < 20; ++i) clients.push_back(connect());
  running.take_waiting(ipc::UniqueFd(listener.release()));
  EXPECT_TRUE(running.takes_waiting());
  EXPECT_TRUE(turn_until([&] { return held() == 12; }));
  EXPECT_TRUE(running.takes_waiting()) << "others still wait";
  clients.erase(clients.begin(), clients.begin() + 12);
  EXPECT_TRUE(turn_until([&] { return counter(ipc::Counter::accepted) == 20; }));
  EXPECT_TRUE(turn_until([&] { return !running.takes_waiting(); }));
  ipc::UniqueFd late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(late.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), -1) << "it is closed";
  for (const auto& client : clients) send(client.get(), "x");
  clients.clear();
  hang_up();
}

TEST_F(AcceptorTest, DoesNotTakeFromABacklogForEver) {
  auto& running = start(1);
  running.stop();
  for (int i = 0; i < 3; ++i) clients.push_back(connect());
  running.take_waiting(ipc::UniqueFd(listener.release()));
  EXPECT_TRUE(turn_until([&] { return !running.takes_waiting(); })) << "there is no room for the second";
  EXPECT_EQ(counter(ipc::Counter::accepted), 1U);
  clients.clear();
  hang_up();
}

// Goal: with no descriptor left the loop waits; once there are some it accepts what has waited.
TEST_F(AcceptorTest, DescriptorsThatRunOutDoNotMakeItSpin) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizers' own checks need descriptors";
#endif
  start();
  EXPECT_EQ(prefork::test::in_child([&]() -> std::string {
              clients.push_back(connect());
              const auto open = prefork::test::open_descriptors();
              const rlimit limit{static_cast<rlim_t>(*open.rbegin() + 1), static_cast<rlim_t>(*open.rbegin() + 1)};
              ::setrlimit(RLIMIT_NOFILE, &limit);
              int last = -1;
              for (int fd = 0; (fd = ::fcntl(0, F_DUPFD, 0)) != -1;) last = fd;
              if (last == -1) last = ::dup2(0, 0);
              int turns = 0;
              const auto end = std::chrono::steady_clock::now() + 250ms;
              struct Alarm final : TimerWheel::Entry {
                void on_timer() override {}
              } alarm;
              for (; std::chrono::steady_clock::now() < end; ++turns) {
                runtime.loop.timers().arm(alarm, runtime.loop.tick_after(50));
                runtime.loop.turn();
              }
              if (turns > 40) return "spins: " + std::to_string(turns) + " turns";
              if (held() != 0) return "accepted without descriptors";
              ::close(last > 2 ? last : 0);
              return turn_until([&] { return held() == 1; }) ? "" : "does not go on";
            }),
            "");
}

struct Refusing final : Protocol {
  int& total;
  explicit Refusing(int& count) : total(count) {}
  void open(Transport, const PeerAddress&) override {
    ++total;
    throw std::runtime_error("no room");
  }
  void on_datagram(Datagram&) override {}
};

TEST_F(AcceptorTest, AConnectionThatCannotBeOpenedIsLoggedAndTheNextIsTried) {
  int opened = 0;
  Acceptor refusing(runtime, FairShare(seats, 0), 0);
  refusing.add(listener.get(), "tcp://test", std::make_unique<Refusing>(opened));
  refusing.arm();
  clients.push_back(connect());
  clients.push_back(connect());
  EXPECT_TRUE(turn_until([&] { return opened == 2; }));
  EXPECT_EQ(log.lines.at(0), "tcp://test: a connection was refused: no room");
  refusing.stop();
}

TEST_F(AcceptorTest, AClientThatHasGoneIsNotServed) {
  std::vector<std::string> heard;
  service.connection = [&](Connection& peer) -> Task<void> {
    while (const auto bytes = co_await peer.read_some()) heard.emplace_back(*bytes);
  };
  const auto say = [&](const ipc::UniqueFd& fd, std::string_view text) {
    ASSERT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  };
  ipc::UniqueFd gone = connect();
  say(gone, "poison");
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(::setsockopt(gone.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
  gone.reset();
  const ipc::UniqueFd half = connect();
  say(half, "half-closed");
  ASSERT_EQ(::shutdown(half.get(), SHUT_WR), 0);
  ipc::UniqueFd whole = connect();
  say(whole, "whole");
  start();
  EXPECT_TRUE(turn_until([&] { return heard.size() == 2; }));
  EXPECT_EQ(heard, (std::vector<std::string>{"half-closed", "whole"}));
  whole.reset();
  EXPECT_TRUE(turn_until([&] { return held() == 0; }));
  EXPECT_EQ(board.slot(0).counters[static_cast<std::size_t>(ipc::Counter::accepted)], 2U);
}

}  // namespace
}  // namespace prefork::worker
