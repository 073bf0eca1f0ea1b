#include "ipc/wakeup.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>

#include "tests/ipc/support.hpp"

namespace prefork::ipc {
namespace {

TEST(Wakeup, SleepsUntilItIsWoken) {
  const Wakeup wakeup = Wakeup::create();
  EXPECT_FALSE(test::readable_now(wakeup.fd()));
  wakeup.wake();
  EXPECT_TRUE(test::readable_now(wakeup.fd()));
}

TEST(Wakeup, OneClearTakesBackAllWakes) {
  const Wakeup wakeup = Wakeup::create();
  for (int i = 0; i < 3; ++i) wakeup.wake();
  wakeup.clear();
  EXPECT_FALSE(test::readable_now(wakeup.fd()));
  wakeup.clear();  // with nothing to take back it does not wait
  wakeup.wake();
  EXPECT_TRUE(test::readable_now(wakeup.fd()));
}

TEST(Wakeup, WakesAcrossAFork) {
  const Wakeup wakeup = Wakeup::create();
  const pid_t child = ::fork();
  if (child == 0) {
    wakeup.wake();
    ::_exit(0);
  }
  EXPECT_TRUE(test::wait_for(wakeup.fd(), POLLIN));
  EXPECT_EQ(test::reap(child), 0);
}

TEST(Wakeup, AFullCounterStillMeansAwakeAndErrnoIsKept) {
  const Wakeup wakeup = Wakeup::create();
  const std::uint64_t most = UINT64_MAX - 1;
  ASSERT_EQ(::write(wakeup.fd(), &most, sizeof most), static_cast<ssize_t>(sizeof most));
  errno = ENOENT;
  wakeup.wake();
  EXPECT_EQ(errno, ENOENT) << "a signal handler may have called";
  EXPECT_TRUE(test::readable_now(wakeup.fd()));
  wakeup.clear();
  EXPECT_FALSE(test::readable_now(wakeup.fd()));
}

}  // namespace
}  // namespace prefork::ipc
