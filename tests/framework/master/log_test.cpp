#include "framework/master/log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <system_error>

#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Puts another descriptor in the place of stderr.
class Stderr {
 public:
  explicit Stderr(int fd) : saved_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10)) { ::dup2(fd, STDERR_FILENO); }
  Stderr(const Stderr&) = delete;
  Stderr& operator=(const Stderr&) = delete;
  ~Stderr() { ::dup2(saved_.get(), STDERR_FILENO); }

 private:
  ipc::UniqueFd saved_;
};

struct Pipe {
  ipc::UniqueFd read_end, write_end;
  Pipe() {
    int ends[2];
    ipc::check_syscall(::pipe2(ends, O_CLOEXEC), "pipe2");
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  /// Fills it but for `room` bytes, a multiple of a page.
  void fill(int room) {
    const int size = ::fcntl(write_end.get(), F_GETPIPE_SZ);
    ipc::write_all(write_end.get(), std::string(static_cast<std::size_t>(size - room), 'x'), "pipe");
  }
};

TEST(Log, WritesOneLineWithTimeAndLevel) {
  const test::TempFolder folder;
  Log log(folder.file("log"), LogLevel::info);
  log.debug("hidden");
  log.info("first");
  log.error("second");
  EXPECT_THAT(
      content(folder.file("log")),
      ContainsRegex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z info    first\n[^ ]+ error   second\n$"));
  EXPECT_EQ(log.dropped(), 0U);
}

TEST(Log, AppendsAndIsNotForOthersToRead) {
  const test::TempFolder folder;
  const mode_t before = ::umask(0);
  { Log(folder.file("log"), LogLevel::info).info("one"); }
  ::umask(before);
  { Log(folder.file("log"), LogLevel::info).info("two"); }
  EXPECT_THAT(content(folder.file("log")), ContainsRegex("one\n.*two\n$"));
  struct stat status {};
  ::stat(folder.file("log").c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
}

TEST(Log, ReopensAfterRotation) {
  const test::TempFolder folder;
  Log log(folder.file("log"), LogLevel::info);
  log.info("old");
  std::filesystem::rename(folder.file("log"), folder.file("log.1"));
  log.info("still old");
  log.reopen();
  log.info("new");
  EXPECT_THAT(content(folder.file("log.1")), ContainsRegex("old\n.*still old\n$"));
  EXPECT_THAT(content(folder.file("log")), ContainsRegex("^[^\n]*new\n$"));
}

TEST(Log, AFailedReopenKeepsTheOldFile) {
  const test::TempFolder folder;
  std::filesystem::create_directory(folder.file("sub"));
  Log log(folder.file("sub/log"), LogLevel::info);
  std::filesystem::rename(folder.file("sub"), folder.file("moved"));
  EXPECT_THROW(log.reopen(), std::system_error);
  log.info("goes on");
  EXPECT_THAT(content(folder.file("moved/log")), HasSubstr("goes on"));
}

TEST(Log, WhatCannotBeOpenedIsNamed) {
  EXPECT_EQ(test::thrown_by([] { Log("/no/such/log", LogLevel::info); }),
            "open /no/such/log: No such file or directory");
}

TEST(Log, AFullDiskIsCountedAndSurvived) {
  Log log("/dev/full", LogLevel::info);
  for (int i = 0; i < 3; ++i) log.info("lost");
  log.debug("not wanted, so not lost");
  EXPECT_EQ(log.dropped(), 3U);
}

TEST(Log, ABlockedPipeDoesNotBlock) {
  Pipe pipe;
  pipe.fill(0);
  const Stderr replaced(pipe.write_end.get());
  Log log("stderr", LogLevel::info);
  for (int i = 0; i < 5; ++i) log.info("lost");
  EXPECT_EQ(log.dropped(), 5U);
}

TEST(Log, TellsOfLostLinesOnceItCan) {
  Pipe pipe;
  pipe.fill(0);
  std::string drained(1 << 20, '\0');
  {
    const Stderr replaced(pipe.write_end.get());
    Log log("stderr", LogLevel::info);
    log.info("lost 1");
    log.info("lost 2");
    ASSERT_GT(::read(pipe.read_end.get(), drained.data(), drained.size()), 0);
    log.info("after");
    log.info("later");
    EXPECT_EQ(log.dropped(), 2U);
  }
  pipe.write_end.reset();
  const std::string text = ipc::read_all(pipe.read_end.get(), 1 << 20, "pipe");
  EXPECT_THAT(text, ContainsRegex("after\n.*2 log lines were lost\n[^\n]*later\n$"));
}

// A line that is longer than what poll(2) promises of a pipe, which is PIPE_BUF, would block the master.
TEST(Log, ALongLineDoesNotBlockInAPipeThatIsAlmostFull) {
  const std::string failure = test::in_child([]() -> std::string {
    ::alarm(20);  // instead of a test that hangs
    Pipe pipe;
    pipe.fill(4096);
    const Stderr replaced(pipe.write_end.get());
    Log log("stderr", LogLevel::info);
    log.info(std::string(20'000, 'l'));
    log.info("lost");
    return log.dropped() == 1 ? "" : std::to_string(log.dropped()) + " lines dropped";
  });
  EXPECT_EQ(failure, "");
}

TEST(Log, ALongLineIsCutAndEndsInALineEnd) {
  const test::TempFolder folder;
  Log log(folder.file("log"), LogLevel::info);
  log.info(std::string(20'000, 'l'));
  const std::string text = content(folder.file("log"));
  EXPECT_LE(text.size(), 4096U);
  EXPECT_GT(text.size(), 4000U);
  EXPECT_EQ(text.back(), '\n');
}

TEST(LogLevelName, AsTheConfigurationSpellsIt) {
  EXPECT_EQ(log_level("debug"), LogLevel::debug);
  EXPECT_EQ(log_level("notice"), LogLevel::notice);
  EXPECT_EQ(log_level("error"), LogLevel::error);
  EXPECT_EQ(log_level("loud"), LogLevel::info);
}

}  // namespace
}  // namespace prefork::master
