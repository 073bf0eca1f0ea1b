#include "framework/master/pid_file.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <fstream>
#include <optional>

#include "framework/master/loop/startup_error.hpp"
#include "tests/ipc/posix/refused_call.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

std::string content(const std::string& path) {
  std::string text;
  std::getline(std::ifstream(path), text, '\0');
  return text;
}

int exit_code_of(const std::string& path) {
  try {
    const PidFile file(path);
    return 0;
  } catch (const StartupError& error) {
    return error.exit_code();
  }
}

TEST(PidFile, HoldsThePidAndGoesWithItsOwner) {
  const test::TempFolder folder;
  {
    const PidFile file(folder.file("pid"));
    EXPECT_EQ(content(folder.file("pid")), std::to_string(::getpid()) + "\n");
  }
  EXPECT_NE(::access(folder.file("pid").c_str(), F_OK), 0);
}

TEST(PidFile, IsMadeAnewWhereSomebodyRemovedIt) {
  const test::TempFolder folder;
  const std::string path = folder.file("pid");
  {
    PidFile file(path);
    const int fd = file.fd();
    EXPECT_FALSE(file.restore()) << "it is there";
    ASSERT_EQ(::unlink(path.c_str()), 0);
    EXPECT_TRUE(file.restore());
    EXPECT_EQ(file.fd(), fd);
    EXPECT_EQ(content(path), std::to_string(::getpid()) + "\n");
    EXPECT_EQ(exit_code_of(path), EX_UNAVAILABLE) << "it is locked";
  }
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST(PidFile, OfAnotherServerAtItsPathIsNotTouched) {
  const test::TempFolder folder;
  const std::string path = folder.file("pid");
  {
    PidFile file(path);
    ASSERT_EQ(::unlink(path.c_str()), 0);
    std::ofstream(path) << "another";
    EXPECT_EQ(test::thrown_by([&] { file.restore(); }), "open pid file " + path + ": File exists");
  }
  EXPECT_EQ(content(path), "another");
}

TEST(PidFile, AnEmptyPathIsNoFile) { const PidFile file(""); }

TEST(PidFile, AnotherMasterIsNamed) {
  const test::TempFolder folder;
  const std::string path = folder.file("pid");
  const PidFile held(path);
  const std::string expected = "another prefork-master (pid " + std::to_string(::getpid()) + ") holds pid file " + path;
  EXPECT_EQ(test::in_child([&] { return test::thrown_by([&] { PidFile second(path); }); }), expected);
  EXPECT_EQ(exit_code_of(path), EX_UNAVAILABLE);
  EXPECT_EQ(content(path), std::to_string(::getpid()) + "\n") << "the loser changed nothing";
}

TEST(PidFile, AForkedChildDoesNotRemoveIt) {
  const test::TempFolder folder;
  std::optional<PidFile> file(std::in_place, folder.file("pid"));
  EXPECT_EQ(test::in_child([&] {
              file.reset();
              return std::string();
            }),
            "");
  EXPECT_EQ(::access(folder.file("pid").c_str(), F_OK), 0);
}

// Goal: what a killed master leaves behind does not keep the next one from starting.
TEST(PidFile, AFileOfAKilledMasterIsTakenOver) {
  const test::TempFolder folder;
  const std::string path = folder.file("pid");
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ipc::UniqueFd read_end(ends[0]), write_end(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const PidFile file(path);
    ipc::write_all(write_end.get(), "x", "pipe");
    for (;;) ::pause();
  }
  ASSERT_TRUE(test::wait_for(read_end.get(), POLLIN));
  EXPECT_EQ(exit_code_of(path), EX_UNAVAILABLE);
  ::kill(child, SIGKILL);
  test::reap(child);
  EXPECT_EQ(content(path), std::to_string(child) + "\n");
  const PidFile file(path);
  EXPECT_EQ(content(path), std::to_string(::getpid()) + "\n");
}

// As the child that a killed master had just forked, which has not yet closed what is not its own.
TEST(PidFile, AChildThatHoldsTheLockForAMomentIsWaitedFor) {
  const test::TempFolder folder;
  const std::string path = folder.file("pid");
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ipc::UniqueFd read_end(ends[0]), write_end(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const PidFile file(path);
    ipc::write_all(write_end.get(), "x", "pipe");
    ::poll(nullptr, 0, 100);
    ::_exit(0);
  }
  ASSERT_TRUE(test::wait_for(read_end.get(), POLLIN));
  EXPECT_EQ(exit_code_of(path), 0);
  test::reap(child);
}

TEST(PidFile, ALockThatCantBeHadIsNotTakenForAnothersLock) {
  const test::TempFolder folder;
  const std::string path = folder.file("pid");
  EXPECT_EQ(test::in_child([&] {
              test::refuse_call(SYS_flock, ENOLCK);
              return test::thrown_by([&] { PidFile file(path); });
            }),
            "flock pid file " + path + ": No locks available");
}

TEST(PidFile, StaleContentIsReplacedInFull) {
  const test::TempFolder folder;
  std::ofstream(folder.file("pid")) << "123456789012345678901234567890\nmore\n";
  const PidFile file(folder.file("pid"));
  EXPECT_EQ(content(folder.file("pid")), std::to_string(::getpid()) + "\n");
}

TEST(PidFile, WhatCannotBeMadeIsOneSentence) {
  const test::TempFolder folder;
  EXPECT_EQ(exit_code_of(folder.file("no/pid")), EX_CANTCREAT);
  EXPECT_EQ(test::thrown_by([&] { PidFile file(folder.file("no/pid")); }),
            "open pid file " + folder.file("no/pid") + ": No such file or directory");
  ASSERT_EQ(::symlink("/tmp/elsewhere", folder.file("link").c_str()), 0);
  EXPECT_EQ(exit_code_of(folder.file("link")), EX_CANTCREAT) << "a link could point at any file";
  if (::geteuid() != 0) return;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0700), 0);
  EXPECT_EQ(test::in_child([&]() -> std::string {
              if (::setresuid(65534, 65534, 65534) != 0) return "setresuid";
              return std::to_string(exit_code_of(folder.file("pid")));
            }),
            std::to_string(EX_NOPERM));
}

}  // namespace
}  // namespace prefork::master
