// Goal: a server whose configuration is reached through a link to a release runs exactly one release and never a
// mixture, whenever the link is switched.
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

constexpr const char* kMain = R"([master]
control = ../control.sock
pid-file = ../master.pid
[pool main]
workers = 1
include = conf.d/*.conf
)";
constexpr const char* kSite = R"([service site]
plugin = static
listen = tcp://127.0.0.1:0
listen = unix:site.sock
root = www
)";
constexpr const char* kNamed = R"([service named]
plugin = plugins/who.so
answer = %
listen = tcp://127.0.0.1:0
)";

class Releases : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string name : {"one", "two"}) {
      for (const std::string folder : {"", "/conf.d", "/www", "/plugins"})
        ::mkdir((dir / (name + folder)).c_str(), 0755);
      write_file(dir / (name + "/prefork.conf"), kMain);
      write_file(dir / (name + "/conf.d/site.conf"), kSite);
      std::string named = kNamed;
      write_file(dir / (name + "/conf.d/named.conf"), named.replace(named.find('%'), 1, name));
      write_file(dir / (name + "/www/index.html"), name);
      ASSERT_EQ(::symlink((kTestPlugins + "/who.so").c_str(), (dir / (name + "/plugins/who.so")).c_str()), 0);
    }
    ASSERT_EQ(::chmod(dir.path().c_str(), 0755), 0);
    change_to("one");
  }
  void change_to(const std::string& release) {
    ASSERT_EQ(::symlink(release.c_str(), (dir / "next").c_str()), 0);
    ASSERT_EQ(::rename((dir / "next").c_str(), (dir / "current").c_str()), 0);
  }
  std::string control() const { return dir / "control.sock"; }
  Json status() const {
    Client client(Address("unix:" + control()));
    return Json::parse(client.send("status\n").receive_until("\n"));
  }
  bool serves() const {
    try {
      const Json now = status();
      return now["pools"][0]["ready"] == 1 && now["workers"].size() == 1;
    } catch (const std::exception&) {
      return false;  // not yet bound, or a connection that the switch cut
    }
  }
  std::string answers(const std::string& service) const {
    const Json now = status();
    for (const auto& listener : now["listeners"]) {
      if (listener["service"] != service) continue;
      return body_of(ask(Address(listener["address"].get<std::string>()), "GET / HTTP/1.0\r\n\r\n"));
    }
    return "no listener";
  }

  TempDir dir;
};

TEST_F(Releases, AreChangedByAReloadAndNothingElse) {
  // Started in another folder, and by a name that goes through the link.
  Process master({{"sh", "-c", "cd " + dir.path() + " && exec " + kMaster + " -c current/prefork.conf"}}, dir / "out",
                 dir / "err");
  ASSERT_TRUE(eventually([&] { return serves(); })) << read_file(dir / "err");
  EXPECT_EQ(answers("site"), "one");
  EXPECT_EQ(answers("named"), "one");
  EXPECT_EQ(status()["listeners"][2]["address"], "unix:" + dir.path() + "/current/site.sock");
  change_to("two");
  const pid_t worker = status()["workers"][0]["pid"];
  ASSERT_TRUE(eventually([&] { return status()["workers"][0]["uptime_ms"] > 1100; }));  // no failure to start
  ASSERT_EQ(::kill(worker, SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return serves() && status()["workers"][0]["pid"] != worker; }));
  EXPECT_EQ(answers("site"), "one") << "a worker that is replaced is like its siblings";
  EXPECT_EQ(answers("named"), "one");
  const Outcome upgrade = run({{kCtl, "-s", control(), "upgrade"}});
  EXPECT_EQ(upgrade.code, 0) << upgrade.err;
  EXPECT_EQ(answers("site"), "one");
  const Outcome reload = run({{kCtl, "-s", control(), "reload"}});
  EXPECT_EQ(reload.code, 0) << reload.err << read_file(dir / "err");
  ASSERT_TRUE(eventually([&] { return serves(); }));
  EXPECT_EQ(answers("site"), "two");
  EXPECT_EQ(answers("named"), "two");
  master.signal(SIGTERM);
  EXPECT_EQ(master.wait().value_or(-1), 0);
  EXPECT_FALSE(exists(control()));
  EXPECT_FALSE(exists(dir / "master.pid"));
}

}  // namespace
}  // namespace prefork::system_test
