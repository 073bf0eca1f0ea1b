// Goal: a reload takes on the present configuration and plugins without a failed request; what can't serve is refused
// with a reason and changes nothing.
#include <sys/stat.h>

#include <regex>
#include <thread>

#include "tests/system/support/good_client.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

const std::string kGoodDay = std::regex_replace(std::string(kWho), std::regex("Hello"), "Good day");

/// Every process of the master's but itself, and its descriptors: what must not grow.
std::size_t descriptors(const Server& server) { return descriptors_of(server.pid()).size(); }

void expect_reloaded(const Server& server, int generation, std::vector<std::string> words = {"reload"}) {
  const Outcome reload = server.ctl(std::move(words));
  EXPECT_EQ(reload.code, 0) << reload.err << server.log();
  EXPECT_EQ(reload.out, "generation " + std::to_string(generation) + " serves\n");
  EXPECT_EQ(server.status()["master"]["generation"], generation);
}

TEST(Reload, TakesOnTheConfigurationAndKeepsThePort) {
  Server server(kWho);
  server.ready(2);
  const std::string address = server.address("hello").text;
  const auto before = server.workers();
  ASSERT_EQ(greeting(server), "Hello, World!");
  server.configure(kGoodDay);
  EXPECT_EQ(greeting(server), "Hello, World!") << "not before the reload";
  expect_reloaded(server, 2);
  server.ready(2);
  EXPECT_EQ(server.address("hello").text, address);
  EXPECT_EQ(greeting(server), "Good day, World!");
  EXPECT_TRUE(eventually([&] { return server.workers().size() == 2; })) << "the old ones are gone";
  for (const pid_t pid : server.workers()) EXPECT_EQ(std::count(before.begin(), before.end(), pid), 0);
  EXPECT_EQ(server.status()["restarts"].size(), 0U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Reload, AQueueWithMessagesGoesWhenItIsDiscarded) {
  const std::string pool = "[pool main]\nworkers = 1\n";
  const std::string hello = "[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n";
  Server server(pool + hello + "[service bulk]\nplugin = {plugins}/bulk.so\nlisten = tcp://127.0.0.1:0\n");
  server.ready(1);
  Client client(server.address("bulk"));
  client.send("fill 3\n");
  ASSERT_EQ(client.receive_until("\n"), "3\n");
  server.configure(pool + hello);
  const Outcome refused = server.ctl({"reload"});
  EXPECT_EQ(refused.code, 78);
  EXPECT_THAT(refused.err, testing::HasSubstr("queue bulk.jobs still holds 3 messages"));
  EXPECT_THAT(refused.err, testing::HasSubstr("preforkctl reload --discard bulk.jobs"));
  EXPECT_EQ(server.ctl({"reload", "--discard", "bulk.other"}).code, 78);
  const Outcome done = server.ctl({"reload", "--discard", "bulk.jobs"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_TRUE(server.logged("queue bulk.jobs is discarded with what it holds"));
  EXPECT_EQ(server.tell("ipc")["objects"].size(), 0U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Reload, BySignal) {
  Server server(kWho);
  server.ready(2);
  server.configure(kGoodDay);
  server.signal(SIGHUP);
  EXPECT_TRUE(server.logged("reloaded: generation 2 serves"));
  EXPECT_EQ(greeting(server), "Good day, World!");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Reload, MakesAnewWhatACleanerRemoved) {
  Server server(std::string(kWho) + "listen = unix:{dir}/it.sock\n");
  server.ready(2);
  const std::string socket = server.dir() / "it.sock";
  for (const std::string& file : {socket, server.control_path(), server.pid_path()}) {
    ASSERT_EQ(::unlink(file.c_str()), 0) << file;
  }
  server.signal(SIGHUP);
  EXPECT_TRUE(server.logged("reloaded: generation 2 serves"));
  EXPECT_EQ(body_of(ask(Address("unix:" + socket), "GET / HTTP/1.0\r\n\r\n")), "Hello, World!");
  EXPECT_EQ(server.status()["master"]["pid"], server.pid());
  EXPECT_EQ(read_file(server.pid_path()), std::to_string(server.pid()) + "\n");
  const std::string made = " was removed by somebody: it is made anew";
  for (const std::string& what :
       {"unix:" + socket, "control socket " + server.control_path(), "pid file " + server.pid_path()}) {
    EXPECT_EQ(count(server.log(), what + made), 1U) << what;
  }
  const Outcome upgrade = server.ctl({"upgrade"});
  EXPECT_EQ(upgrade.code, 0) << upgrade.err;
  EXPECT_TRUE(server.stops_clean());
}

TEST(Reload, AnIdleConnectionIsServedOnceMoreAndThenClosed) {
  Server server(kWho);
  server.ready(2);
  Client idle(server.address("hello"));
  ASSERT_EQ(body_of(get(idle)), "Hello, World!");
  server.configure(kGoodDay);
  expect_reloaded(server, 2);
  EXPECT_TRUE(idle.silent()) << "it is not closed under the client's hands";
  const std::string last = get(idle);
  EXPECT_EQ(body_of(last), "Hello, World!");
  EXPECT_THAT(last, testing::HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(server.stops_clean());
}

TEST(Reload, ListenersComeGoAndStay) {
  Server server(std::string(kWho) + "listen = unix:{dir}/old.sock\n[service echo]\nplugin = echo\n" +
                "listen = tcp://127.0.0.1:0\nlisten = udp://127.0.0.1:0\n");
  server.ready(2);
  const std::string kept = server.address("echo").text;
  const std::string datagrams = server.address("echo", 1).text;
  Client old_one(Address("unix:" + (server.dir() / "old.sock")));
  ASSERT_EQ(body_of(get(old_one)), "Hello, World!");
  server.configure(std::string(kWho) + "listen = unix:{dir}/new.sock\n[service upper]\nplugin = upper\n" +
                   "listen = tcp://127.0.0.1:0\n[service echo]\nplugin = echo\n" +
                   "listen = tcp://127.0.0.1:0\nlisten = udp://127.0.0.1:0\n");
  expect_reloaded(server, 2);
  EXPECT_FALSE(exists(server.dir() / "old.sock"));
  EXPECT_EQ(ask(Address("unix:" + (server.dir() / "new.sock")), "GET / HTTP/1.0\r\n\r\n").substr(0, 15),
            "HTTP/1.1 200 OK");
  EXPECT_EQ(server.address("echo").text, kept);
  EXPECT_EQ(server.address("echo", 1).text, datagrams);
  EXPECT_EQ(Client(server.address("echo", 1)).send("still here").receive(), "still here");
  EXPECT_EQ(Client(server.address("upper")).send("new\n").receive_until("\n"), "NEW\n");
  EXPECT_EQ(body_of(get(old_one)), "Hello, World!") << "who was connected is served to the end";
  EXPECT_TRUE(server.stops_clean());
}

TEST(Reload, PoolsComeGrowAndGo) {
  Server server(std::string(kWho) + "[pool two]\nworkers = 1\n[service echo]\nplugin = echo\npool = two\n" +
                "listen = tcp://127.0.0.1:0\n");
  server.ready(2, "main").ready(1, "two");
  server.configure(std::string(kWho) + "pool = web\n[pool web]\nworkers = 3\n");
  const Outcome refused = server.ctl({"reload"});
  EXPECT_EQ(refused.code, 78) << "[pool main] is empty: " << refused.err;
  server.configure(
      "[pool web]\nworkers = 3\n[service hello]\nplugin = {plugins}/who.so\nanswer = Hello, World!\npool = web\nlisten "
      "= tcp://127.0.0.1:0\n");
  expect_reloaded(server, 3);
  server.ready(3, "web");
  EXPECT_EQ(greeting(server), "Hello, World!") << "the address moved to another pool";
  EXPECT_TRUE(eventually([&] { return server.workers().size() == 3; }));
  EXPECT_EQ(server.status()["pools"].size(), 1U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Reload, OfOnePool) {
  const std::string config =
      "[pool a]\nworkers = 1\n[pool b]\nworkers = 1\n[service hello]\n"
      "plugin = {plugins}/who.so\npool = a\nlisten = tcp://127.0.0.1:0\n";
  const std::string echo = "[service echo]\nplugin = echo\npool = b\nlisten = tcp://127.0.0.1:0\n";
  Server server(config + echo);
  server.ready(2);
  const auto b = server.workers("b");
  server.configure(config +
                   "answer = Good day, World!\n[service echo]\nplugin = not-there\npool = b\n"
                   "listen = tcp://127.0.0.1:0\n");
  EXPECT_EQ(server.ctl({"reload"}).code, 66);
  const Outcome reload = server.ctl({"reload", "--only", "a"});
  EXPECT_EQ(reload.code, 0) << reload.err << server.log();
  EXPECT_EQ(greeting(server), "Good day, World!");
  EXPECT_EQ(server.workers("b"), b);
  EXPECT_EQ(Client(server.address("echo")).send("b is untouched").receive(), "b is untouched");
  EXPECT_EQ(server.ctl({"reload", "--only", "c"}).code, 78);
  EXPECT_TRUE(server.stops_clean());
}

// A generation to which only one pool was rolled knows all addresses. Those that go away later must not live on in it
// while its workers drain: a client would wait in vain.
TEST(Reload, AnAddressThatGoesIsRefusedThoughAnOldWorkerStays) {
  const std::string hello =
      "[pool a]\nworkers = 1\n[service hello]\nplugin = {plugins}/who.so\npool = a\n"
      "listen = unix:{dir}/a.sock\n";
  Server server(hello + "[pool b]\nworkers = 1\n[service echo]\nplugin = echo\npool = b\nlisten = tcp://" + own_host() +
                ":7007\n");
  server.ready(2);
  const Address going = server.address("echo");
  EXPECT_EQ(server.ctl({"reload", "--only", "a"}).code, 0);
  Client stays(Address("unix:" + (server.dir() / "a.sock")));
  ASSERT_NE(get(stays), "");
  server.configure(hello);
  expect_reloaded(server, 3);
  EXPECT_TRUE(eventually([&] { return server.worker_list().size() == 2; }))
      << "one of them drains, for the client's sake";
  EXPECT_THROW(Client{going}, std::exception);
  ASSERT_NE(get(stays), "");
  EXPECT_TRUE(server.stops_clean());
}

// The workers of the first generation run the copy of the plugin that they were given, also those that are started
// later; a reload takes the file as it is then.
TEST(Reload, TakesOnAnotherPlugin) {
  Server server("[pool main]\nworkers = 1\n[service s]\nplugin = {dir}/mine.so\nlisten = tcp://127.0.0.1:0\n",
                {.before = [](const TempDir& dir) { write_file(dir / "mine.so", read_file(kPlugins + "/echo.so")); }});
  server.ready(1);
  EXPECT_EQ(Client(server.address("s")).send("a\n").receive_until("\n"), "a\n");
  write_file(server.dir() / "mine.so", read_file(kPlugins + "/upper.so"));
  expect_reloaded(server, 2);
  EXPECT_EQ(Client(server.address("s")).send("a\n").receive_until("\n"), "A\n");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Reload, TwoAtOnceAreDoneOneAfterTheOther) {
  Server server(kWho);
  server.ready(2);
  std::vector<Outcome> outcomes(4);
  std::vector<std::thread> threads;
  for (Outcome& outcome : outcomes) threads.emplace_back([&] { outcome = server.ctl({"reload"}); });
  for (auto& thread : threads) thread.join();
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_LE(server.status()["master"]["generation"], 5);
  EXPECT_GE(server.status()["master"]["generation"], 2);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Reload, AStopMeanwhileIsToldToWhoWaits) {
  const std::string config =
      "[pool main]\nworkers = 1\n[service s]\nplugin = {plugins}/moody.so\n"
      "listen = tcp://127.0.0.1:0\n";
  Server server(config);
  server.ready(1);
  server.configure(config + "mood = wait\n");
  Outcome outcome;
  std::thread reload([&] { outcome = server.ctl({"reload"}); });
  EXPECT_TRUE(eventually([&] { return server.status()["master"]["reload"] == "canary"; }));
  server.signal(SIGINT);
  reload.join();
  EXPECT_EQ(outcome.code, 69);
  EXPECT_THAT(outcome.err, testing::HasSubstr("stopping"));
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.left_nothing());
}

// A generation that can't serve.

struct Bad {
  const char* name;
  std::string config;  ///< behind [master]; `{held}` is an address that another process has
  int code;
  std::string reason;
};

void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }

std::string service(const std::string& plugin, const std::string& more = "") {
  return "[pool main]\nworkers = 2\nboot-timeout = 1s\n[service s]\nplugin = " + plugin +
         "\nlisten = tcp://127.0.0.1:0\n" + more;
}

class BadReload : public testing::TestWithParam<Bad> {};

TEST_P(BadReload, ChangesNothingAndTellsWhy) {
  const Bad& bad = GetParam();
  Server server(kWho);
  server.ready(2);
  const auto workers = server.workers();
  const std::size_t held = descriptors(server);
  const std::string address = server.address("hello").text;
  server.configure(bad.config);
  for (int i = 0; i < 2; ++i) {
    const Outcome reload = server.ctl({"reload"});
    EXPECT_EQ(reload.code, bad.code) << reload.err;
    EXPECT_THAT(reload.err, testing::HasSubstr(bad.reason));
    EXPECT_THAT(reload.err, testing::HasSubstr("generation 1 goes on"));
    EXPECT_EQ(count(reload.err, "\n"), 1U);
  }
  EXPECT_EQ(greeting(server), "Hello, World!");
  EXPECT_EQ(server.address("hello").text, address);
  EXPECT_TRUE(eventually([&] { return server.workers() == workers; })) << "the same ones";
  EXPECT_TRUE(eventually([&] { return descriptors(server) <= held; }))
      << descriptors(server) << " descriptors, more than " << held;
  EXPECT_TRUE(eventually([&] { return children_of(server.pid()).size() == 2; })) << "no child is left";
  server.configure(kWho);
  expect_reloaded(server, 4);
  EXPECT_TRUE(server.stops_clean());
}

INSTANTIATE_TEST_SUITE_P(
    All, BadReload,
    testing::Values(
        Bad{"syntax", "[pool main\n", 78, "prefork.conf:5"},
        Bad{"unknown_key", std::string(kWho) + "greting = Hi\n", 78, "greting"},
        Bad{"unknown_section", "[pools main]\n", 78, "pools"},
        Bad{"bad_value", "[pool main]\nworkers = many\n[service s]\nplugin = echo\nlisten = tcp://127.0.0.1:0\n", 78,
            "many"},
        Bad{"no_service", "", 78, "there is no service"}, Bad{"no_plugin", service("not-there"), 66, "not-there"},
        Bad{"plugin_of_another_abi", service("{plugins}/bad_abi.so"), 78, "99.0"},
        Bad{"plugin_of_another_compiler", service("{plugins}/bad_signature.so"), 78, "another compiler"},
        Bad{"plugin_without_symbol", service("{plugins}/no_symbol.so"), 78, "prefork_plugin"},
        Bad{"describe_crashes", service("{plugins}/describe_crash.so"), 78, "SIGABRT"},
        Bad{"describe_throws", service("{plugins}/describe_throw.so"), 78, "no words for it"},
        Bad{"start_crashes", service("{plugins}/moody.so", "mood = crash\n"), 70, "SIGABRT"},
        Bad{"start_throws", service("{plugins}/moody.so", "mood = throw\n"), 70, "a bad day"},
        Bad{"start_exits", service("{plugins}/moody.so", "mood = exit\n"), 70, "exited with code 3"},
        Bad{"start_waits", service("{plugins}/moody.so", "mood = wait\n"), 70, "boot-timeout"},
        Bad{"start_spins", service("{plugins}/moody.so", "mood = hang\n"), 70, "boot-timeout"},
        Bad{"bad_option", service("{plugins}/moody.so", "mood = grumpy\n"), 78, "grumpy"},
        Bad{"address_in_use", service("echo", "listen = unix:{dir}/control.sock\n"), 69, "control.sock"},
        Bad{"no_such_folder", service("echo", "listen = unix:{dir}/none/s.sock\n"), 69, "none/s.sock"},
        Bad{"no_such_host", service("echo", "listen = tcp://no-such-host.invalid:1\n"), 78, "no-such-host.invalid"},
        Bad{"no_such_user",
            "[pool main]\nuser = nobody-has-this-name\n[service s]\nplugin = echo\n"
            "listen = tcp://127.0.0.1:0\n",
            67, "nobody-has-this-name"},
        Bad{"too_many_workers", "[pool main]\nworkers = 4000\n[service s]\nplugin = echo\nlisten = tcp://127.0.0.1:0\n",
            78, "max-workers"},
        Bad{"access_log_folder", service("hello", "access-log = {dir}/none/access.log\n"), 73, "none/access.log"}),
    [](const auto& which) { return std::string(which.param.name); });

TEST(ReloadRefused, WhatTheMasterCannotTakeOn) {
  Server server(kWho);
  server.ready(2);
  server.configure(kWho, "max-workers = 100");
  const Outcome reload = server.ctl({"reload"});
  EXPECT_EQ(reload.code, 78);
  EXPECT_THAT(reload.err, testing::HasSubstr("max-workers can't change while the server runs"));
  EXPECT_TRUE(server.stops_clean());
}

// Clients of both kinds, one that keeps its connections and one that has a new one for each request.
TEST(AloneReload, DropsNothingUnderLoad) {
  SKIP_UNLESS_HAVE("wrk");
  SKIP_UNLESS_HAVE("ab");
  Server server(kWho);
  server.ready(2);
  const std::string url = server.address("hello").http("/");
  Outcome wrk, ab;
  std::thread keeping([&] { wrk = run({{"wrk", "-d3s", "-c32", "-t1", url}}); });
  std::thread connecting([&] { ab = run({{"ab", "-q", "-t", "3", "-n", "1000000", "-c", "16", url}}); });
  int reloads = 0;
  const auto end = std::chrono::steady_clock::now() + 3s;
  while (std::chrono::steady_clock::now() < end) {
    EXPECT_EQ(server.ctl({"reload"}).code, 0);
    ++reloads;
  }
  keeping.join();
  connecting.join();
  EXPECT_GE(reloads, 5);
  EXPECT_EQ(count(wrk.out, "Socket errors"), 0U) << wrk.out;
  EXPECT_EQ(count(wrk.out, "Non-2xx"), 0U) << wrk.out;
  EXPECT_EQ(count(wrk.out, "Requests/sec"), 1U) << wrk.err;
  EXPECT_EQ(count(ab.out, "Failed requests:        0\n"), 1U) << ab.out << ab.err;
  EXPECT_EQ(count(ab.out, "Non-2xx"), 0U) << ab.out;
  EXPECT_EQ(server.status()["restarts"].size(), 0U);
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
