#include "ipc/posix/unique_fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <type_traits>

namespace prefork::ipc {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }
int some_fd() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

static_assert(!std::is_copy_constructible_v<UniqueFd> && !std::is_copy_assignable_v<UniqueFd>);
static_assert(std::is_nothrow_move_constructible_v<UniqueFd> && std::is_nothrow_move_assignable_v<UniqueFd>);
static_assert(!std::is_convertible_v<int, UniqueFd>);

TEST(UniqueFd, ClosesAtItsEnd) {
  int number = -1;
  {
    const UniqueFd fd(some_fd());
    number = fd.get();
    EXPECT_TRUE(fd.is_open());
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, EmptyOwnsNothing) {
  const UniqueFd fd;
  EXPECT_FALSE(fd.is_open());
  EXPECT_EQ(fd.get(), -1);
}

TEST(UniqueFd, NumberZeroIsADescriptor) {
  UniqueFd fd(0);
  EXPECT_TRUE(fd.is_open());
  EXPECT_EQ(fd.release(), 0);
}

TEST(UniqueFd, MovingHandsOver) {
  UniqueFd from(some_fd());
  const int number = from.get();
  UniqueFd to(std::move(from));
  EXPECT_FALSE(from.is_open());  // NOLINT(bugprone-use-after-move): the moved-from state is specified
  EXPECT_EQ(to.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(UniqueFd, MoveAssignmentClosesWhatWasHeld) {
  UniqueFd held(some_fd());
  UniqueFd other(some_fd());
  const int first = held.get(), second = other.get();
  held = std::move(other);
  EXPECT_FALSE(is_open(first));
  EXPECT_EQ(held.get(), second);
}

TEST(UniqueFd, AssigningToItselfKeepsIt) {
  UniqueFd fd(some_fd());
  UniqueFd& same = fd;
  const int number = fd.get();
  fd = std::move(same);
  EXPECT_EQ(fd.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(UniqueFd, ReleaseGivesUpWithoutClosing) {
  UniqueFd fd(some_fd());
  const int number = fd.release();
  EXPECT_FALSE(fd.is_open());
  EXPECT_TRUE(is_open(number));
  fd.reset(number);
  EXPECT_EQ(fd.get(), number);
  fd.reset();
  EXPECT_FALSE(is_open(number));
}

}  // namespace
}  // namespace prefork::ipc
