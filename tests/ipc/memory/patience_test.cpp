#include "ipc/memory/patience.hpp"

#include <gtest/gtest.h>
#include <poll.h>

namespace prefork::ipc {
namespace {

using std::chrono::milliseconds;

TEST(Patience, LastsAsLongAsItSays) {
  const std::uint64_t begin = monotonic_ns();
  Patience patience(milliseconds(30));
  EXPECT_FALSE(patience.is_over());
  while (!patience.is_over()) {
    const int slice = patience.slice();
    ASSERT_LE(slice, 30);
    ::poll(nullptr, 0, slice);
  }
  EXPECT_GE(monotonic_ns() - begin, 30'000'000U);
  EXPECT_EQ(patience.slice(), 0);
  EXPECT_LE(Patience(milliseconds(10'000)).slice(), 500) << "a long wait is cut";
  EXPECT_TRUE(Patience(milliseconds(0)).is_over());
}

// The test stops where the process would be frozen.
TEST(Patience, OutlivesAStandstill) {
  Patience patience(milliseconds(900));
  ::poll(nullptr, 0, 1200);
  EXPECT_FALSE(patience.is_over());
  ::poll(nullptr, 0, 450);
  EXPECT_TRUE(patience.is_over());
}

}  // namespace
}  // namespace prefork::ipc
