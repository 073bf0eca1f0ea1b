#include "framework/master/control/control_session.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;
using Fed = ControlSession::Fed;

constexpr TimePoint kStart = TimePoint{} + 1h;

// Answers every line with itself and takes the answers whole.
std::vector<std::string> serve(ControlSession& session) {
  std::vector<std::string> lines;
  while (auto line = session.next_line(kStart)) {
    lines.push_back(*line);
    session.answer(*line + '\n', kStart);
    session.wrote(session.output().size(), kStart);
  }
  return lines;
}

TEST(ControlSession, LinesComeWholeHoweverTheyAreCut) {
  const std::string text = "status\r\nscale main 2\n\nworkers\n";
  const std::vector<std::string> expected{"status", "scale main 2", "", "workers"};
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    ControlSession session(kStart);
    EXPECT_EQ(session.feed(text.substr(0, cut)), Fed::ok);
    auto lines = serve(session);
    EXPECT_EQ(session.feed(text.substr(cut)), Fed::ok);
    for (auto& line : serve(session)) lines.push_back(line);
    EXPECT_EQ(lines, expected) << cut;
  }
}

TEST(ControlSession, ALineOfTheLimitIsTakenOneMoreByteIsNot) {
  for (const std::string end : {"\n", "\r\n"}) {
    ControlSession session(kStart);
    EXPECT_EQ(session.feed(std::string(1024, 'x') + end), Fed::ok);
    EXPECT_EQ(session.next_line(kStart)->size(), 1024U);
  }
  ControlSession session(kStart);
  EXPECT_EQ(session.feed(std::string(1024, 'x')), Fed::ok);
  EXPECT_EQ(session.feed("x"), Fed::too_long);
}

TEST(ControlSession, TooLongIsSaidAndThenTheEnd) {
  ControlSession session(kStart);
  ASSERT_EQ(session.feed(std::string(5000, 'x')), Fed::too_long);
  session.answer("no\n", kStart);
  session.close_when_written();
  EXPECT_FALSE(session.wants_input());
  EXPECT_FALSE(session.finished());
  session.wrote(3, kStart);
  EXPECT_TRUE(session.finished());
}

TEST(ControlSession, OneCommandAtATime) {
  ControlSession session(kStart);
  ASSERT_EQ(session.feed("a\nb\n"), Fed::ok);
  EXPECT_EQ(session.next_line(kStart), "a");
  session.answer("answer\n", kStart);
  EXPECT_EQ(session.next_line(kStart), std::nullopt) << "the answer is not out";
  EXPECT_FALSE(session.wants_input());
  session.wrote(3, kStart);
  EXPECT_EQ(session.output(), "wer\n");
  EXPECT_EQ(session.next_line(kStart), std::nullopt);
  session.wrote(4, kStart);
  EXPECT_EQ(session.next_line(kStart), "b");
}

TEST(ControlSession, WaitingHoldsLaterLinesAndHasNoDeadline) {
  ControlSession session(kStart);
  ASSERT_EQ(session.feed("stop\nstatus\n"), Fed::ok);
  ASSERT_TRUE(session.next_line(kStart));
  session.wait();
  EXPECT_EQ(session.next_line(kStart), std::nullopt);
  EXPECT_EQ(session.deadline(), std::nullopt);
  EXPECT_FALSE(session.wants_input()) << "a whole line waits already";
  session.answer("done\n", kStart);
  EXPECT_EQ(session.deadline(), kStart + 10s);
}

TEST(ControlSession, TheClientsEndIsAwaitedWhileACommandRuns) {
  ControlSession session(kStart);
  ASSERT_EQ(session.feed("stop\n"), Fed::ok);
  ASSERT_TRUE(session.next_line(kStart));
  session.wait();
  EXPECT_TRUE(session.wants_input());
  session.input_ended();
  EXPECT_FALSE(session.finished()) << "its answer is owed";
  session.answer("done\n", kStart);
  session.wrote(5, kStart);
  EXPECT_TRUE(session.finished());
}

TEST(ControlSession, WhatWasAskedBeforeTheEndIsAnswered) {
  ControlSession session(kStart);
  ASSERT_EQ(session.feed("a\nhalf"), Fed::ok);
  session.input_ended();
  EXPECT_FALSE(session.finished());
  EXPECT_EQ(serve(session), std::vector<std::string>{"a"});
  EXPECT_TRUE(session.finished()) << "half a line is none";
}

TEST(ControlSession, Deadlines) {
  ControlSession session(kStart);
  EXPECT_EQ(session.deadline(), kStart + 30s);
  ASSERT_EQ(session.feed("sta"), Fed::ok);
  EXPECT_EQ(session.deadline(), kStart + 30s) << "half a line buys no time";
  ASSERT_EQ(session.feed("tus\n"), Fed::ok);
  ASSERT_TRUE(session.next_line(kStart + 5s));
  session.answer("0123456789", kStart + 5s);
  EXPECT_EQ(session.deadline(), kStart + 15s);
  session.wrote(0, kStart + 9s);
  EXPECT_EQ(session.deadline(), kStart + 15s) << "no progress, no time";
  session.wrote(5, kStart + 9s);
  EXPECT_EQ(session.deadline(), kStart + 19s);
  session.wrote(5, kStart + 12s);
  EXPECT_EQ(session.deadline(), kStart + 42s);
}

}  // namespace
}  // namespace prefork::master
