#include "framework/worker/isolation/landlock.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cstdio>
#include <string>

#include "tests/ipc/support.hpp"

namespace prefork::worker {
namespace {

using prefork::test::in_child;
using prefork::test::TempFolder;
using prefork::test::thrown_by;

#define NEEDS_LANDLOCK() \
  if (landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock"

/// Opens a file. @return 0, or the error.
int try_open(const std::string& path, int flags) {
  const ipc::UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  return fd.is_open() ? 0 : errno;
}

class Landlock : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"read", "write", "other"}) {
      ASSERT_EQ(::mkdir(folder_.file(name).c_str(), 0700), 0);
      ASSERT_EQ(try_open(folder_.file(name) + "/file", O_WRONLY | O_CREAT), 0);
    }
  }
  std::string file(const std::string& folder, const std::string& name = "file") const {
    return folder_.file(folder) + "/" + name;
  }
  LandlockPaths paths() const { return {{folder_.file("read")}, {folder_.file("write")}}; }

  TempFolder folder_;
};

TEST_F(Landlock, OnlyWhatIsNamedIsLeft) {
  NEEDS_LANDLOCK();
  EXPECT_EQ(in_child([&]() -> std::string {
              restrict_files(paths());
              if (try_open(file("read"), O_RDONLY) != 0) return "can't read what is readable";
              if (try_open(folder_.file("read"), O_RDONLY | O_DIRECTORY) != 0) return "can't list what is readable";
              if (try_open(file("read"), O_WRONLY) != EACCES) return "writes what is readable";
              if (try_open(file("read", "new"), O_WRONLY | O_CREAT) != EACCES) return "makes a file where it may read";
              if (::unlink(file("read").c_str()) == 0) return "removes what is readable";
              if (try_open(file("write"), O_RDWR) != 0) return "can't write what is writable";
              if (try_open(file("write", "new"), O_RDWR | O_CREAT) != 0) return "can't make a file";
              if (::rename(file("write", "new").c_str(), file("write", "newer").c_str()) != 0) return "can't rename";
              if (::unlink(file("write", "newer").c_str()) != 0) return "can't remove a file";
              if (::mkdir(file("write", "folder").c_str(), 0700) != 0) return "can't make a folder";
              if (try_open(file("other"), O_RDONLY) != EACCES) return "reads another file";
              if (try_open("/etc/passwd", O_RDONLY) != EACCES) return "reads a file of the system";
              if (try_open(folder_.path(), O_RDONLY | O_DIRECTORY) != EACCES) return "lists another folder";
              return "";
            }),
            "");
}

TEST_F(Landlock, WhatIsTruncatedMustBeWritable) {
  if (landlock_abi() < 3) GTEST_SKIP() << "this kernel's Landlock does not know of truncation";
  EXPECT_EQ(in_child([&]() -> std::string {
              restrict_files(paths());
              if (::truncate(file("other").c_str(), 0) == 0) return "truncates another file";
              return ::truncate(file("write").c_str(), 0) == 0 ? "" : "can't truncate what is writable";
            }),
            "");
}

TEST_F(Landlock, AFileAloneCanBeNamed) {
  NEEDS_LANDLOCK();
  EXPECT_EQ(in_child([&]() -> std::string {
              restrict_files({{file("read")}, {file("write")}});
              if (try_open(file("read"), O_RDONLY) != 0) return "can't read the file";
              if (try_open(file("write"), O_RDWR | O_TRUNC) != 0) return "can't write the file";
              if (try_open(folder_.file("read"), O_RDONLY | O_DIRECTORY) != EACCES) return "lists its folder";
              return try_open(file("write", "new"), O_WRONLY | O_CREAT) == EACCES ? "" : "makes a file beside it";
            }),
            "");
}

TEST_F(Landlock, TheWholeTreeCanBeReadable) {
  NEEDS_LANDLOCK();
  EXPECT_EQ(in_child([&]() -> std::string {
              restrict_files({{"/"}, {folder_.file("write")}});
              if (try_open("/etc/passwd", O_RDONLY) != 0) return "can't read";
              if (try_open(file("write"), O_RDWR) != 0) return "can't write what is writable";
              return try_open(file("other"), O_WRONLY) == EACCES ? "" : "writes another file";
            }),
            "");
}

TEST_F(Landlock, SetsNoNewPrivsAndHoldsForChildren) {
  NEEDS_LANDLOCK();
  EXPECT_EQ(in_child([&]() -> std::string {
              restrict_files(paths());
              if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return "no_new_privs is not set";
              const pid_t child = ::fork();
              if (child == 0) ::_exit(try_open(file("other"), O_RDONLY) == EACCES ? 0 : 1);
              return prefork::test::reap(child) == 0 ? "" : "a child reads another file";
            }),
            "");
}

TEST_F(Landlock, BadPathsAreNamed) {
  NEEDS_LANDLOCK();
  EXPECT_EQ(in_child([&] { return thrown_by([&] {
                             restrict_files({{"/no/such"}, {}});
                           }); }),
            "open /no/such for landlock-read: No such file or directory");
  EXPECT_EQ(in_child([&] { return thrown_by([&] {
                             restrict_files({{}, {"/no/such"}});
                           }); }),
            "open /no/such for landlock-write: No such file or directory");
  // A path that only the kernel knows to be the root.
  const std::string link = folder_.file("link");
  ASSERT_EQ(::symlink("/", link.c_str()), 0);
  EXPECT_EQ(in_child([&] { return thrown_by([&] {
                             restrict_files({{}, {link}});
                           }); }),
            "landlock-write = " + link + " is the root: nothing would be refused");
}

TEST(LandlockRights, GrowWithTheInterface) {
  EXPECT_EQ(landlock_rights(0), 0U);
  EXPECT_EQ(std::popcount(landlock_rights(1)), 13);
  EXPECT_EQ(std::popcount(landlock_rights(2)), 14);
  EXPECT_EQ(std::popcount(landlock_rights(3)), 15);
  EXPECT_EQ(landlock_rights(4), landlock_rights(3));
  EXPECT_EQ(std::popcount(landlock_rights(5)), 16);
  EXPECT_EQ(landlock_rights(99), landlock_rights(5));
}

}  // namespace
}  // namespace prefork::worker
