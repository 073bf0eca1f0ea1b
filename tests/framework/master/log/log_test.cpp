#include "framework/master/log/log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
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
  /// Fills it except for `room` bytes, a multiple of a page.
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

TEST(Log, ALinkOfAnotherUsersIsNotFollowedWhereHeMayPutIt) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const test::TempFolder folder;
  const std::string precious = folder.file("precious"), link = folder.file("log");
  std::ofstream(precious) << "as it was\n";
  ASSERT_EQ(::symlink("precious", link.c_str()), 0);
  struct Case {
    const char* name;
    uid_t folder_owner;
    mode_t folder_mode;
    uid_t link_owner;
    bool followed;
  };
  for (const Case& each :
       {Case{"root's folder", 0, 0755, 65534, true}, Case{"everybody's folder, root's link", 0, 01777, 0, true},
        Case{"everybody's folder", 0, 01777, 65534, false}, Case{"a group's folder", 0, 0775, 65534, false},
        Case{"another user's folder", 65534, 0755, 65534, false}}) {
    ASSERT_EQ(::chown(folder.path().c_str(), each.folder_owner, 0), 0);
    ASSERT_EQ(::chmod(folder.path().c_str(), each.folder_mode), 0);
    ASSERT_EQ(::lchown(link.c_str(), each.link_owner, 0), 0);
    const std::string before = content(precious);
    const std::string refused = test::thrown_by([&] { Log(link, LogLevel::info).info("line"); });
    EXPECT_EQ(refused,
              each.followed ? "" : "open " + link + ": a link of user 65534: Too many levels of symbolic links")
        << each.name;
    EXPECT_EQ(content(precious) != before, each.followed) << each.name;
  }
  ASSERT_EQ(::unlink(link.c_str()), 0);
  Log(link, LogLevel::info).info("line");
  EXPECT_THAT(content(link), HasSubstr("line")) << "what is no link is made in any folder";
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
  EXPECT_THAT(text, ContainsRegex("warning 2 log lines were lost\n[^\n]*after\n[^\n]*later\n$"));
}

TEST(Log, TellsOfLostLinesAlsoWhereNothingElseIsSaid) {
  Pipe pipe;
  pipe.fill(0);
  const Stderr replaced(pipe.write_end.get());
  Log log("stderr", LogLevel::info);
  EXPECT_EQ(log.next_deadline(), std::nullopt);
  log.info("lost");
  ASSERT_TRUE(log.next_deadline().has_value());
  const TimePoint later = *log.next_deadline();
  log.tend(later);
  EXPECT_GT(log.next_deadline(), later) << "the pipe is still full";
  std::string text(1 << 20, '\0');
  ASSERT_GT(::read(pipe.read_end.get(), text.data(), text.size()), 0);
  log.tend(later);
  EXPECT_GT(log.next_deadline(), later) << "not before it is time";
  log.tend(*log.next_deadline());
  EXPECT_EQ(log.next_deadline(), std::nullopt);
  text.resize(static_cast<std::size_t>(::read(pipe.read_end.get(), text.data(), text.size())));
  EXPECT_THAT(text, ContainsRegex("^[^\n]* warning 1 log lines were lost\n$"));
}

// A call that makes the open file non-blocking does so for all that share it.
TEST(Log, LeavesStderrAsItIs) {
  Pipe pipe;
  const Stderr replaced(pipe.write_end.get());
  Log("stderr", LogLevel::info).info("x");
  EXPECT_EQ(::fcntl(pipe.write_end.get(), F_GETFL) & O_NONBLOCK, 0);
}

// A terminal takes part of a line, and says that it can take more while it has room for a byte.
TEST(Log, ATerminalThatNobodyReadsDoesNotBlockAndTearsNoLine) {
  const std::string failure = test::in_child([]() -> std::string {
    ::alarm(20);
    const ipc::UniqueFd reader(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    ::grantpt(reader.get());
    ::unlockpt(reader.get());
    const ipc::UniqueFd terminal(::open(::ptsname(reader.get()), O_WRONLY | O_NOCTTY | O_CLOEXEC));
    const Stderr replaced(terminal.get());
    Log log("stderr", LogLevel::info);
    int written = 0;
    for (; log.dropped() == 0; ++written) log.info(std::string(1500, static_cast<char>('a' + written % 26)));
    log.info("lost");
    std::string text, chunk(1 << 16, '\0');
    const auto drain = [&] {
      for (ssize_t n = 0;
           (n = ::read(reader.get(), chunk.data(), chunk.size())) > 0 || test::wait_for(reader.get(), POLLIN, 50);) {
        if (n > 0) text.append(chunk, 0, static_cast<std::size_t>(n));
      }
    };
    drain();
    log.info("after");
    drain();
    std::size_t whole = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      whole += line.size() > 1500 && line.ends_with(std::string(1500, line[line.size() - 2]) + "\r");
    if (whole != static_cast<std::size_t>(written - 1))
      return std::to_string(whole) + " whole lines of " + std::to_string(written - 1);
    return text.find("2 log lines were lost") != std::string::npos ? "" : "no word of what was lost";
  });
  EXPECT_EQ(failure, "");
}

// It can't be opened once more, so there is a look whether it has room.
TEST(Log, APipeOfAnotherUsersDoesNotBlockEither) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string failure = test::in_child([]() -> std::string {
    ::alarm(20);
    Pipe pipe;
    const Stderr replaced(pipe.write_end.get());
    ipc::check_syscall(::setresuid(65534, 65534, 65534), "setresuid");
    if (::open("/proc/self/fd/2", O_WRONLY) != -1) return "it could be opened";
    Log log("stderr", LogLevel::info);
    log.info("taken");
    if (log.dropped() != 0) return "dropped";
    pipe.fill(8192);  // a page is taken already
    log.info(std::string(20'000, 'l'));
    log.info("lost");
    return log.dropped() == 1 ? "" : std::to_string(log.dropped()) + " lines dropped";
  });
  EXPECT_EQ(failure, "");
}

TEST(Log, ASocketThatNobodyReadsDoesNotBlock) {
  int ends[2];
  ipc::check_syscall(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
  const ipc::UniqueFd reader(ends[0]), writer(ends[1]);
  const Stderr replaced(writer.get());
  Log log("stderr", LogLevel::info);
  for (int i = 0; i < 1000; ++i) log.info(std::string(1000, 'x'));
  EXPECT_GT(log.dropped(), 0U);
  EXPECT_EQ(::fcntl(writer.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(Log, InTheJournalLinesHaveAPriority) {
  int ends[2];
  ipc::check_syscall(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
  ipc::UniqueFd reader(ends[0]), writer(ends[1]);
  struct stat status {};
  ::fstat(writer.get(), &status);
  ::setenv("JOURNAL_STREAM", (std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino)).c_str(), 1);
  {
    const Stderr replaced(writer.get());
    Log("stderr", LogLevel::info).error("bad");
  }
  const test::TempFolder folder;
  Log(folder.file("log"), LogLevel::info).error("bad");
  ::unsetenv("JOURNAL_STREAM");
  writer.reset();
  EXPECT_EQ(ipc::read_all(reader.get(), 1 << 16, "socket"), "<3>bad\n");
  EXPECT_THAT(content(folder.file("log")), HasSubstr("error   bad")) << "a file is not the journal";
}

/// A file must not become longer than this, which has the effect of a full disk on writers; the master ignores SIGXFSZ
/// too.
class Room {
 public:
  explicit Room(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(Log, ALineThatTheDiskTookInPartIsCompletedLater) {
  const test::TempFolder folder;
  Log log(folder.file("log"), LogLevel::info);
  {
    const Room room(100);
    log.info("first");
    log.info(std::string(80, 'x'));
    log.info("lost");
    EXPECT_EQ(content(folder.file("log")).size(), 100U);
  }
  log.info("after");
  EXPECT_EQ(log.dropped(), 1U);
  EXPECT_THAT(content(folder.file("log")),
              ContainsRegex("^[^\n]*first\n[^\n]* x{80}\n[^\n]*1 log lines were lost\n[^\n]*after\n$"));
}

TEST(Log, ALineThatTheOldFileCouldNotTakeIsCounted) {
  const test::TempFolder folder;
  Log log(folder.file("log"), LogLevel::info);
  const Room room(100);
  log.info(std::string(100, 'x'));
  EXPECT_EQ(log.dropped(), 0U);
  std::filesystem::rename(folder.file("log"), folder.file("log.1"));
  log.reopen();
  log.info("new");
  EXPECT_EQ(log.dropped(), 1U);
  EXPECT_THAT(content(folder.file("log")), ContainsRegex("^[^\n]*1 log lines were lost\n"));
}

TEST(Log, ALineThatWasLeftTornIsEnded) {
  const test::TempFolder folder;
  std::ofstream(folder.file("log")) << "torn";
  Log(folder.file("log"), LogLevel::info).info("after");
  EXPECT_THAT(content(folder.file("log")), ContainsRegex("^torn\n[^\n]*after\n$"));
}

TEST(Log, AFifoThatNobodyReadsIsAnError) {
  const test::TempFolder folder;
  ASSERT_EQ(::mkfifo(folder.file("fifo").c_str(), 0600), 0);
  EXPECT_THAT(test::thrown_by([&] { Log(folder.file("fifo"), LogLevel::info); }),
              HasSubstr("No such device or address"));
}

TEST(Log, OfAServiceIsBoundByItsOwnLevel) {
  const test::TempFolder folder;
  Log log(folder.file("log"), LogLevel::warning);
  log.pass_on(LogLevel::debug, "of a service", {}, LogLevel::debug);
  log.pass_on(LogLevel::error, "not of a service", {}, std::nullopt);
  log.pass_on(LogLevel::info, "hidden", {}, std::nullopt);
  log.pass_on(LogLevel::warning, "hidden", {}, LogLevel::error);
  log.set(LogLevel::info, LogFormat::json);
  log.info("as json");
  EXPECT_THAT(content(folder.file("log")),
              ContainsRegex("^[^\n]*of a service\n[^\n]*not of a service\n\\{[^\n]*\"as json\"\\}\n$"));
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
