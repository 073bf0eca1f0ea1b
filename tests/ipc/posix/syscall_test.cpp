#include "ipc/posix/syscall.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "ipc/posix/pipe.hpp"
#include "tests/ipc/posix/refused_call.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::ipc {
namespace {

using test::in_child;
using test::thrown_by;

TEST(ThrowErrno, NamesTheCallAndTheReason) {
  EXPECT_EQ(thrown_by([] { throw_errno(EACCES, "bind 127.0.0.1:80"); }), "bind 127.0.0.1:80: Permission denied");
  errno = ENOENT;
  EXPECT_EQ(thrown_by([] { throw_errno("open /x"); }), "open /x: No such file or directory");
}

TEST(ThrowErrno, KeepsTheNumber) {
  try {
    throw_errno(EMFILE, "accept4");
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::too_many_files_open);
  }
}

TEST(CheckSyscall, PassesResultsAndThrowsOnMinusOne) {
  EXPECT_EQ(check_syscall(0, "x"), 0);
  EXPECT_EQ(check_syscall(7, "x"), 7);
  EXPECT_EQ(thrown_by([] { check_syscall(::close(-1), "close -1"); }), "close -1: Bad file descriptor");
}

TEST(RetryEintr, GoesOnUntilSomethingElseComes) {
  int calls = 0;
  const int result = retry_eintr([&] {
    ++calls;
    errno = calls < 4 ? EINTR : EIO;
    return -1;
  });
  EXPECT_EQ(result, -1);
  EXPECT_EQ(errno, EIO);
  EXPECT_EQ(calls, 4);
  errno = EINTR;  // left over from before: only a failed call counts
  EXPECT_EQ(retry_eintr([] { return 3; }), 3);
}

TEST(ReadAll, ReadsToTheEndAndNoFurtherThanTheLimit) {
  const std::string text(100'000, 'x');
  const test::TempFolder folder;
  const UniqueFd file(::open(folder.file("f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  write_all(file.get(), text, "f");
  ::lseek(file.get(), 0, SEEK_SET);
  EXPECT_EQ(read_all(file.get(), text.size(), "f"), text);
  ::lseek(file.get(), 0, SEEK_SET);
  EXPECT_THROW(read_all(file.get(), text.size() - 1, "f"), std::length_error);
  EXPECT_EQ(thrown_by([] { read_all(-1, 1, "the report"); }), "read the report: Bad file descriptor");
}

TEST(WriteAll, WritesPiecewiseIntoASmallPipe) {
  std::string text(300'000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    write_all(write_end.get(), text, "pipe");
    ::_exit(0);
  }
  write_end.reset();
  EXPECT_EQ(read_all(read_end.get(), text.size(), "pipe"), text);
  EXPECT_EQ(test::reap(child), 0);
}

TEST(WriteAll, SaysWhatFailed) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(thrown_by([&] { write_all(full.get(), "x", "pid file"); }), "write pid file: No space left on device");
}

// Goal: whatever the list looks like, what is left open is the list, and the list only; also in a container whose
// filter does not know close_range(2).
class CloseAllExcept : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, CloseAllExcept, testing::Bool(), [](const auto& refused) {
  return std::string(refused.param ? "WithoutCloseRange" : "WithCloseRange");
});

TEST_P(CloseAllExcept, LeavesTheListOnly) {
  const UniqueFd a(::open("/dev/null", O_RDONLY)), b(::open("/dev/null", O_RDONLY));
  const UniqueFd high(::fcntl(a.get(), F_DUPFD, 900));
  ASSERT_GE(high.get(), 900);
  const std::vector<std::vector<int>> lists{
      {}, {0}, {0, 1, 2}, {0, 1, 2, high.get()}, {2, 2, a.get(), a.get(), b.get()}, {-1, -1, 0, 2, high.get()}};
  for (const auto& list : lists) {
    const std::string failure = in_child([&] {
      // The way to tell the parent must survive too: it moves to a number above all others.
      const UniqueFd null(::open("/dev/null", O_RDONLY));
      std::vector<int> keep = list;
      // The pipe of in_child is the newest descriptor pair; it is found as the one that is a FIFO.
      for (const int fd : test::open_descriptors()) {
        struct stat status {};
        if (fd > 2 && ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode)) keep.push_back(fd);
      }
      std::sort(keep.begin(), keep.end());
      if (GetParam()) test::refuse_call(SYS_close_range, ENOSYS);
      close_all_except(keep.data(), keep.size());
      std::set<int> expected;
      for (const int fd : keep) {
        if (fd >= 0) expected.insert(fd);
      }
      const auto open = test::open_descriptors();
      if (open == expected) return std::string();
      std::string text = "open:";
      for (const int fd : open) text += " " + std::to_string(fd);
      return text;
    });
    EXPECT_EQ(failure, "") << "list of " << list.size();
  }
}

}  // namespace
}  // namespace prefork::ipc
