// Goal: a service manager that starts the server learns its state, and hands it sockets that are already bound.
#include <sys/stat.h>

#include <regex>

#include "tests/system/support/good_client.hpp"
#include "tests/system/support/harness.hpp"
#include "tests/system/support/service_manager.hpp"

namespace prefork::system_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

TEST(ServiceManager, IsToldOfEveryChangeOfState) {
  Managed managed(kWho);
  Server& server = managed.server;
  Manager& manager = managed.manager;
  ASSERT_TRUE(manager.hears("READY=1"));
  EXPECT_TRUE(manager.hears("STATUS=generation 1: 2 workers ready, 2 wanted"));
  EXPECT_EQ(server.pool()["ready"], 2) << "all of them, when READY was told";

  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  EXPECT_TRUE(manager.hears("STATUS=generation 2: 2 workers ready, 2 wanted"));
  server.configure("[pool main]\nworkers = 2\n");
  EXPECT_EQ(server.ctl({"reload"}).code, 78);
  EXPECT_TRUE(manager.hears("STATUS=generation 2: 2 workers ready, 2 wanted; the last reload failed: "));
  EXPECT_THAT(manager.heard().back(), HasSubstr("there is no service"));

  EXPECT_EQ(server.ctl({"scale", "main", "3"}).code, 0);
  EXPECT_TRUE(manager.hears("STATUS=generation 2: 3 workers ready, 3 wanted"));
  EXPECT_TRUE(server.stops_clean());
  const auto reloading = MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+");
  EXPECT_THAT(manager.states(), ElementsAre("READY=1", reloading, "READY=1", reloading, "READY=1", "STOPPING=1"));
  EXPECT_THAT(manager.heard(), testing::Not(testing::Contains("WATCHDOG=1"))) << "nobody has asked for it";
}

TEST(ServiceManager, IsNotToldReadyOfAServerThatIsNot) {
  Managed managed(
      "[pool main]\nworkers = 1\n[pool sick]\nworkers = 1\n[service a]\nplugin = echo\nlisten = tcp://127.0.0.1:0\n"
      "[service b]\nplugin = {plugins}/moody.so\nmood = throw\npool = sick\nlisten = tcp://127.0.0.1:0\n");
  ASSERT_TRUE(managed.manager.hears("STATUS=generation 1: 1 workers ready, 2 wanted"));
  EXPECT_TRUE(managed.server.logged("a bad day", 3));
  EXPECT_EQ(managed.server.ctl({"reload"}).code, 70) << "nor of a reload before that";
  managed.server.signal(SIGTERM);
  EXPECT_EQ(managed.server.wait_exit(), 0);
  EXPECT_THAT(managed.manager.states(), ElementsAre("STOPPING=1"));
}

// Not more often than twice in a period, or it would be no sign of a loop that turns; that it is not less often, the
// deadline of the wait says.
TEST(ServiceManager, GetsSignsOfLife) {
  Managed managed(kWho, {"WATCHDOG_USEC=100000"});
  ASSERT_TRUE(managed.manager.hears("WATCHDOG=1", 1));
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(managed.manager.hears("WATCHDOG=1", 11));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 9 * 50ms);
  EXPECT_TRUE(managed.server.stops_clean());
}

TEST(ServiceManager, AWatchdogOfAnotherProcessIsNotFed) {
  Managed managed(kWho, {"WATCHDOG_USEC=20000", "WATCHDOG_PID=1"});
  ASSERT_TRUE(managed.manager.hears("READY=1"));
  EXPECT_TRUE(managed.server.stops_clean());
  EXPECT_THAT(managed.manager.heard(), testing::Not(testing::Contains("WATCHDOG=1")));
}

TEST(ServiceManager, ThatIsGoneIsSaidOnceAndTheServerServes) {
  Server server(kWho, {.environment = {"NOTIFY_SOCKET={dir}/nobody", "WATCHDOG_USEC=20000"}});
  server.ready(2);
  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  EXPECT_TRUE(server.logged("the service manager can't be notified: sendto NOTIFY_SOCKET "));
  EXPECT_TRUE(server.stops_clean());
  EXPECT_EQ(count(server.log(), "can't be notified"), 1U);
}

// These belong to the master alone: with them, a program that a service starts could speak for the server, or take its
// sockets.
TEST(ServiceManager, IsUnknownToWorkers) {
  Managed managed("[pool main]\nworkers = 1\n[service c]\nplugin = {plugins}/confined.so\nlisten = tcp://127.0.0.1:0\n",
                  {"WATCHDOG_USEC=9000000", "LISTEN_PID=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=x", "PLAIN=there"});
  managed.server.ready(1);
  Client client(managed.server.address("c"));
  const auto variable = [&](const std::string& name) {
    std::string value = client.send("getenv " + name + "\n").receive_until("\n");
    value.pop_back();
    return value;
  };
  EXPECT_EQ(variable("PLAIN"), "there");
  for (const char* name :
       {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    EXPECT_EQ(variable(name), "unset") << name;
  }
  EXPECT_TRUE(managed.server.stops_clean());
}

// Sockets.

/// systemd-socket-activate, which binds the addresses and becomes the server when the first client knocks.
std::vector<std::string> activate(const std::vector<std::string>& listen, const std::string& names) {
  std::vector<std::string> words{"systemd-socket-activate", "--fdname=" + names};
  for (const auto& address : listen) words.push_back("--listen=" + address);
  return words;
}

/// A client of a socket that is bound already or soon will be.
std::unique_ptr<Client> knock(const Address& address) {
  std::unique_ptr<Client> client;
  eventually([&] {
    try {
      client = std::make_unique<Client>(address);
    } catch (const std::exception&) {
    }
    return client != nullptr;
  });
  if (!client) throw std::runtime_error("nobody listens on " + address.text);
  return client;
}

TEST(SocketActivation, ServesTheClientThatItWasStartedFor) {
  SKIP_UNLESS_HAVE("systemd-socket-activate");
  const std::string host = own_host();
  const Address web("tcp://" + host + ":8080");
  Server server(
      "[pool main]\nworkers = 1\n[service hello]\nplugin = {plugins}/who.so\nanswer = Hello, World!\nlisten = fd:web\n"
      "listen = unix:{dir}/s.sock\n",
      {.launcher = activate({host + ":8080", host + ":8081", "{dir}/s.sock"}, "web:other:file")});
  const auto first = knock(web);
  EXPECT_EQ(body_of(get(*first)), "Hello, World!");
  server.ready(1);
  EXPECT_EQ(server.address("hello").text, web.text) << "as preforkctl shows it";
  EXPECT_TRUE(server.logged("inherited, but no listen names it: tcp://" + host + ":8081 (other); it is closed"));
  EXPECT_EQ(ask(Address("unix:" + (server.dir() / "s.sock")), "GET / HTTP/1.0\r\n\r\n").substr(0, 15),
            "HTTP/1.1 200 OK");
  EXPECT_THROW(Client(Address("tcp://" + host + ":8081")), std::exception);

  EXPECT_EQ(server.ctl({"reload"}).code, 0) << server.log();
  EXPECT_EQ(body_of(get(*knock(web))), "Hello, World!");
  server.configure("[pool main]\nworkers = 1\n[service echo]\nplugin = echo\nlisten = " + web.text + "\n");
  EXPECT_EQ(server.ctl({"reload"}).code, 0) << "by its address it is the same socket: " << server.log();
  EXPECT_EQ(Client(web).send("echo").receive(), "echo");
  server.configure("[pool main]\nworkers = 1\n[service echo]\nplugin = echo\nlisten = fd:file\n");
  EXPECT_EQ(server.ctl({"reload"}).code, 78) << "that one was let go of";

  server.signal(SIGTERM);
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(exists(server.dir() / "s.sock")) << "the file is the service manager's";
}

TEST(SocketActivation, AMismatchIsOneSentence) {
  SKIP_UNLESS_HAVE("systemd-socket-activate");
  const std::string host = own_host();
  Server server("[service s]\nplugin = echo\nlisten = fd-dgram:web\n", {.launcher = activate({host + ":8080"}, "web")});
  const auto client = knock(Address("tcp://" + host + ":8080"));
  EXPECT_EQ(server.wait_exit(), 78);
  EXPECT_THAT(server.log(), HasSubstr("prefork.conf:7: fd-dgram:web: the inherited socket tcp://" + host +
                                      ":8080 takes connections, not datagrams"));
}

TEST(SocketActivation, TheConfigurationCanBeTestedWithoutTheSockets) {
  const TempDir dir;
  const std::string config = "[service s]\nplugin = echo\nlisten = fd:web\n";
  const Outcome test = start_with(dir, config, {"-t"});
  EXPECT_EQ(test.code, 0) << test.err;
  const Outcome start = start_with(dir, config);
  EXPECT_EQ(start.code, 78);
  EXPECT_THAT(start.err, HasSubstr("prefork.conf:3: fd:web: no socket of this name was inherited"));
}

// The installed files.

/// A file of scripts/systemd as an installation fills it in, with the programs under test.
std::string installed(const std::string& name, const std::string& sysconfdir) {
  std::string text = read_file(std::string(PREFORK_TEST_SCRIPTS) + "/../../scripts/systemd/" + name);
  const std::string bin = kMaster.substr(0, kMaster.rfind('/'));
  for (const auto& [variable, value] :
       {std::pair{"@PREFORK_BINDIR@", bin}, {"@PREFORK_SYSCONFDIR@", sysconfdir}, {"@PREFORK_DOCDIR@", sysconfdir}}) {
    text = std::regex_replace(text, std::regex(variable), value);
  }
  return text;
}

TEST(SystemdUnits, AreVerifiedAndNarrow) {
  SKIP_UNLESS_HAVE("systemd-analyze");
  const TempDir dir;
  write_file(dir / "prefork.service", installed("prefork.service.in", dir.path()));
  write_file(dir / "prefork.socket", installed("prefork.socket", dir.path()));
  const Outcome verify = run({{"systemd-analyze", "verify", dir / "prefork.service", dir / "prefork.socket"}});
  EXPECT_EQ(verify.code, 0);
  EXPECT_EQ(verify.out + verify.err, "") << "no warning either";
  const Outcome security =
      run({{"systemd-analyze", "security", "--offline=yes", "--threshold=30", dir / "prefork.service"}});
  EXPECT_EQ(security.code, 0) << security.out << security.err;
  EXPECT_THAT(security.out, HasSubstr("Overall exposure level"));
}

TEST(SystemdUnits, LogrotateLosesNoLine) {
  SKIP_UNLESS_HAVE("logrotate");
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  const std::string logs = dir / "log";
  ASSERT_EQ(::mkdir(logs.c_str(), 0755), 0);  // logrotate trusts no folder that others can write to
  Server server("log = " + logs +
                "/master.log\n[pool main]\nworkers = 2\n[service hello]\nplugin = hello\naccess-log = " + logs +
                "/access.log\nlisten = tcp://127.0.0.1:0\n");
  server.ready(2);
  std::string rules = installed("prefork.logrotate.in", dir.path());
  rules = std::regex_replace(rules, std::regex("/var/log/prefork"), logs);
  rules = std::regex_replace(rules, std::regex("/run/prefork/control.sock"), server.control_path());
  rules = std::regex_replace(rules, std::regex("\tcompress\n"), "");
  write_file(dir / "rules", rules);
  ::chmod((dir / "rules").c_str(), 0644);
  Client client(server.address("hello"));
  constexpr std::size_t kRotations = 5, kRequests = 20;
  for (std::size_t rotation = 0; rotation < kRotations; ++rotation) {
    for (std::size_t i = 0; i < kRequests; ++i) ASSERT_NE(get(client), "");
    const Outcome rotate = run({{"logrotate", "--force", "--state", dir / "state", dir / "rules"}});
    EXPECT_EQ(rotate.code, 0) << rotate.err;
    EXPECT_TRUE(eventually([&] { return read_file(logs + "/master.log").find("log reopened") != std::string::npos; }));
    // An old file may get a last line while it is reopened, but not once it is rotated again.
    EXPECT_TRUE(eventually([&] { return exists(logs + "/access.log"); }));
  }
  std::size_t lines = 0;
  EXPECT_TRUE(eventually([&] {
    lines = 0;
    for (const char* suffix : {"", ".1", ".2", ".3", ".4", ".5"})
      lines += count(read_file(logs + "/access.log" + suffix), "\n");
    return lines == kRotations * kRequests;
  })) << lines;
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
