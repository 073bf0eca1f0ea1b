// Goal: a plugin that hosts something declares what its service's options say, and its workers have sealed copies of
// the files that it names: those of their generation, whatever becomes of the originals.
#include <unistd.h>

#include <filesystem>

#include "tests/system/support/good_client.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

using testing::HasSubstr;

const std::string kHost = "[pool main]\nworkers = 1\n[service host]\nplugin = {plugins}/host.so\n";
const std::string kListen = "listen = tcp://127.0.0.1:0\n";
const std::string kApp = kHost + kListen + "app = app.txt\ndeclares = limit\nlimit = 42\n";

Server::How with_files(std::function<void(const TempDir&)> before) {
  Server::How how;
  how.before = std::move(before);
  return how;
}

std::string ask_host(const Server& server) {
  Client client(server.address("host"));
  return say(client, "?");
}

TEST(Host, WorkersHaveTheFilesOfTheirGeneration) {
  Server server(kApp, with_files([](const TempDir& dir) { write_file(dir / "app.txt", "one"); }));
  server.ready(1);
  EXPECT_EQ(ask_host(server), "generation 1, limit 42, app.txt one");
  Client old(server.address("host"));
  ASSERT_EQ(say(old, "?"), "generation 1, limit 42, app.txt one");
  write_file(server.dir() / "app.txt", "two");

  const pid_t first = server.workers().at(0);
  ::kill(first, SIGKILL);
  EXPECT_TRUE(eventually([&] {
    const auto workers = server.workers();
    return workers.size() == 1 && workers[0] != first;
  }));
  server.ready(1);
  EXPECT_EQ(ask_host(server), "generation 1, limit 42, app.txt one") << "its replacement has the same";
  Client held(server.address("host"));
  ASSERT_EQ(say(held, "?"), "generation 1, limit 42, app.txt one");

  const Outcome reload = server.ctl({"reload"});
  EXPECT_EQ(reload.code, 0) << reload.err << server.log();
  EXPECT_EQ(ask_host(server), "generation 2, limit 42, app.txt two");
  EXPECT_EQ(say(held, "?"), "generation 1, limit 42, app.txt one") << "the old worker still has the old one";
  held.finish_sending();
  EXPECT_TRUE(server.stops_clean());
}

TEST(Host, AnUpgradeHandsTheFilesOver) {
  Server server(kApp, with_files([](const TempDir& dir) { write_file(dir / "app.txt", "one"); }));
  server.ready(1);
  write_file(server.dir() / "app.txt", "two");
  const Outcome upgrade = server.ctl({"upgrade"});
  EXPECT_EQ(upgrade.code, 0) << upgrade.err << server.log();
  const pid_t first = server.workers().at(0);
  ::kill(first, SIGKILL);
  EXPECT_TRUE(eventually([&] {
    const auto workers = server.workers();
    return workers.size() == 1 && workers[0] != first;
  }));
  server.ready(1);
  EXPECT_EQ(ask_host(server), "generation 1, limit 42, app.txt one");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Host, SealsTheFilesOfAFolder) {
  const auto before = [](const TempDir& dir) {
    std::filesystem::create_directories(dir / "app/sub");
    write_file(dir / "app/b", "1");
    write_file(dir / "app/sub/a", "2");
  };
  Server server(kHost + kListen + "app = app/\n", with_files(before));
  server.ready(1);
  EXPECT_EQ(ask_host(server), "generation 1, app/b 1, app/sub/a 2");
  EXPECT_TRUE(server.stops_clean());
}

// Two services of one plugin: each has what its own options say.
TEST(Host, EachServiceDeclaresItsOwn) {
  const auto before = [](const TempDir& dir) { write_file(dir / "app.txt", "one"); };
  Server server(kApp + "[service other]\nplugin = {plugins}/host.so\n" + kListen + "declares = other-limit\n",
                with_files(before));
  server.ready(1);
  EXPECT_EQ(ask_host(server), "generation 1, limit 42, app.txt one");
  Client other(server.address("other"));
  EXPECT_EQ(say(other, "?"), "generation 1, other-limit 7");
  other.finish_sending();
  EXPECT_TRUE(server.stops_clean());
}

TEST(Host, WhatIsWrongIsRefusedWithItsPlace) {
  struct Case {
    std::string options;
    std::string says;
  };
  const std::string plugin = kTestPlugins + "/host.so";
  for (const auto& [options, says] : {
           Case{"app = none.txt\n",
                ":2: plugin \"" + plugin + "\" can't have its files sealed: open none.txt: No such"},
           Case{"app = many\n", "can't have its files sealed: more than 200 files"},
           Case{"declares = limit\nlimit = 101\n", ":5: limit in [service host]: "},
           Case{"declares = listen\n", "declares the option \"listen\", a name that the server keeps for itself"},
           Case{"declares = Limit\n", "its describe() fails: \"Limit\" is not a valid option name"},
           Case{"limit = 3\n", ":4: unknown key \"limit\""},
       }) {
    const TempDir dir;
    std::filesystem::create_directory(dir / "many");
    for (int i = 0; i <= 200; ++i) write_file(dir / ("many/" + std::to_string(i)), "");
    const Outcome outcome = start_with(dir, "[service host]\nplugin = " + plugin + "\n" + kListen + options, {"-t"});
    EXPECT_EQ(outcome.code, 78) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(says)) << options;
  }
}

}  // namespace
}  // namespace prefork::system_test
