#include "ipc/memory/shared_memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "ipc/posix/syscall.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::ipc {
namespace {

using test::in_child;
using test::thrown_by;

TEST(SharedMemory, IsZeroedAndOfTheSizeAskedFor) {
  const SharedMemory memory = SharedMemory::create("prefork:test", 10'000);
  EXPECT_EQ(memory.size(), 10'000U);
  const char* bytes = static_cast<const char*>(memory.data());
  EXPECT_TRUE(std::all_of(bytes, bytes + memory.size(), [](char c) { return c == 0; }));
}

TEST(SharedMemory, IsAllocatedInFull) {
  const SharedMemory memory = SharedMemory::create("prefork:test", 1 << 20);
  struct stat status {};
  ASSERT_EQ(::fstat(memory.fd(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 1 << 20) << "memory that is missing would be a SIGBUS later";
}

TEST(SharedMemory, SizeIsSealed) {
  const SharedMemory memory = SharedMemory::create("prefork:test", 8192);
  for (const off_t size : {0, 4096, 8191, 16384}) {
    EXPECT_EQ(::ftruncate(memory.fd(), size), -1) << size;
    EXPECT_EQ(errno, EPERM);
  }
  EXPECT_EQ(::fcntl(memory.fd(), F_ADD_SEALS, F_SEAL_WRITE), -1) << "nobody can seal it against its own use";
}

TEST(SharedMemory, IsSharedWithAForkedChild) {
  const SharedMemory memory = SharedMemory::create("prefork:test", 4096);
  auto* text = static_cast<char*>(memory.data());
  std::strcpy(text, "from the parent");
  EXPECT_EQ(in_child([&] {
              const std::string seen = text;
              std::strcpy(text, "from the child");
              return seen;
            }),
            "from the parent");
  EXPECT_STREQ(text, "from the child");
}

TEST(SharedMemory, IsMappedAgainByItsDescriptor) {
  const SharedMemory memory = SharedMemory::create("prefork:test", 5000);
  const SharedMemory again = SharedMemory::map(UniqueFd(::dup(memory.fd())));
  EXPECT_EQ(again.size(), 5000U);
  EXPECT_NE(again.data(), memory.data());
  static_cast<char*>(memory.data())[4999] = 'x';
  EXPECT_EQ(static_cast<char*>(again.data())[4999], 'x');
}

TEST(SharedMemory, OutlivesAMove) {
  SharedMemory memory = SharedMemory::create("prefork:test", 4096);
  const SharedMemory moved = std::move(memory);
  static_cast<char*>(moved.data())[0] = 'x';
  EXPECT_GE(moved.fd(), 0);
}

// In a child whose file sizes are limited, so that a create() which tried would fail and not eat the machine.
std::string create_limited(std::size_t bytes) {
  return in_child([&] {
    const rlimit limit{1 << 20, 1 << 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_IGN);
    return thrown_by([&] { SharedMemory::create("prefork:test", bytes); });
  });
}

TEST(SharedMemory, MoreThanTheMachineHasIsOneClearError) {
  for (const std::size_t bytes : {std::size_t{1} << 50, std::size_t{1} << 62, SIZE_MAX}) {
    EXPECT_EQ(create_limited(bytes),
              "allocate prefork:test of " + std::to_string(bytes) + " bytes: Cannot allocate memory");
  }
}

TEST(SharedMemory, WhatTheKernelRefusesIsOneClearError) {
  EXPECT_EQ(create_limited(1 << 20), "");
  EXPECT_EQ(create_limited(2 << 20), "posix_fallocate prefork:test of 2097152 bytes: File too large");
}

TEST(SharedMemory, WhatCannotBeMappedThrows) {
  EXPECT_THROW(SharedMemory::map(UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC))), std::system_error);
  EXPECT_THROW(SharedMemory::map(UniqueFd()), std::system_error);
}

class SealedCopy : public testing::Test {
 protected:
  std::string make(const std::string& name, const std::string& bytes) {
    const UniqueFd fd(::open(folder.file(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    write_all(fd.get(), bytes, name);
    return folder.file(name);
  }
  static std::string content(const UniqueFd& fd) {
    ::lseek(fd.get(), 0, SEEK_SET);
    return read_all(fd.get(), 1 << 24, "copy");
  }
  test::TempFolder folder;
};

TEST_F(SealedCopy, KeepsItsBytesWhateverBecomesOfTheFile) {
  std::string bytes(3'000'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31);
  const std::string path = make("plugin.so", bytes);
  const UniqueFd copy = sealed_copy(path, bytes.size());
  make("plugin.so", "other");
  EXPECT_EQ(content(copy), bytes);
  ::unlink(path.c_str());
  EXPECT_EQ(content(copy), bytes);
}

TEST_F(SealedCopy, CannotBeChanged) {
  const UniqueFd copy = sealed_copy(make("p", "bytes"), 100);
  EXPECT_EQ(::pwrite(copy.get(), "x", 1, 0), -1);
  EXPECT_EQ(::ftruncate(copy.get(), 0), -1);
  EXPECT_EQ(::ftruncate(copy.get(), 100), -1);
  EXPECT_EQ(::mmap(nullptr, 5, PROT_READ | PROT_WRITE, MAP_SHARED, copy.get(), 0), MAP_FAILED);
  EXPECT_EQ(::fcntl(copy.get(), F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  EXPECT_NE(::fcntl(copy.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(SealedCopy, TakesAnEmptyFileAndOneAtTheLimit) {
  EXPECT_EQ(content(sealed_copy(make("empty", ""), 0)), "");
  EXPECT_EQ(content(sealed_copy(make("ten", "0123456789"), 10)), "0123456789");
}

TEST_F(SealedCopy, RefusesWhatIsTooLarge) {
  const std::string path = make("eleven", "0123456789a");
  EXPECT_THROW(sealed_copy(path, 10), std::length_error);
  EXPECT_EQ(thrown_by([&] { sealed_copy(path, 10); }), path + " has more than 10 bytes");
}

TEST_F(SealedCopy, RefusesWhatIsNoFile) {
  EXPECT_EQ(thrown_by([&] { sealed_copy(folder.path(), 100); }), "open " + folder.path() + ": Is a directory");
  const std::string fifo = folder.file("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(thrown_by([&] { sealed_copy(fifo, 100); }), "open " + fifo + ": Invalid argument");
  const std::string missing = folder.file("missing");
  EXPECT_EQ(thrown_by([&] { sealed_copy(missing, 100); }), "open " + missing + ": No such file or directory");
}

TEST_F(SealedCopy, RefusesWhatItMayNotRead) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  const std::string path = make("secret", "bytes");
  EXPECT_EQ(in_child([&] {
              if (::setresuid(65534, 65534, 65534) != 0) return std::string("setresuid failed");
              return thrown_by([&] { sealed_copy("/etc/shadow", 100'000); });
            }),
            "open /etc/shadow: Permission denied");
}

// A file name may have 255 bytes, which is more than the name of a memfd may have.
TEST_F(SealedCopy, TakesAFileOfTheLongestName) {
  EXPECT_EQ(content(sealed_copy(make(std::string(255, 'n'), "bytes"), 100)), "bytes");
}

TEST_F(SealedCopy, KnowsWhereItCameFrom) {
  const std::string path = make("plugin.so", "bytes");
  const UniqueFd copy = sealed_copy(path, 100);
  EXPECT_EQ(copied_from(copy.get()), path);
  const UniqueFd fds(::open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(copied_from(copy.get(), fds.get()), path);
  const UniqueFd deep(sealed_copy(make(std::string(235, 'n'), "bytes"), 100));
  EXPECT_EQ(copied_from(deep.get()), std::string(235, 'n'));  // no room for the folder
  EXPECT_EQ(copied_from(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).get()), "");
  EXPECT_EQ(copied_from(SharedMemory::create("other", 1).fd()), "");
  EXPECT_EQ(copied_from(-1), "");
}

TEST_F(SealedCopy, LeavesNoDescriptorBehindWhenItRefuses) {
  const std::string path = make("eleven", "0123456789a");
  const auto before = test::open_descriptors();
  EXPECT_THROW(sealed_copy(path, 10), std::length_error);
  EXPECT_THROW(sealed_copy(folder.path(), 10), std::system_error);
  EXPECT_EQ(test::open_descriptors(), before);
}

}  // namespace
}  // namespace prefork::ipc
