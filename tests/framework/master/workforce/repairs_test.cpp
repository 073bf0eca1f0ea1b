#include "framework/master/workforce/repairs.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "framework/master/generation/shared_set.hpp"
#include "ipc/objects/message_queue.hpp"
#include "ipc/objects/metrics.hpp"
#include "ipc/objects/semaphore.hpp"

namespace prefork::master {
namespace {

using namespace std::chrono_literals;
using ipc::SharedKind;

constexpr std::size_t kSlots = 64;
constexpr std::uint32_t kMany = 1U << 14;
constexpr std::size_t kPieces = kMany / Slice::kSpots;

class RepairsTest : public testing::Test {
 protected:
  ipc::MessageQueue queue(std::size_t slot) {
    return {set_.find("jobs")->memory(), {kMany, 8, 0}, kSlots, {ipc::owner_of(slot), &bells_}};
  }
  ipc::Semaphore gate(std::size_t slot) {
    return {set_.find("gate")->memory(), {4}, kSlots, {ipc::owner_of(slot), &bells_}};
  }
  void take_message(std::size_t slot) {
    ipc::MessageQueue jobs = queue(slot);
    jobs.try_put({});
    ASSERT_TRUE(jobs.try_get());
  }
  void die(std::size_t slot) { repairs_.add({slot, "main/" + std::to_string(slot)}); }
  Repairs::Hooks hooks() {
    return {[this] { return set_.objects(); },
            [this](const SharedWalk::Objects& objects) {
              for (const auto& object : objects) woken_.push_back(object->name());
            },
            [this](const Repairs::Round& round) { rounds_.push_back(round); }};
  }

  ipc::Bells bells_;
  SharedSet set_ = SharedSet::make({{"jobs", {SharedKind::queue, kMany, 8, 0, 0, {}}, {}, ""},
                                    {"gate", {SharedKind::semaphore, 4, 0, 0, 0, {}}, {}, ""},
                                    {"open", {SharedKind::gauge, 0, 0, 0, 0, {}}, {}, ""}},
                                   kSlots);
  std::vector<std::string> woken_;
  std::vector<Repairs::Round> rounds_;
  Repairs repairs_{hooks()};
};

TEST_F(RepairsTest, TellsWhatTheDeadLeft) {
  take_message(5);
  ASSERT_TRUE(gate(5).try_acquire() && gate(5).try_acquire());
  die(4);
  repairs_.finish();
  die(5);
  repairs_.finish();
  ASSERT_EQ(rounds_.size(), 2U);
  EXPECT_EQ(rounds_[0].left, "");
  EXPECT_EQ(rounds_[1].left, "1 message of queue jobs and 2 permits of semaphore gate");
  EXPECT_EQ(gate(0).value(), 4U);
  EXPECT_EQ(queue(0).size(), 1U);
}

TEST_F(RepairsTest, AGaugeIsDroppedWithoutAWord) {
  const ipc::SharedGauge gauge(set_.find("open")->memory(), {}, kSlots, {ipc::owner_of(5), nullptr});
  gauge.add(3);
  EXPECT_EQ(set_.find("open")->report().fill, 3);
  die(5);
  repairs_.finish();
  EXPECT_EQ(rounds_.at(0).left, "");
  EXPECT_EQ(set_.find("open")->report().fill, 0);
}

TEST_F(RepairsTest, GoesOnInPiecesAndSmallObjectsAreFirst) {
  take_message(5);
  ASSERT_TRUE(gate(5).try_acquire());
  die(5);
  std::size_t turns = 0;
  for (; repairs_.pending(); ++turns) {
    repairs_.tend(Slice(0ms));
    if (turns == 1) {
      EXPECT_EQ(woken_, (std::vector<std::string>{"gate", "open"}));
      EXPECT_EQ(gate(0).value(), 4U);
    }
    EXPECT_EQ(rounds_.empty(), repairs_.pending()) << "nobody has the slot before all is repaired";
  }
  EXPECT_EQ(turns, 2 + kPieces);
  EXPECT_EQ(woken_.back(), "jobs");
}

TEST_F(RepairsTest, WhoDiesMeanwhileIsSeenToInTheNextRoundWithAllOthers) {
  die(1);
  repairs_.tend(Slice(0ms));
  for (const std::size_t slot : {2, 3, 4}) {
    take_message(slot);
    die(slot);
  }
  std::size_t turns = 1;
  for (; repairs_.pending(); ++turns) repairs_.tend(Slice(0ms));
  EXPECT_EQ(turns, 2 * (2 + kPieces)) << "many deaths cost no more than one";
  ASSERT_EQ(rounds_.size(), 2U);
  EXPECT_EQ(rounds_[0].dead.size(), 1U);
  EXPECT_EQ(rounds_[1].dead.size(), 3U);
  EXPECT_EQ(rounds_[1].left, "3 messages of queue jobs");
}

}  // namespace
}  // namespace prefork::master
