#include "ipc/objects/waiting_set.hpp"

#include <gtest/gtest.h>

#include <array>

#include "tests/ipc/objects/parties.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::ipc {
namespace {

struct WaitingSetTest : testing::Test {
  test::Parties parties{130};
  alignas(64) std::array<std::byte, 192> memory{};
  WaitingSet set{memory.data(), 130};

  bool rung(std::size_t slot) { return test::readable_now(parties.wait_fd(slot)); }
};

TEST_F(WaitingSetTest, KnowsWhoIsAnnounced) {
  EXPECT_FALSE(set.any());
  for (const std::size_t slot : {0U, 63U, 64U, 129U}) set.announce(slot);
  EXPECT_EQ(set.count(), 4U);
  EXPECT_TRUE(set.announced(129));
  EXPECT_FALSE(set.announced(1));
  EXPECT_TRUE(set.retract(63));
  EXPECT_FALSE(set.retract(63));
  EXPECT_EQ(set.count(), 3U);
}

TEST_F(WaitingSetTest, ChoosesTheNextInTheOrderOfSlots) {
  for (const std::size_t slot : {3U, 70U, 129U}) set.announce(slot);
  EXPECT_TRUE(set.wake_one(parties.bells(), 3));
  EXPECT_TRUE(rung(70));
  EXPECT_FALSE(rung(3));
  EXPECT_TRUE(set.wake_one(parties.bells(), 129));
  EXPECT_TRUE(rung(3)) << "from the end back to the beginning";
  set.announce(3);
  EXPECT_TRUE(set.wake_one(parties.bells(), 5));
  EXPECT_TRUE(rung(129));
  EXPECT_TRUE(set.wake_one(parties.bells(), 5));
  EXPECT_FALSE(set.wake_one(parties.bells(), 5));
  EXPECT_FALSE(set.any());
}

TEST_F(WaitingSetTest, TheMasterMayChooseToo) {
  set.announce(0);
  EXPECT_TRUE(set.wake_one(parties.bells(), kMasterOwner));
  EXPECT_TRUE(rung(0));
}

TEST_F(WaitingSetTest, WakesAll) {
  for (const std::size_t slot : {0U, 64U, 129U}) set.announce(slot);
  set.wake_all(parties.bells());
  EXPECT_FALSE(set.any());
  for (const std::size_t slot : {0U, 64U, 129U}) EXPECT_TRUE(rung(slot));
  EXPECT_FALSE(rung(1));
}

TEST_F(WaitingSetTest, ABitOfNoSlotRingsNobody) {
  reinterpret_cast<std::atomic<std::uint64_t>*>(memory.data())[2].store(~0ULL);
  set.wake_all(parties.bells());
  EXPECT_TRUE(rung(128));
}

}  // namespace
}  // namespace prefork::ipc
