// Goal: scripts/setup.sh waits for another apt or dpkg instead of failing, whichever lock it holds.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/posix/unique_fd.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

/// An apt of its own: its lists, archive and dpkg's state are empty and in the test's folder.
class AptFolder {
 public:
  AptFolder() {
    for (const char* folder : {"lists", "lists/partial", "cache", "cache/archives", "cache/archives/partial", "dpkg"}) {
      ::mkdir((dir / folder).c_str(), 0755);
    }
    for (const char* file : {"dpkg/status", "dpkg/lock", "dpkg/lock-frontend", "lists/lock"}) {
      write_file(dir / file, "");
    }
    write_file(dir / "apt.conf",
               "Dir::State::lists \"" + (dir / "lists") + "\";\nDir::State::status \"" + (dir / "dpkg/status") +
                   "\";\nDir::Cache \"" + (dir / "cache") +
                   "\";\nDir::Etc::sourcelist \"/dev/null\";\nDir::Etc::sourceparts \"/dev/null\";\n");
  }

  /// Takes a lock as apt does. It is held until the descriptor is closed.
  ipc::UniqueFd hold(const std::string& lock) const {
    ipc::UniqueFd file(::open((dir / lock).c_str(), O_RDWR | O_CLOEXEC));
    struct flock whole {};
    whole.l_type = F_WRLCK;
    EXPECT_EQ(::fcntl(file.get(), F_SETLK, &whole), 0) << lock;
    return file;
  }

  Command command(const std::string& words, const std::string& patience) const {
    const std::string script = std::string(PREFORK_TEST_SCRIPTS) + "/../../scripts/setup.sh";
    return {{"bash", "-c", "set -euo pipefail; source " + script + "; prefork_apt " + words},
            {"APT_CONFIG=" + (dir / "apt.conf"), "PREFORK_APT_PATIENCE=" + patience}};
  }

  TempDir dir;
};

struct Lock {
  const char* name;
  const char* file;
  const char* words;
};

class SetupScript : public testing::TestWithParam<Lock> {
 protected:
  void SetUp() override {
    SKIP_UNLESS_ROOT();
    SKIP_UNLESS_HAVE("apt-get");
  }
};

TEST_P(SetupScript, WaitsForTheLock) {
  const AptFolder apt;
  ipc::UniqueFd lock = apt.hold(GetParam().file);
  Process script(apt.command(GetParam().words, "60"), apt.dir / "out", apt.dir / "err");
  const auto said = [&] { return read_file(apt.dir / "out") + read_file(apt.dir / "err"); };
  EXPECT_TRUE(eventually([&] { return count(said(), "Could not get lock " + (apt.dir / GetParam().file)) > 0; }));
  EXPECT_FALSE(script.wait(0ms)) << said();
  lock.reset();
  EXPECT_EQ(script.wait().value_or(-1), 0) << said();
}

INSTANTIATE_TEST_SUITE_P(Of, SetupScript,
                         testing::Values(Lock{"Lists", "lists/lock", "update"},
                                         Lock{"Dpkg", "dpkg/lock-frontend", "install -y"}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(SetupScriptAtLast, DoesNotWaitForever) {
  SKIP_UNLESS_ROOT();
  SKIP_UNLESS_HAVE("apt-get");
  const AptFolder apt;
  const ipc::UniqueFd lock = apt.hold("lists/lock");
  const Outcome outcome = run(apt.command("update", "0"));
  EXPECT_EQ(outcome.code, 100);
  EXPECT_THAT(outcome.err, testing::HasSubstr("Could not get lock"));
}

}  // namespace
}  // namespace prefork::system_test
