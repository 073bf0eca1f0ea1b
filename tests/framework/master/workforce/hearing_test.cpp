#include "framework/master/workforce/hearing.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "ipc/posix/pipe.hpp"
#include "tests/framework/master/workforce/crew_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_crew;
using testing::HasSubstr;

class HearingTest : public CrewTest {
 protected:
  HearingTest() : worker(add(serve("main", 1))) {
    ipc::PacketPipe pipe = ipc::PacketPipe::create();
    worker.status = std::move(pipe.read_end);
    status = std::move(pipe.write_end);
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    worker.output.reset(ends[0]);
    output.reset(ends[1]);
    hearing.listen(worker);
  }
  void say(const ipc::StatusMessage& message) {
    std::array<std::byte, ipc::kMaxStatusBytes> packet;
    ipc::send_packet(status.get(), std::span(packet).first(ipc::encode(message, packet)));
  }
  void print(std::string_view text) {
    EXPECT_EQ(::write(output.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void turn() { reactor.wait(Clock::now() + 10s); }

  Reactor reactor;
  std::vector<ipc::StatusKind> said;
  Hearing hearing{crew, reactor, log,
                  [this](WorkerRecord&, const ipc::StatusMessage& message) { said.push_back(message.kind); }};
  WorkerRecord& worker;
  ipc::UniqueFd status;
  ipc::UniqueFd output;
};

TEST_F(HearingTest, LinesGoToTheLogAndOtherMessagesToTheCallback) {
  say({ipc::StatusKind::log, static_cast<std::uint8_t>(LogLevel::warning), "the disk is full"});
  say({ipc::StatusKind::ready, 0, ""});
  turn();
  EXPECT_EQ(said, std::vector<ipc::StatusKind>{ipc::StatusKind::ready});
  EXPECT_THAT(lines(), testing::ContainsRegex("warning worker main/0 \\(pid 1000\\).*the disk is full"));
}

TEST_F(HearingTest, WhatItPrintsIsALineWhenItIsComplete) {
  print("one\ntw");
  turn();
  EXPECT_THAT(lines(), HasSubstr("one"));
  EXPECT_THAT(lines(), testing::Not(HasSubstr("tw")));
  print("o\n");
  turn();
  EXPECT_THAT(lines(), HasSubstr("two"));
}

TEST_F(HearingTest, ReadsToTheEndOfADeadWorkersPipes) {
  say({ipc::StatusKind::cannot_start, 0, "no database"});
  print("the end");
  hearing.hear_last_words(worker);
  EXPECT_EQ(said, std::vector<ipc::StatusKind>{ipc::StatusKind::cannot_start});
  EXPECT_THAT(lines(), HasSubstr("the end")) << "though the line is not complete";
}

TEST_F(HearingTest, NonsenseIsToldOnce) {
  const std::array<std::byte, 3> nonsense{std::byte{99}, std::byte{99}, std::byte{99}};
  ipc::send_packet(status.get(), nonsense);
  ipc::send_packet(status.get(), nonsense);
  turn();
  const std::string sentence = "sends what no worker sends";
  EXPECT_THAT(lines(), HasSubstr(sentence));
  EXPECT_EQ(lines().find(sentence), lines().rfind(sentence));
  EXPECT_TRUE(said.empty());
}

TEST_F(HearingTest, LinesBeyondTheRateAreCounted) {
  generation->options.pools[0].log_rate = 1;
  worker.log = LogBudget(1);
  for (unsigned i = 0; i < 15; ++i) print("again\n");
  turn();
  EXPECT_EQ(crew.totals.lines_over_rate, 5U);
  EXPECT_THAT(lines(), HasSubstr("worker main/0 (pid 1000) logs more than 1 lines a second (log-rate): 1 line of it is "
                                 "dropped so far"));
  say({ipc::StatusKind::log, 0, "last words: SIGSEGV"});
  hearing.hear_last_words(worker);
  EXPECT_THAT(lines(), HasSubstr("last words: SIGSEGV"));
  EXPECT_THAT(lines(), HasSubstr("5 lines of it are dropped so far"));
}

}  // namespace
}  // namespace prefork::master
