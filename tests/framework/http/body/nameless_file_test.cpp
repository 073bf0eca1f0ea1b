#include "framework/http/body/nameless_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/ipc/support.hpp"

namespace prefork::http {
namespace {

using Existing = UploadedFile::Existing;
using Save = bool (*)(int, std::uint64_t, const std::string&, Existing);
using prefork::test::TempFolder;
using prefork::test::thrown_by;

std::string content(const std::string& path) {
  std::stringstream bytes;
  bytes << std::ifstream(path).rdbuf();
  return bytes.str();
}
std::size_t entries(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}
ipc::UniqueFd filled(const std::string& folder, std::string_view bytes) {
  ipc::UniqueFd fd = make_nameless_file(folder);
  EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return fd;
}

TEST(NamelessFile, HasNoNameAndIsPrivate) {
  const TempFolder folder;
  const ipc::UniqueFd fd = filled(folder.path(), "abc");
  EXPECT_EQ(entries(folder.path()), 0U);
  struct stat status {};
  ASSERT_EQ(::fstat(fd.get(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(status.st_nlink, 0U);
  EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
}

/// Both ways must keep the same promises.
class SavedFile : public testing::TestWithParam<Save> {};
INSTANTIATE_TEST_SUITE_P(Ways, SavedFile, testing::Values(&save_file, &save_named_copy));

TEST_P(SavedFile, IsWhole) {
  const TempFolder folder;
  const std::string bytes(300'000, 'x');
  const ipc::UniqueFd fd = filled(folder.path(), bytes);
  ASSERT_TRUE(GetParam()(fd.get(), bytes.size(), folder.file("a"), Existing::keep));
  EXPECT_EQ(content(folder.file("a")), bytes);
  EXPECT_EQ(std::filesystem::status(folder.file("a")).permissions(), std::filesystem::perms(0600));
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST_P(SavedFile, ReplacesOnlyWhenAsked) {
  const TempFolder folder;
  std::ofstream(folder.file("a")) << "old";
  const ipc::UniqueFd fd = filled(folder.path(), "new");
  EXPECT_FALSE(GetParam()(fd.get(), 3, folder.file("a"), Existing::keep));
  EXPECT_EQ(content(folder.file("a")), "old");
  EXPECT_TRUE(GetParam()(fd.get(), 3, folder.file("a"), Existing::replace));
  EXPECT_EQ(content(folder.file("a")), "new");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST_P(SavedFile, GoesToTheWorkingFolderToo) {
  const TempFolder folder;
  const ipc::UniqueFd fd = filled(folder.path(), "abc");
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  EXPECT_TRUE(GetParam()(fd.get(), 3, "a", Existing::keep));
  EXPECT_TRUE(GetParam()(fd.get(), 3, "a", Existing::replace));
  std::filesystem::current_path(before);
  EXPECT_EQ(content(folder.file("a")), "abc");
}

TEST_P(SavedFile, SaysWhatIsWrong) {
  const TempFolder folder;
  const ipc::UniqueFd fd = filled(folder.path(), "abc");
  for (const Existing existing : {Existing::keep, Existing::replace}) {
    const std::string sentence = thrown_by([&] { GetParam()(fd.get(), 3, folder.file("no/a"), existing); });
    EXPECT_TRUE(sentence.ends_with(": No such file or directory")) << sentence;
  }
  std::filesystem::create_directory(folder.file("dir"));
  EXPECT_FALSE(GetParam()(fd.get(), 3, folder.file("dir"), Existing::keep));
  EXPECT_TRUE(
      thrown_by([&] { GetParam()(fd.get(), 3, folder.file("dir"), Existing::replace); }).ends_with("Is a directory"));
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(NamelessFile, IsCopiedToAnotherFileSystem) {
  const TempFolder folder;
  std::string other = "/dev/shm/prefork-test-XXXXXX";
  struct stat here {
  }, there{};
  ASSERT_EQ(::stat(folder.path().c_str(), &here), 0);
  if (::mkdtemp(other.data()) == nullptr || ::stat(other.c_str(), &there) != 0 || here.st_dev == there.st_dev)
    GTEST_SKIP() << "there is no other file system";
  const ipc::UniqueFd fd = filled(other, "abc");
  EXPECT_TRUE(save_file(fd.get(), 3, folder.file("a"), Existing::keep));
  EXPECT_FALSE(save_file(fd.get(), 3, folder.file("a"), Existing::keep));
  EXPECT_TRUE(save_file(fd.get(), 3, folder.file("a"), Existing::replace));
  EXPECT_EQ(content(folder.file("a")), "abc");
  EXPECT_EQ(entries(folder.path()), 1U);
  std::filesystem::remove_all(other);
}

// What a file system without O_TMPFILE gives.
TEST(NamelessFile, IsCopiedWhereItWasUnlinked) {
  const TempFolder folder;
  const ipc::UniqueFd fd(::open(folder.file("x").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::write(fd.get(), "abc", 3), 3);
  ASSERT_EQ(::unlink(folder.file("x").c_str()), 0);
  EXPECT_TRUE(save_file(fd.get(), 3, folder.file("a"), Existing::keep));
  EXPECT_TRUE(save_file(fd.get(), 3, folder.file("a"), Existing::replace));
  EXPECT_EQ(content(folder.file("a")), "abc");
  EXPECT_EQ(entries(folder.path()), 1U);
}

}  // namespace
}  // namespace prefork::http
