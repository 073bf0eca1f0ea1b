// Goal: the server's log has the requested content and form; whatever happens to its reader, neither workers nor the
// master wait for it, and lost lines are counted.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <sstream>
#include <system_error>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

const std::string kService = "plugin = {plugins}/moody.so\nlisten = tcp://127.0.0.1:0\n";
const std::string kMoody = "[pool main]\nworkers = 1\n[service moody]\n" + kService;

void say(Client& client, int level, const std::string& text) {
  client.send("say " + std::to_string(level) + " " + text + "\n");
  ASSERT_EQ(client.receive_until("\n"), "said\n");
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(Log, IsAnObjectOnEachLine) {
  Server server(kMoody, {.master = "log-format = json\nlog-level = debug"});
  server.ready(1);
  const pid_t worker = server.workers().front();
  {
    Client client(server.address("moody"));
    say(client, 3, "bad \xff\xc3\xa9 \"x\"\x01");
  }
  EXPECT_EQ(::kill(worker, SIGKILL), 0);
  EXPECT_TRUE(server.logged("killed by SIGKILL"));
  server.ready(1);
  EXPECT_TRUE(server.stops_clean());
  std::size_t of_the_worker = 0;
  for (const std::string& text : lines_of(server.log())) {
    const Json line = Json::parse(text);
    for (const char* name : {"time", "level", "pid", "message"}) ASSERT_TRUE(line.contains(name)) << text;
    ASSERT_EQ(line["time"].get<std::string>().size(), 24U) << text;
    if (line["pid"] != worker) continue;
    ++of_the_worker;
    EXPECT_EQ(line["pool"], "main") << text;
    EXPECT_EQ(line["worker"], "main/0") << text;
    EXPECT_EQ(line["generation"], 1) << text;
    if (!line.contains("service")) continue;
    EXPECT_EQ(line["service"], "moody");
    EXPECT_EQ(line["level"], "warning");
    EXPECT_EQ(line["message"], "bad \\xff\xc3\xa9 \"x\"\x01");
  }
  EXPECT_EQ(of_the_worker, 4U) << "started, ready, what it said, its end";
}

TEST(Log, EachServiceHasItsLevel) {
  const std::string sections = "[pool main]\nworkers = 1\n[service loud]\nlog-level = debug\n" + kService +
                               "[service plain]\n" + kService + "[service quiet]\nlog-level = error\n" + kService;
  Server server(sections, {.master = "log-level = notice"});
  server.ready(1);
  for (const char* name : {"loud", "plain", "quiet"}) {
    Client client(server.address(name));
    for (int level = 0; level < 5; ++level) say(client, level, "at " + std::to_string(level));
  }
  EXPECT_TRUE(server.logged("quiet: at 4"));
  for (const auto& [service, least] : {std::pair("loud", 0), std::pair("plain", 2), std::pair("quiet", 4)}) {
    for (int level = 0; level < 5; ++level) {
      const std::string line = std::string(service) + ": at " + std::to_string(level);
      EXPECT_EQ(count(server.log(), line), level >= least ? 1U : 0U) << line;
    }
  }
  server.configure("[pool main]\nworkers = 1\n[service loud]\nlog-level = error\n" + kService,
                   "log-level = notice\nlog-format = json");
  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  Client client(server.address("loud"));
  say(client, 3, "hidden now");
  say(client, 4, "as json");
  EXPECT_TRUE(server.logged("\"service\":\"loud\",\"message\":\"as json\"}"));
  EXPECT_EQ(count(server.log(), "hidden now"), 0U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Log, ALineThatIsCutSaysSo) {
  Server server(kMoody);
  server.ready(1);
  Client client(server.address("moody"));
  say(client, 3, std::string(1024, 'x'));
  say(client, 3, std::string(1025, 'y'));
  EXPECT_TRUE(server.logged(" moody: " + std::string(1024, 'x') + "\n"));
  EXPECT_TRUE(server.logged(" moody: " + std::string(1021, 'y') + "...\n"));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Log, InTheJournalHasPrioritiesAndNoTime) {
  const TempDir dir;
  write_file(dir / "err", "");
  struct stat status {};
  ASSERT_EQ(::stat((dir / "err").c_str(), &status), 0);
  const std::string stream = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  Process master(
      {{kMaster, "--plugin", kPlugins + "/hello.so", "--listen", "tcp://127.0.0.1:0"}, {"JOURNAL_STREAM=" + stream}},
      dir / "out", dir / "err");
  ASSERT_TRUE(eventually([&] { return count(read_file(dir / "err"), " is ready\n") > 0; })) << read_file(dir / "err");
  master.signal(SIGTERM);
  ASSERT_TRUE(master.wait());
  const std::string text = read_file(dir / "err");
  EXPECT_THAT(text, testing::HasSubstr("\n<6>service "));
  for (const std::string& line : lines_of(text)) {
    EXPECT_THAT(line, testing::MatchesRegex("<[3-7]>(prefork-master|service|worker|SIGTERM).*"));
  }
}

// A pipe that nobody reads fills up. The master continues, counts, and reports the count once there is room, even if
// nothing else is logged.
TEST(Log, APipeThatNobodyReadsHoldsUpNobody) {
  std::string fifo;
  int reader = -1;
  Server server(kMoody + "[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n",
                {.master = "log = {dir}/fifo", .before = [&](const TempDir& dir) {
                   fifo = dir / "fifo";
                   ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
                   reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
                 }});
  server.ready(1);
  Client moody(server.address("moody")), hello(server.address("hello"));
  unsigned said = 0;
  const auto dropped = [&] { return server.status()["log"]["dropped"].get<unsigned>(); };
  while (dropped() == 0) {
    for (int i = 0; i < 50; ++i, ++said) say(moody, 3, "line " + std::string(900, 'x'));
    ASSERT_LT(said, 5000U);
  }
  EXPECT_THAT(get(hello), testing::HasSubstr("200 OK"));
  const int victim = server.workers().front();
  EXPECT_EQ(::kill(victim, SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return server.workers() != std::vector<pid_t>{victim}; })) << "supervision goes on";
  server.ready(1);
  std::string text, chunk(1 << 16, '\0');
  unsigned told = 0;
  EXPECT_TRUE(eventually([&] {
    for (ssize_t n = 0; (n = ::read(reader, chunk.data(), chunk.size())) > 0;) {
      text.append(chunk, 0, static_cast<std::size_t>(n));
    }
    told = 0;
    for (const std::string& line : lines_of(text)) {
      if (line.ends_with(" log lines were lost")) told += static_cast<unsigned>(std::stoul(line.substr(33)));
    }
    return told > 0 && told == dropped();
  })) << told
      << " of " << dropped();
  for (const std::string& line : lines_of(text)) EXPECT_EQ(line.find('Z'), 23U) << line;
  EXPECT_TRUE(server.stops_clean());
  ::close(reader);
}

TEST(Log, AFullDiskIsCountedInTheStatus) {
  Server server(
      "[pool main]\nworkers = 1\n[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n"
      "access-log = /dev/full\n",
      {.master = "log = /dev/full"});
  server.ready(1);
  Client client(server.address("hello"));
  for (int i = 0; i < 300; ++i) EXPECT_THAT(get(client), testing::HasSubstr("200 OK"));
  const auto log = [&] { return server.status()["log"]; };
  EXPECT_TRUE(eventually([&] { return log()["access"][0]["dropped"] == 300; })) << log();
  EXPECT_EQ(log()["access"][0]["path"], "/dev/full");
  EXPECT_GE(log()["dropped"], 3) << "starts, listens, ready, and that the access log can't be written";
  EXPECT_EQ(log()["dropped_by_workers"], 0);
  EXPECT_TRUE(server.stops_clean());
}

/// A terminal that is gone once hang_up() is called: a write to it then gives EIO, as a disk error does. The log file
/// leads to it, and can be made to lead elsewhere.
class Terminal {
 public:
  explicit Terminal(const std::string& path) : path_(path), fd_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    char name[64];
    if (fd_ == -1 || ::grantpt(fd_) == -1 || ::unlockpt(fd_) == -1 || ::ptsname_r(fd_, name, sizeof name) != 0 ||
        ::symlink(name, path.c_str()) == -1) {
      throw std::system_error(errno, std::generic_category(), "pseudo-terminal");
    }
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { hang_up(); }
  void hang_up() { ::close(std::exchange(fd_, -1)); }
  /// From the next reopening on it is a file.
  void replace() const {
    write_file(path_ + ".new", "");
    ASSERT_EQ(::rename((path_ + ".new").c_str(), path_.c_str()), 0);
  }

 private:
  std::string path_;
  int fd_;
};

const std::string kMoodyAndHello =
    kMoody + "[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\naccess-log = {dir}/access\n";

TEST(Log, AFaultOfTheDiskUnderAnAccessLogIsToldAndCounted) {
  std::unique_ptr<Terminal> access;
  Server server(kMoodyAndHello,
                {.before = [&](const TempDir& dir) { access = std::make_unique<Terminal>(dir / "access"); }});
  server.ready(1);
  access->hang_up();
  Client client(server.address("hello"));
  for (int i = 0; i < 100; ++i) EXPECT_THAT(get(client), testing::HasSubstr("200 OK"));
  EXPECT_TRUE(server.logged("access log " + (server.dir() / "access") +
                            " can't be written: Input/output error; lines are dropped"));
  const auto log = [&] { return server.status()["log"]; };
  EXPECT_TRUE(eventually([&] { return log()["access"][0]["dropped"] == 100; })) << log();
  access->replace();
  server.signal(SIGUSR1);
  // The writer may have been signalled after the first of these.
  EXPECT_TRUE(eventually([&] {
    EXPECT_THAT(get(client), testing::HasSubstr("200 OK"));
    return !read_file(server.dir() / "access").empty();
  }));
  EXPECT_TRUE(server.logged("access log " + (server.dir() / "access") + " is written again; "));
  EXPECT_EQ(count(server.log(), "can't be written"), 1U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Log, AFaultOfTheDiskUnderTheServersLogHurtsNobody) {
  std::unique_ptr<Terminal> terminal;
  Server server(kMoodyAndHello, {.master = "log = {dir}/log", .before = [&](const TempDir& dir) {
                                   terminal = std::make_unique<Terminal>(dir / "log");
                                 }});
  server.ready(1);
  terminal->hang_up();
  Client moody(server.address("moody")), hello(server.address("hello"));
  const auto dropped = [&] { return server.status()["log"]["dropped"].get<unsigned>(); };
  ASSERT_EQ(dropped(), 0U);
  for (int i = 0; i < 50; ++i) say(moody, 3, "line");
  EXPECT_THAT(get(hello), testing::HasSubstr("200 OK"));
  EXPECT_TRUE(eventually([&] { return dropped() == 50; })) << dropped();
  EXPECT_EQ(count(server.ctl({"events"}).out, "moody: line"), 50U) << "they are there still";
  const pid_t victim = server.workers().front();
  EXPECT_EQ(::kill(victim, SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return server.workers() != std::vector<pid_t>{victim}; })) << "supervision goes on";
  server.ready(1);
  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  terminal->replace();
  EXPECT_EQ(server.ctl({"reopen"}).code, 0);
  const std::string lost = std::to_string(dropped()) + " log lines were lost";
  EXPECT_TRUE(eventually([&] { return count(read_file(server.dir() / "log"), lost) == 1; }))
      << lost << ": " << read_file(server.dir() / "log");
  EXPECT_TRUE(server.stops_clean());
}

/// Takes the place of a syslog daemon.
class Daemon {
 public:
  explicit Daemon(std::string path) : path_(std::move(path)), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    const timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == -1) throw std::runtime_error("bind");
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon() {
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  /// The next datagram that has `part`.
  std::string take(const std::string& part) const {
    for (;;) {
      char buffer[8192];
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return "nothing came";
      const std::string text(buffer, static_cast<std::size_t>(n));
      if (text.find(part) != std::string::npos) return text;
    }
  }

 private:
  std::string path_;
  int fd_;
};

TEST(Log, GoesToSyslogAlsoToOneThatIsStartedAnew) {
  const TempDir dir;
  auto daemon = std::make_unique<Daemon>(dir / "log");
  Server server(kMoody, {.master = "log = syslog\nsyslog-facility = local3\nsyslog-socket = " + (dir / "log")});
  server.ready(1);
  Client client(server.address("moody"));
  say(client, 3, "careful");
  EXPECT_THAT(daemon->take("careful"),
              testing::MatchesRegex("<156>[A-Z][a-z][a-z] [ 1-3][0-9] [0-9:]+ prefork-master.[0-9]+.: worker main/0 "
                                    ".pid [0-9]+. moody: careful"));
  daemon.reset();
  say(client, 3, "lost");
  EXPECT_TRUE(eventually([&] { return server.status()["log"]["dropped"] == 1; }));
  daemon = std::make_unique<Daemon>(dir / "log");
  EXPECT_THAT(daemon->take(""), testing::HasSubstr("1 log lines were lost")) << "though nothing else was said";
  say(client, 1, "again");
  EXPECT_THAT(daemon->take("again"), testing::StartsWith("<158>"));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Log, MustHaveASyslogDaemon) {
  Server server(kMoody, {.master = "log = syslog\nsyslog-socket = {dir}/none"});
  EXPECT_EQ(server.wait_exit(), 71);
  EXPECT_TRUE(server.logged("connect " + (server.dir() / "none") + ": No such file or directory"));
}

}  // namespace
}  // namespace prefork::system_test
