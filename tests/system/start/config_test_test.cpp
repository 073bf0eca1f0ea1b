// Goal: `-t` finds everything that can be known before clients are served, all at once; a start and a reload report as
// much.
#include <sys/stat.h>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

using testing::HasSubstr;

constexpr const char* kHello = "[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n";

Outcome test_config(const TempDir& dir, const std::string& text, std::vector<std::string> more = {"-t"}) {
  return start_with(dir, text, std::move(more));
}

std::string line_of(const TempDir& dir, int line) {
  return "prefork-master: " + (dir / "prefork.conf") + ":" + std::to_string(line) + ": ";
}

TEST(ConfigTest, AFolderOrFileThatIsNotThere) {
  const TempDir dir;
  const std::string text =
      "[service files]\nplugin = static\nroot = {dir}/www\nlisten = unix:{dir}/a.sock\n"
      "[pool watch]\nmaster-access = read\n"
      "[service admin]\nplugin = admin\npool = watch\ntoken-file = {dir}/token\nlisten = unix:{dir}/b.sock\n";
  for (const char* how : {"-t", "-T"}) {
    const Outcome missing = test_config(dir, text, {how});
    EXPECT_EQ(missing.code, 66);
    EXPECT_EQ(missing.out, "");
    const std::string no_file = ": No such file or directory\n";
    EXPECT_THAT(missing.err, HasSubstr(line_of(dir, 3) + "root in [service files]: " + (dir / "www") + no_file));
    EXPECT_THAT(missing.err,
                HasSubstr(line_of(dir, 10) + "token-file in [service admin]: " + (dir / "token") + no_file));
    EXPECT_EQ(count(missing.err, "\n"), 2U) << missing.err;
  }
  const Outcome start = test_config(dir, text, {});
  EXPECT_EQ(start.code, 66);
  EXPECT_EQ(start.err, test_config(dir, text).err);
  write_file(dir / "www", "no folder");
  write_file(dir / "token", "an-Example_of.a~token/+=\n");
  const Outcome file = test_config(dir, text);
  EXPECT_EQ(file.code, 78);
  EXPECT_EQ(file.err, line_of(dir, 3) + "root in [service files]: " + (dir / "www") + ": Not a directory\n");
}

TEST(ConfigTest, RelativePathsAreOfTheFilesFolder) {
  const TempDir dir;
  ::mkdir((dir / "www").c_str(), 0755);
  ::chmod(dir.path().c_str(), 0755);
  const std::string files = "[service files]\nplugin = static\nlisten = unix:a.sock\nroot = ";
  EXPECT_EQ(test_config(dir, files + "www\n").code, 0) << test_config(dir, files + "www\n").err;
  const Outcome outcome = test_config(dir, files + "ww\naccess-log = logs/a\n");
  EXPECT_EQ(outcome.code, 66);
  const std::string no_file = ": No such file or directory\n";
  EXPECT_EQ(outcome.err, line_of(dir, 4) + "root in [service files]: ww" + no_file + line_of(dir, 5) +
                             "access-log in [service files]: can't write logs/a" + no_file);
}

// As the pool's user, and in its chroot: not as the master sees it.
TEST(ConfigTest, PathsAreLookedForAsTheWorkerWould) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  for (const char* folder : {"/closed", "/jail", "/jail/www"}) ::mkdir((dir.path() + folder).c_str(), 0755);
  const std::string files = "[service files]\nplugin = static\nlisten = unix:{dir}/a.sock\nroot = ";
  const std::string closed = files + "{dir}/closed\n";
  EXPECT_EQ(test_config(dir, closed).code, 0);
  ::chmod((dir / "closed").c_str(), 0700);
  const Outcome refused = test_config(dir, closed);
  EXPECT_EQ(refused.code, 77);
  EXPECT_THAT(refused.err,
              HasSubstr(line_of(dir, 4) + "root in [service files]: " + (dir / "closed") + ": Permission denied\n"));
  const std::string jailed = "[pool main]\nchroot = {dir}/jail\n" + files;
  EXPECT_EQ(test_config(dir, jailed + "/www\n").code, 0) << test_config(dir, jailed + "/www\n").err;
  EXPECT_EQ(test_config(dir, jailed + "{dir}/jail/www\n").code, 66);
}

TEST(ConfigTest, AServiceThatMayNotAskTheMaster) {
  const TempDir dir;
  const Outcome outcome =
      test_config(dir, std::string(kHello) +
                           "[pool watch]\n[service admin]\nplugin = admin\npool = watch\nlisten = unix:{dir}/b\n");
  EXPECT_EQ(outcome.code, 78);
  EXPECT_EQ(
      outcome.err,
      line_of(dir, 4) + "service \"admin\" asks the master: set master-access = read, or operate, in [pool watch]\n");
}

TEST(ConfigTest, AddressesAndFilesOfThisHost) {
  const TempDir dir;
  const Outcome outcome =
      test_config(dir,
                  "[master]\nlog = {dir}/none/log\npid-file = {dir}/none/pid\ncontrol = {dir}/none/control\n"
                  "[service a]\nplugin = hello\naccess-log = {dir}/none/access.log\nlisten = tcp://192.0.2.1:80\n"
                  "listen = tcp://127.0.0.1:1\nlisten = unix:{dir}/none/a.sock\n"
                  "[service b]\nplugin = echo\nlisten = udp://[2001:db8::1]:7\n");
  EXPECT_EQ(outcome.code, 69);
  for (const std::string& line :
       {line_of(dir, 8) + "bind tcp://192.0.2.1:80: Cannot assign requested address\n",
        line_of(dir, 10) + "bind unix:" + (dir / "none/a.sock") + ": No such file or directory\n",
        line_of(dir, 13) + "bind udp://[2001:db8::1]:7: ",
        line_of(dir, 2) + "log: can't write " + (dir / "none/log") + ": No such file or directory\n",
        line_of(dir, 3) + "pid-file: can't write " + (dir / "none/pid") + ": No such file or directory\n",
        line_of(dir, 4) + "control: can't write " + (dir / "none/control") + ": No such file or directory\n",
        line_of(dir, 7) + "access-log in [service a]: can't write " + (dir / "none/access.log") +
            ": No such file or directory\n"}) {
    EXPECT_THAT(outcome.err, HasSubstr(line));
  }
  EXPECT_EQ(count(outcome.err, "\n"), 7U) << outcome.err;
}

// Its port is never taken, nor is one that somebody else has in the way.
TEST(ConfigTest, ARunningServerIsNotInItsOwnWay) {
  Server server(std::string("[pool main]\nworkers = 1\n") + kHello);
  server.ready(1);
  const std::string port = server.address("hello").port();
  const Outcome outcome =
      run({{kMaster, "-t", "-c", server.config_path(), "-o", "service.hello.listen=tcp://127.0.0.1:" + port}});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(server.stops_clean());
}

TEST(ConfigTest, AllThatIsWrongIsListed) {
  const TempDir dir;
  const std::string text =
      "[pool main]\nuser = nosuchuser\n[pool other]\n"
      "[service a]\nplugin = hello\nlisten = tcp://192.0.2.1:80\nmount = a\nheader-timeout = soon\nmonut = /\n"
      "[service b]\nplugin = nowhere\nlisten = tcp://127.0.0.1:0\n"
      "[service c]\npool = other\nplugin = hello\nlisten = tcp://127.0.0.1:0\nhost = a:80\n";
  const Outcome tested = test_config(dir, text);
  EXPECT_EQ(tested.code, 67) << "of the first";
  for (const std::string& part :
       {line_of(dir, 1) + "pool \"main\": ", line_of(dir, 8) + "header-timeout in [service a]: ",
        line_of(dir, 9) + "unknown key \"monut\"", line_of(dir, 11) + "plugin \"nowhere\"",
        line_of(dir, 17) + "host in [service c]: ", line_of(dir, 6) + "bind tcp://192.0.2.1:80: "}) {
    EXPECT_THAT(tested.err, HasSubstr(part));
  }
  EXPECT_EQ(count(tested.err, "\n"), 6U) << tested.err;
  const Outcome started = test_config(dir, text, {});
  EXPECT_EQ(started.code, 67);
  EXPECT_EQ(count(started.err, "\n"), 5U) << "all but the address, which is not tried: " << started.err;
}

TEST(ConfigTest, AReloadTellsAllToo) {
  Server server(std::string("[pool main]\nworkers = 1\n") + kHello);
  server.ready(1);
  server.configure(std::string("[pool main]\nworkers = 1\n") + kHello + "mount = a\nhost = b:1\n");
  const Outcome outcome = server.ctl({"reload"});
  EXPECT_EQ(outcome.code, 78);
  EXPECT_THAT(outcome.err, HasSubstr("mount in [service hello]: "));
  EXPECT_THAT(outcome.err, HasSubstr("; " + server.config_path()));
  EXPECT_THAT(outcome.err, HasSubstr("host in [service hello]: "));
  EXPECT_EQ(count(outcome.err, "\n"), 1U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(ConfigTest, AWarningIsToldAndNothingMore) {
  const std::string warning = "word in [service odd]: is an odd word\n";
  const std::string odd =
      "[pool main]\nworkers = 1\n[service odd]\nplugin = {plugins}/check_warn.so\nlisten = unix:{dir}/a.sock\nword = "
      "x\n";
  const TempDir dir;
  const Outcome tested = test_config(dir, odd);
  EXPECT_EQ(tested.code, 0);
  EXPECT_THAT(tested.err, HasSubstr("prefork-master: warning: " + (dir / "prefork.conf") + ":6: " + warning));
  Server server(odd);
  server.ready(1);
  EXPECT_TRUE(server.logged(warning));
  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  EXPECT_TRUE(server.logged(warning, 2));
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
