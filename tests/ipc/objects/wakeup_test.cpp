#include "ipc/objects/wakeup.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "tests/ipc/support.hpp"

namespace prefork::ipc {
namespace {

TEST(Wakeup, SleepsUntilItIsWoken) {
  const Wakeup wakeup = Wakeup::create();
  EXPECT_FALSE(test::readable_now(wakeup.wait_fd()));
  wakeup.wake();
  EXPECT_TRUE(test::readable_now(wakeup.wait_fd()));
}

TEST(Wakeup, OneClearTakesBackAllWakes) {
  const Wakeup wakeup = Wakeup::create();
  for (int i = 0; i < 3; ++i) wakeup.wake();
  wakeup.clear();
  EXPECT_FALSE(test::readable_now(wakeup.wait_fd()));
  wakeup.clear();  // with nothing to take back it does not wait
  wakeup.wake();
  EXPECT_TRUE(test::readable_now(wakeup.wait_fd()));
}

TEST(Wakeup, WakesAcrossAFork) {
  const Wakeup wakeup = Wakeup::create();
  const pid_t child = ::fork();
  if (child == 0) {
    wakeup.wake();
    ::_exit(0);
  }
  EXPECT_TRUE(test::wait_for(wakeup.wait_fd(), POLLIN));
  EXPECT_EQ(test::reap(child), 0);
}

TEST(Wakeup, OneThatIsFullStillMeansAwakeAndErrnoIsKept) {
  const Wakeup wakeup = Wakeup::create();
  const char ring = 0;
  while (::send(wakeup.ring_fd(), &ring, sizeof ring, MSG_DONTWAIT) > 0) {
  }
  ASSERT_EQ(errno, EAGAIN);
  errno = ENOENT;
  wakeup.wake();
  EXPECT_EQ(errno, ENOENT) << "a signal handler may have called";
  EXPECT_TRUE(test::readable_now(wakeup.wait_fd()));
  wakeup.clear();
  EXPECT_FALSE(test::readable_now(wakeup.wait_fd()));
}

/// What one of the processes that share a bell can do to it, so that another one's next call would block.
struct Spoiled {
  const char* name;
  void (*spoil)(const Wakeup&);
};
struct SpoiledWakeup : testing::TestWithParam<Spoiled> {};

TEST_P(SpoiledWakeup, MakesNobodyWait) {
  const Wakeup wakeup = Wakeup::create();
  GetParam().spoil(wakeup);
  EXPECT_EQ(test::in_child([&]() -> std::string {
              ::alarm(20);  // ends a child that sleeps
              wakeup.wake();
              wakeup.clear();
              wakeup.clear();
              return {};
            }),
            "");
}

void make_blocking(const Wakeup& wakeup) {
  ::fcntl(wakeup.ring_fd(), F_SETFL, 0);
  ::fcntl(wakeup.wait_fd(), F_SETFL, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, SpoiledWakeup,
    testing::Values(Spoiled{"blocking_and_full",
                            [](const Wakeup& wakeup) {
                              make_blocking(wakeup);
                              const char ring = 0;
                              while (::send(wakeup.ring_fd(), &ring, sizeof ring, MSG_DONTWAIT) > 0) {
                              }
                            }},
                    Spoiled{"blocking_and_empty", &make_blocking},
                    Spoiled{"least_room",
                            [](const Wakeup& wakeup) {
                              make_blocking(wakeup);
                              const int bytes = 1;
                              ::setsockopt(wakeup.ring_fd(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
                              for (int i = 0; i < 1000; ++i) wakeup.wake();
                            }},
                    Spoiled{"shut_down", [](const Wakeup& wakeup) { ::shutdown(wakeup.ring_fd(), SHUT_RDWR); }}),
    [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace prefork::ipc
