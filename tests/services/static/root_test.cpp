// Goal: whatever a path says and whatever is in the folder, only regular files and folders within the root are opened,
// and nothing blocks.
#include "services/static/root.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "tests/services/static/temp_folder.hpp"

namespace services::static_files {
namespace {

class RootTest : public testing::Test {
 protected:
  RootTest() {
    folder.write("outside", "secret");
    folder.write("root/a.txt", "a");
    folder.write("root/sub/b.txt", "bb");
  }
  std::string open(const std::string& path, bool follow_links = true) const {
    const Root root(folder / "root", follow_links);
    const auto opened = root.open(path);
    if (const auto* found = std::get_if<Found>(&opened))
      return found->kind == FileKind::folder ? "folder" : "file of " + std::to_string(found->stamp.size);
    switch (std::get<Miss>(opened)) {
      case Miss::absent:
        return "absent";
      case Miss::forbidden:
        return "forbidden";
      case Miss::busy:
        break;
    }
    return "busy";
  }
  void link(const std::string& target, const std::string& name) const {
    std::filesystem::create_symlink(target, folder / ("root/" + name));
  }

  TempFolder folder;
};

TEST_F(RootTest, OpensFilesAndFolders) {
  EXPECT_EQ(open("a.txt"), "file of 1");
  EXPECT_EQ(open("sub/b.txt"), "file of 2");
  EXPECT_EQ(open("sub"), "folder");
  EXPECT_EQ(open(""), "folder");
  EXPECT_EQ(open("nothing"), "absent");
  EXPECT_EQ(open("a.txt/"), "absent");
  EXPECT_EQ(open("a.txt/x"), "absent");
}

TEST_F(RootTest, NoPathLeadsOut) {
  for (const char* path : {"..", "../outside", "sub/../../outside", "/etc/passwd", "/", "sub/../../root/a.txt"})
    EXPECT_EQ(open(path), "absent") << path;
  EXPECT_EQ(open(folder / "root/a.txt"), "absent");
}

TEST_F(RootTest, LinksStayWithinTheRoot) {
  link("a.txt", "good");
  link("../a.txt", "sub/good");
  link("../outside", "out");
  link("../root/a.txt", "detour");
  link("/etc/passwd", "absolute");
  link(folder / "root/a.txt", "absolute-inside");
  link("/proc/self/root/etc/passwd", "magic");
  link("nothing", "dangling");
  link("loop", "loop");
  EXPECT_EQ(open("good"), "file of 1");
  EXPECT_EQ(open("sub/good"), "file of 1");
  for (const char* path : {"out", "detour", "absolute", "absolute-inside", "magic", "dangling", "loop"})
    EXPECT_EQ(open(path), "absent") << path;
  EXPECT_EQ(open("good", false), "absent");
  EXPECT_EQ(open("a.txt", false), "file of 1");
}

TEST_F(RootTest, OpensNothingElseAndWaitsForNothing) {
  ASSERT_EQ(::mkfifo((folder / "root/fifo").c_str(), 0666), 0);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder / "root/socket").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << std::strerror(errno);
  EXPECT_EQ(open("fifo"), "forbidden");
  EXPECT_EQ(open("socket"), "forbidden");
  ::close(listener);
}

TEST_F(RootTest, SaysWhyItCan_t) {
  EXPECT_EQ(open(std::string(300, 'x')), "absent") << "ENAMETOOLONG";
  EXPECT_EQ(open(std::string(5000, 'x')), "absent") << "ENAMETOOLONG";
  if (::geteuid() != 0) {
    ::chmod((folder / "root/a.txt").c_str(), 0);
    EXPECT_EQ(open("a.txt"), "forbidden");
  }
  EXPECT_THROW(Root(folder / "nowhere", true), std::system_error);
  EXPECT_THROW(Root(folder / "root/a.txt", true), std::system_error);
}

TEST_F(RootTest, StampsTellChangesApart) {
  const Root root(folder / "root", true);
  const auto before = root.stamp("a.txt");
  ASSERT_TRUE(before);
  EXPECT_EQ(root.stamp("a.txt"), before);
  folder.write("root/other.txt", "b");
  std::filesystem::rename(folder / "root/other.txt", folder / "root/a.txt");
  EXPECT_NE(root.stamp("a.txt"), before) << "same size, same time: another file";
  EXPECT_EQ(root.stamp("sub"), std::nullopt);
  EXPECT_EQ(root.stamp("nothing"), std::nullopt);
}

TEST_F(RootTest, SurvivesRaces) {
  // A folder that turns into a link to the outside, and back, all the time.
  folder.write("elsewhere/b.txt", "secret!");
  const std::string sub = folder / "root/sub", real = folder / "root/real", trap = folder / "root/trap";
  std::filesystem::create_symlink("../elsewhere", trap);
  std::atomic<bool> stop = false;
  std::thread swapper([&] {
    while (!stop) {
      std::filesystem::rename(sub, real);
      std::filesystem::rename(trap, sub);
      std::filesystem::rename(sub, trap);
      std::filesystem::rename(real, sub);
    }
  });
  const Root root(folder / "root", true);
  int files = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto opened = root.open("sub/b.txt");
    const auto* found = std::get_if<Found>(&opened);
    if (found == nullptr) continue;
    ++files;
    if (found->stamp.size != 2) ADD_FAILURE() << "it leads out";
  }
  stop = true;
  swapper.join();
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace services::static_files
