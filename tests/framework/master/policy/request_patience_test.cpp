#include "framework/master/policy/request_patience.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Kind = ipc::ActivityKind;

std::optional<milliseconds> patience(Kind kind, std::uint8_t service, const std::vector<milliseconds>& timeouts,
                                     bool waits = false) {
  ipc::Activity activity;
  activity.kind = kind;
  activity.service = service;
  return request_patience(activity, waits, timeouts);
}

TEST(RequestPatience, ARequestHasThatOfItsService) {
  const std::vector<milliseconds> timeouts{2s, 0ms, 5s};
  EXPECT_EQ(patience(Kind::request, 0, timeouts), 2500ms);
  EXPECT_EQ(patience(Kind::request, 1, timeouts), std::nullopt);
  EXPECT_EQ(patience(Kind::request, 2, timeouts), 5500ms);
  EXPECT_EQ(patience(Kind::request, 3, timeouts), std::nullopt) << "a worker may write anything";
  EXPECT_EQ(patience(Kind::request, 255, {}), std::nullopt);
}

TEST(RequestPatience, OtherWorkHasThatOfTheMostPatientService) {
  for (const Kind kind : {Kind::none, Kind::connection, Kind::datagram, Kind::timer}) {
    EXPECT_EQ(patience(kind, 0, {2s, 5s, 3s}), 5500ms);
    EXPECT_EQ(patience(kind, 0, {1ms}), 501ms);
    EXPECT_EQ(patience(kind, 0, {2s, 0ms}), std::nullopt) << "it may be done for the one without a limit";
    EXPECT_EQ(patience(kind, 0, {}), std::nullopt);
  }
}

TEST(RequestPatience, AWorkerThatWaitsMayBeLateWithItsSignOfLife) {
  for (const Kind kind : {Kind::none, Kind::connection, Kind::request}) {
    EXPECT_EQ(patience(kind, 0, {2s, 5s, 3s}, true), 6s);
    EXPECT_EQ(patience(kind, 0, {1ms}, true), 3s) << "its machine may be busy";
    EXPECT_EQ(patience(kind, 0, {2s, 0ms}, true), std::nullopt);
    EXPECT_EQ(patience(kind, 0, {}, true), std::nullopt);
  }
}

TEST(RequestPatience, StartAndStopHaveTimesOfTheirOwn) {
  EXPECT_EQ(patience(Kind::starting, 0, {2s}), std::nullopt);
  EXPECT_EQ(patience(Kind::stopping, 0, {2s}), std::nullopt);
}

TEST(NextLook, IsWhenTheShortestCouldBeOver) {
  const TimePoint beat = TimePoint{} + 1h;
  const std::vector<milliseconds> timeouts{5s, 0ms, 2s};
  EXPECT_EQ(next_look(beat, beat + 1s, timeouts), beat + 2500ms);
  EXPECT_EQ(next_look(beat, beat + 3s, timeouts), beat + 5500ms) << "it is not of the shortest: no need to spin";
  EXPECT_EQ(next_look(beat, beat + 100s, timeouts), beat + 102500ms);
  EXPECT_EQ(next_look(beat, beat, std::vector<milliseconds>{0ms, 0ms}), std::nullopt);
  EXPECT_EQ(next_look(beat, beat, {}), std::nullopt);
}

}  // namespace
}  // namespace prefork::master
