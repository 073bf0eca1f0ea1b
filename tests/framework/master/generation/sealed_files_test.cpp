#include "framework/master/generation/sealed_files.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "framework/master/loop/startup_error.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

using testing::HasSubstr;

class SealedFilesTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_.file(name)) << text; }
  std::vector<SealedFile> seal(const std::vector<std::string>& names) const {
    std::vector<std::string> paths;
    for (const auto& name : names) paths.push_back(folder_.file(name));
    return seal_files("it", paths, ipc::resolve_identity(std::to_string(::geteuid()), std::nullopt));
  }
  static std::string text_of(const SealedFile& file) {
    std::array<char, 100> bytes;
    const ssize_t n = ::pread(file.copy.get(), bytes.data(), bytes.size(), 0);
    return {bytes.data(), static_cast<std::size_t>(n)};
  }

  test::TempFolder folder_;
};

TEST_F(SealedFilesTest, CopiesFilesAndThoseOfFolders) {
  std::filesystem::create_directories(folder_.file("app/sub"));
  write("single", "1");
  write("app/b", "2");
  write("app/sub/a", "");
  ASSERT_EQ(::mkfifo(folder_.file("app/pipe").c_str(), 0600), 0) << "it holds nobody up";
  const auto files = seal({"single", "app"});
  ASSERT_EQ(files.size(), 3U);
  EXPECT_EQ(files[0].name, folder_.file("app/b"));
  EXPECT_EQ(files[1].name, folder_.file("app/sub/a"));
  EXPECT_EQ(files[2].name, folder_.file("single"));
  write("single", "changed");
  EXPECT_EQ(text_of(files[0]), "2");
  EXPECT_EQ(text_of(files[1]), "");
  EXPECT_EQ(text_of(files[2]), "1");
  EXPECT_NE(::fcntl(files[0].copy.get(), F_GET_SEALS) & F_SEAL_WRITE, 0);
  EXPECT_EQ(::fcntl(files[0].copy.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(SealedFilesTest, NoFilesAreNone) {
  EXPECT_TRUE(seal({}).empty());
  std::filesystem::create_directory(folder_.file("empty"));
  EXPECT_TRUE(seal({"empty"}).empty());
}

TEST_F(SealedFilesTest, RefusesWhatIsTooMuch) {
  EXPECT_THAT(test::thrown_by([&] { seal({"none"}); }), HasSubstr("it can't have its files sealed: open "));
  write("large", "");
  std::filesystem::resize_file(folder_.file("large"), kMaxSealedBytes + 1);
  EXPECT_THAT(test::thrown_by([&] { seal({"large"}); }), HasSubstr("more than 67108864 bytes, with "));
  std::filesystem::create_directory(folder_.file("many"));
  for (std::size_t i = 0; i <= kMaxSealedFiles; ++i) write("many/" + std::to_string(i), "");
  EXPECT_THAT(test::thrown_by([&] { seal({"many"}); }), HasSubstr("more than 200 files"));
  std::filesystem::create_directory(folder_.file("odd"));
  write("odd/a\nb", "");
  EXPECT_THAT(test::thrown_by([&] { seal({"odd"}); }), HasSubstr("a file's name has control characters"));
}

}  // namespace
}  // namespace prefork::master
