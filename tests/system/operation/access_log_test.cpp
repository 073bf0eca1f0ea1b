// Goal: every request has its line, whole and once: through rotation under load, and through deaths of workers and of
// the log writer; and no worker that serves waits for the log.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <regex>
#include <sstream>
#include <thread>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

std::string config(const std::string& more = "") {
  return "[pool main]\nworkers = 2\n[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n"
         "access-log = {dir}/access.log\n" +
         more;
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

pid_t writer_of(const Server& server) {
  for (const pid_t pid : children_of(server.pid())) {
    std::ifstream comm("/proc/" + std::to_string(pid) + "/comm");
    std::string name;
    std::getline(comm, name);
    if (name == "access log") return pid;
  }
  return -1;
}

TEST(AccessLog, HasACombinedLineForEachRequest) {
  Server server(config());
  server.ready(2);
  const Address address = server.address("hello");
  ask(address, "GET /Ada?x=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUser-Agent: me\r\nReferer: http://r/\r\n\r\n");
  ask(address, "nonsense\r\n\r\n");
  ask(address, "GET /a/b HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(server.stops_clean());
  const auto lines = lines_of(server.dir() / "access.log");
  ASSERT_EQ(lines.size(), 3U) << "what workers have collected is written before the server has ended";
  const std::regex combined(
      R"re(127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "([^"]*)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)")re");
  std::vector<std::string> seen;
  for (const std::string& line : lines) {
    std::smatch parts;
    ASSERT_TRUE(std::regex_match(line, parts, combined)) << line;
    seen.push_back(parts[1].str() + "|" + parts[2].str() + "|" + parts[4].str() + "|" + parts[5].str());
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (std::vector<std::string>{"-|400|-|-", "GET /Ada?x=1 HTTP/1.1|200|http://r/|me",
                                            "GET /a/b HTTP/1.0|404|-|-"}));
}

TEST(AccessLog, IsWrittenAsJson) {
  Server server(config("access-log-format = json\n"));
  server.ready(2);
  ask(server.address("hello"), "GET /\"x HTTP/1.0\r\nUser-Agent: \xff\r\n\r\n");
  EXPECT_TRUE(server.stops_clean());
  const auto lines = lines_of(server.dir() / "access.log");
  ASSERT_EQ(lines.size(), 1U);
  const Json line = Json::parse(lines[0]);
  EXPECT_EQ(line["target"], "/\"x");
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["service"], "hello");
  EXPECT_EQ(line["bytes"], 15) << "Hello, &quot;x!";
}

TEST(AccessLog, LosesAndDoublesNothingWhenItIsRotated) {
  Server server(config("access-log-format = %U\n"));
  server.ready(2);
  constexpr int kRequests = 8'000, kRotations = 40;
  const Address address = server.address("hello");
  std::thread load([&] {
    Client client(address);
    for (int i = 0; i < kRequests; ++i) get(client, "/" + std::to_string(i));
  });
  const std::string log = server.dir() / "access.log";
  for (int i = 0; i < kRotations; ++i) {
    ASSERT_EQ(::rename(log.c_str(), (log + "." + std::to_string(i)).c_str()), 0);
    if (i % 2 == 0) {
      server.signal(SIGUSR1);
    } else {
      EXPECT_EQ(server.ctl({"reopen"}).code, 0);
    }
    ASSERT_TRUE(eventually([&] { return ::access(log.c_str(), F_OK) == 0; }));
  }
  load.join();
  EXPECT_TRUE(server.stops_clean());
  std::vector<int> times(kRequests);
  for (int i = -1; i < kRotations; ++i) {
    for (const std::string& line : lines_of(i < 0 ? log : log + "." + std::to_string(i)))
      ++times.at(std::stoul(line.substr(1)));
  }
  EXPECT_TRUE(std::all_of(times.begin(), times.end(), [](int n) { return n == 1; }));
}

TEST(AccessLog, OutlivesItsWriterAndTearsNoLine) {
  Server server(config("access-log-format = <%U>\n"));
  server.ready(2);
  const auto workers = server.workers();
  Client client(server.address("hello"));
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 2000; ++i) get(client, "/" + std::string(50, 'x'));
    pid_t writer = -1;
    ASSERT_TRUE(eventually([&] { return (writer = writer_of(server)) != -1; }));
    ASSERT_EQ(::kill(writer, SIGKILL), 0);
    EXPECT_TRUE(eventually([&] { return writer_of(server) != -1 && writer_of(server) != writer; }));
  }
  EXPECT_EQ(server.workers(), workers) << "none of them noticed";
  EXPECT_TRUE(server.stops_clean());
  const auto lines = lines_of(server.dir() / "access.log");
  EXPECT_GT(lines.size(), 0U);
  for (const std::string& line : lines) ASSERT_EQ(line, "</" + std::string(50, 'x') + ">");
}

// Goal: the writer has no right but to write into the file that it has; also once the file was opened anew, where it
// could not.
TEST(AccessLog, IsWrittenWithoutRights) {
  SKIP_UNLESS_ROOT();
  Server server(config("access-log-format = %U\n"));
  server.ready(2);
  Client client(server.address("hello"));
  const std::string log = server.dir() / "access.log";
  pid_t before = -1;
  for (int round = 0; round < 3; ++round) {
    get(client, "/" + std::to_string(round));
    ASSERT_TRUE(eventually([&] { return lines_of(log).size() == 1; }));
    const pid_t writer = writer_of(server);
    EXPECT_NE(writer, before);
    before = writer;
    ASSERT_TRUE(eventually([&] { return proc_status(writer, "NoNewPrivs") == "1"; }));
    EXPECT_EQ(proc_status(writer, "Uid"), "65533\t65533\t65533\t65533");
    EXPECT_EQ(proc_status(writer, "Gid"), "65533\t65533\t65533\t65533");
    EXPECT_THAT(proc_status(writer, "Groups"), testing::MatchesRegex(" *"));
    for (const char* set : {"CapPrm", "CapEff"}) EXPECT_EQ(proc_status(writer, set), "0000000000000000") << set;
    ASSERT_EQ(::rename(log.c_str(), (log + std::to_string(round)).c_str()), 0);
    EXPECT_EQ(server.ctl({"reopen"}).code, 0);
  }
  EXPECT_EQ(count(server.log(), "has ended"), 0U) << "that one makes room for another is no fault";
  EXPECT_TRUE(server.stops_clean());
}

TEST(AccessLog, GoesOnInTheOldFileWhereItCantBeOpenedAnew) {
  Server server(config("access-log-format = %U\n"));
  server.ready(2);
  Client client(server.address("hello"));
  const std::string log = server.dir() / "access.log", old = log + ".old";
  ASSERT_EQ(::rename(log.c_str(), old.c_str()), 0);
  ASSERT_EQ(::mkdir(log.c_str(), 0755), 0);
  EXPECT_EQ(server.ctl({"reopen"}).code, 0);
  EXPECT_TRUE(server.logged("access log " + log + " continues in the old file: open: Is a directory"));
  get(client, "/still");
  EXPECT_TRUE(eventually([&] { return lines_of(old) == std::vector<std::string>{"/still"}; }));
  EXPECT_TRUE(server.stops_clean());
  ASSERT_EQ(::rmdir(log.c_str()), 0);
}

TEST(AccessLog, HasWholeLinesOnlyWhenWorkersAreKilled) {
  Server server(config("access-log-format = <%U>\n"));
  server.ready(2);
  for (int round = 0; round < 5; ++round) {
    Client client(server.address("hello"));
    for (int i = 0; i < 500; ++i) get(client, "/" + std::string(50, 'x'));
    for (const pid_t pid : server.workers()) ::kill(pid, SIGKILL);
    server.ready(2);
  }
  EXPECT_TRUE(server.stops_clean());
  for (const std::string& line : lines_of(server.dir() / "access.log")) {
    ASSERT_EQ(line, "</" + std::string(50, 'x') + ">");
  }
}

TEST(AccessLog, HoldsUpNobodyWhenItsWriterStands) {
  Server server(config("access-log-format = %{X-Long}i\n"));
  server.ready(2);
  ASSERT_TRUE(eventually([&] { return writer_of(server) != -1; }));
  const pid_t writer = writer_of(server);
  ASSERT_EQ(::kill(writer, SIGSTOP), 0);
  Client client(server.address("hello"));
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + std::string(4000, 'x') + "\r\n\r\n";
  std::string answers;
  for (int i = 0; i < 1500; ++i) {
    client.send(request);
    ASSERT_TRUE(client.receive_until("Hello, World!").ends_with("Hello, World!")) << i;
  }
  ASSERT_EQ(::kill(writer, SIGCONT), 0);
  EXPECT_TRUE(eventually([&] { return server.logged("the access log did not keep up"); }));
  EXPECT_TRUE(server.stops_clean());
}

TEST(AccessLog, SaysOnceThatTheDiskIsFull) {
  Server server(
      "[pool main]\nworkers = 1\n[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n"
      "access-log = /dev/full\n");
  server.ready(1);
  Client client(server.address("hello"));
  for (int i = 0; i < 300; ++i) get(client);
  EXPECT_TRUE(
      eventually([&] { return server.logged("access log /dev/full can't be written: No space left on device"); }));
  get(client);
  EXPECT_TRUE(server.stops_clean());
}

TEST(AccessLog, IsSampled) {
  Server server(config("access-log-sample = 10\n"));
  server.ready(2);
  for (int i = 0; i < 2; ++i) {
    Client client(server.address("hello"));
    for (int n = 0; n < 100; ++n) get(client);
  }
  EXPECT_TRUE(server.stops_clean());
  EXPECT_NEAR(static_cast<double>(lines_of(server.dir() / "access.log").size()), 20, 2);
}

TEST(AccessLog, MustBeWritable) {
  Server server("[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\naccess-log = {dir}/none/access.log\n");
  EXPECT_EQ(server.wait_exit(), 73);
  EXPECT_TRUE(server.logged("access log: open " + (server.dir() / "none/access.log") + ": No such file or directory"));
}

}  // namespace
}  // namespace prefork::system_test
