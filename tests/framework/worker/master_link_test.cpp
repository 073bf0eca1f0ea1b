#include "framework/worker/master_link.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <vector>

#include "framework/worker/duties.hpp"
#include "framework/worker/process_signals.hpp"
#include "framework/worker/shared/shared_waits.hpp"
#include "ipc/objects/wakeup.hpp"
#include "ipc/posix/pipe.hpp"
#include "tests/framework/worker/harness.hpp"

namespace prefork::worker {
namespace {

using namespace test;

struct LinkTest : testing::Test {
  void SetUp() override { ::signal(SIGPIPE, SIG_IGN); }
  void order(ipc::ControlKind kind, std::uint32_t argument = 0) {
    std::array<std::byte, ipc::kControlBytes> packet;
    ipc::encode({kind, argument}, packet);
    ASSERT_EQ(ipc::send_packet(control.write_end.get(), packet), ipc::SendResult::sent);
  }
  /// All status messages that wait, as "KIND:text".
  std::vector<std::string> heard() {
    std::vector<std::string> all;
    std::array<std::byte, ipc::kMaxPacketBytes> buffer;
    for (;;) {
      const auto [status, packet] = ipc::receive_packet(fromworker.read_end.get(), buffer);
      if (status != ipc::ReceiveStatus::packet) return all;
      const auto message = ipc::decode_status(packet);
      all.push_back(message ? std::to_string(static_cast<int>(message->kind)) + ":" + std::string(message->text) : "?");
    }
  }
  std::uint64_t dropped() const { return h.counter(ipc::Counter::log_lines_dropped); }

  Harness h;
  ipc::PacketPipe control = ipc::PacketPipe::create();
  ipc::PacketPipe fromworker = ipc::PacketPipe::create();
  MasterLink link{control.read_end.get(), fromworker.write_end.get(), h.board.slot(0)};
};

TEST_F(LinkTest, SpeaksTheContract) {
  link.say(ipc::StatusKind::ready);
  link.log(LogLevel::warning, "careful");
  link.say(ipc::StatusKind::cannot_start, "why");
  EXPECT_EQ(heard(), (std::vector<std::string>{"1:", "4:careful", "3:why"}));
}

// Lines below the service's level are not even sent.
TEST_F(LinkTest, AServicesLinesHaveItsPlaceAndPassItsLevel) {
  Runtime runtime(h.board.slot(0), link);
  ServiceHost host(runtime, h.host.identity(), 6, "web", {}, {});
  host.log(LogLevel::debug, "anything");
  host.log_level(LogLevel::warning);
  EXPECT_FALSE(host.logs(LogLevel::notice));
  EXPECT_TRUE(host.logs(LogLevel::warning));
  host.log(LogLevel::notice, "kept back");
  host.log(LogLevel::error, "bad");
  for (const char* line : {"anything", "bad"}) {
    std::array<std::byte, ipc::kMaxPacketBytes> buffer;
    const auto message = ipc::decode_status(ipc::receive_packet(fromworker.read_end.get(), buffer).packet);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->text, line);
    EXPECT_EQ(message->service, 7);
  }
  EXPECT_EQ(heard(), std::vector<std::string>());
}

TEST_F(LinkTest, ALogThatCannotKeepUpIsDroppedAndCounted) {
  unsigned said = 0;
  while (dropped() == 0) {
    link.log(LogLevel::info, "line " + std::to_string(said));
    ++said;
  }
  for (int i = 0; i < 9; ++i) link.log(LogLevel::info, "lost");
  EXPECT_EQ(dropped(), 10U);
  const auto lines = heard();
  ASSERT_EQ(lines.size(), said - 1);
  EXPECT_EQ(lines.back(), "4:line " + std::to_string(said - 2));
  link.log(LogLevel::info, "again");
  EXPECT_EQ(heard(), std::vector<std::string>{"4:again"});
}

// A worker that logs a lot in start() fills the pipe; a lost "ready" would have it aborted later.
TEST_F(LinkTest, ReadyIsNotLostBehindAFullPipeOfLogLines) {
  while (dropped() == 0) link.log(LogLevel::info, "line");
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ipc::UniqueFd told_read(ends[0]), told_write(ends[1]);
  const pid_t master = ::fork();
  if (master == 0) {
    std::vector<std::string> all;
    while (all.empty() || all.back() != "1:") {
      if (!prefork::test::wait_for(fromworker.read_end.get(), POLLIN)) ::_exit(1);
      for (auto& line : heard()) all.push_back(std::move(line));
    }
    ::_exit(0);
  }
  link.say(ipc::StatusKind::ready);
  EXPECT_EQ(prefork::test::reap(master), 0);
}

TEST_F(LinkTest, WithoutAMasterLinesGoToStderr) {
  fromworker.read_end.reset();
  testing::internal::CaptureStderr();
  link.log(LogLevel::error, "orphaned");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "orphaned\n");
  EXPECT_EQ(dropped(), 0U);
}

TEST_F(LinkTest, ReceivesOrdersAndSkipsNonsense) {
  using Kind = MasterLink::Order::Kind;
  EXPECT_EQ(link.receive().kind, Kind::none);
  const std::array<std::byte, 3> nonsense{};
  ipc::send_packet(control.write_end.get(), nonsense);
  order(ipc::ControlKind::retire, 1234);
  const auto got = link.receive();
  EXPECT_EQ(got.kind, Kind::message);
  EXPECT_EQ(got.message.argument, 1234U);
  control.write_end.reset();
  EXPECT_EQ(link.receive().kind, Kind::closed);
}

struct Officer final : DutyOfficer {
  std::vector<int> orders;
  std::vector<int> signals;
  int deaths = 0, retirements = 0;
  void obey(const ipc::ControlMessage& order) override { orders.push_back(static_cast<int>(order.kind)); }
  void master_died() override { ++deaths; }
  void asked_to_retire() override { ++retirements; }
  void signalled(int number) override { signals.push_back(number); }
  void every_second() override {}
};

struct DutiesTest : LinkTest {
  void SetUp() override {
    LinkTest::SetUp();
    if (ProcessSignals::fd() == -1) ProcessSignals::take_over();
  }
  Officer officer;
  ipc::Wakeup wakeup = ipc::Wakeup::create();
  ipc::Bells bells{{wakeup.ring_fd()}};
  SharedWaits waits{h.runtime, {ipc::owner_of(0), &bells}};
};

TEST_F(DutiesTest, PassesOnOrdersSignalsAndTheMastersDeathOnce) {
  Duties duties(h.runtime, link, wakeup.wait_fd(), waits, officer);
  order(ipc::ControlKind::retire);
  order(ipc::ControlKind::finish);
  EXPECT_TRUE(h.turn_until([&] { return officer.orders.size() == 2; }));
  EXPECT_EQ(officer.orders, (std::vector<int>{1, 2}));
  ::raise(SIGTERM);
  EXPECT_TRUE(h.turn_until([&] { return officer.retirements == 1; }));
  ::raise(SIGUSR2);
  ::raise(SIGUSR1);
  ::raise(SIGUSR1);
  EXPECT_TRUE(h.turn_until([&] { return officer.signals.size() == 2; }));
  EXPECT_THAT(officer.signals, testing::UnorderedElementsAre(SIGUSR1, SIGUSR2));
  order(ipc::ControlKind::finish);
  control.write_end.reset();
  EXPECT_TRUE(h.turn_until([&] { return officer.deaths == 1; }));
  EXPECT_EQ(officer.orders.size(), 3U) << "what was said before the end counts";
  for (int i = 0; i < 5; ++i) h.turn();
  duties.attend();
  EXPECT_EQ(officer.deaths, 1);
  EXPECT_FALSE(prefork::test::readable_now(duties.duty_fd())) << "the end of file must not make the loop spin";
}

TEST_F(DutiesTest, BeatsItsHeartAndTakesTheWakes) {
  auto& beat = h.board.slot(0).heartbeat_ns;
  beat.store(0);
  Duties duties(h.runtime, link, wakeup.wait_fd(), waits, officer);
  const auto first = beat.load();
  EXPECT_GT(first, 0U);
  wakeup.wake();
  h.turn();
  EXPECT_FALSE(prefork::test::readable_now(duties.duty_fd())) << "one ring is one event";
  EXPECT_TRUE(h.turn_until([&] { return beat.load() > first; }));
}

}  // namespace
}  // namespace prefork::worker
