#include "framework/master/log/log_line.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>

#include "framework/master/log/journal.hpp"
#include "framework/master/log/syslog.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

using nlohmann::json;

constexpr timespec kTime{1769860800, 7'999'999};  // 2026-01-31T12:00:00.007Z

LogRecord record(std::string_view message) { return {LogLevel::warning, kTime, message, {}}; }
LogRecord said(std::string_view message) {
  return {LogLevel::notice, kTime, message, {4711, "main", 3, 2, "web"}, true};
}

TEST(LogLine, AsText) {
  EXPECT_EQ(log_line(record("careful"), LogFormat::text), "2026-01-31T12:00:00.007Z warning careful\n");
  EXPECT_EQ(log_line(said("hello"), LogFormat::text),
            "2026-01-31T12:00:00.007Z notice  worker main/3 (pid 4711) web: hello\n");
  LogRecord of_worker = said("hello");
  of_worker.subject.service = {};
  EXPECT_EQ(log_text(of_worker), "worker main/3 (pid 4711) hello");
}

TEST(LogLine, TextForgesNoLineAndMovesNoCursor) {
  EXPECT_EQ(log_text(record("a\nb\x1b[2J\x7f Gr\xc3\xbc\xc3\x9f")), "a\\x0ab\\x1b[2J\\x7f Gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(log_text(record("\u202e\u009b\u200b")), "\\u202e\\u009b\\u200b");
  EXPECT_EQ(log_text(said("\u202e\u009b")), "worker main/3 (pid 4711) web: \\xe2\\x80\\xae\\xc2\\x9b");
  EXPECT_EQ(log_text(said("a\nb\\\xff")), "worker main/3 (pid 4711) web: a\\x0ab\\\\\\xff");
}

TEST(LogLine, AsJson) {
  EXPECT_EQ(log_line(said("say \"hi\""), LogFormat::json),
            R"({"time":"2026-01-31T12:00:00.007Z","level":"notice","pid":4711,"pool":"main","worker":"main/3",)"
            R"("generation":2,"service":"web","message":"say \"hi\""})"
            "\n");
  const json line = json::parse(log_line(record("careful"), LogFormat::json));
  EXPECT_EQ(line.size(), 4U) << "what is not known is left out";
  EXPECT_EQ(line["pid"], ::getpid());
  EXPECT_EQ(line["message"], "careful");
}

TEST(LogLine, JsonKeepsEachByte) {
  const std::pair<std::string, std::string> rows[] = {
      {"Gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", "Gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"},
      {std::string("a\0b\n\t\x1f\x7f", 7), std::string("a\0b\n\t\x1f\x7f", 7)},
      {"\xff", "\\xff"},
      {"\xc3", "\\xc3"},                             // cut
      {"\xe2\x82z", "\\xe2\\x82z"},                  // cut
      {"\xc0\xaf", "\\xc0\\xaf"},                    // overlong
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},           // surrogate
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // beyond U+10FFFF
  };
  for (const auto& [bytes, text] : rows) {
    EXPECT_EQ(json::parse(log_line(said(bytes), LogFormat::json))["message"], text) << text;
  }
}

// Whatever is cut away, what is left is an object, and a pipe takes it at once.
TEST(LogLine, OverlongLinesAreCut) {
  for (const std::string piece : {"x", "\x01", "\"", "\xff", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
    std::string message;
    while (message.size() < 3 * kMaxLogLine) message += piece;
    for (std::size_t length = 3900; length < 4100; length += 1) {
      const std::string_view part = std::string_view(message).substr(0, length);
      const std::string line = log_line(said(part), LogFormat::json);
      ASSERT_LE(line.size(), kMaxLogLine);
      ASSERT_EQ(line.find('\n'), line.size() - 1);
      ASSERT_TRUE(json::accept(line)) << piece << length;
    }
    const std::string line = log_line(said(message), LogFormat::json);
    EXPECT_GT(line.size(), kMaxLogLine - 16);
    EXPECT_TRUE(json::parse(line)["message"].get<std::string>().ends_with("..."));
    const std::string text = log_line(said(message), LogFormat::text);
    EXPECT_EQ(text.size(), kMaxLogLine);
    EXPECT_EQ(text.find('\n'), text.size() - 1);
    EXPECT_LE(syslog_datagram(said(message), LogFormat::json, 24).size(), kMaxLogLine);
    EXPECT_LE(syslog_datagram(said(message), LogFormat::text, 24).size(), kMaxLogLine);
    EXPECT_LE(journal_line(said(message), LogFormat::json).size(), kMaxLogLine);
  }
}

TEST(LogLine, AnyBytesAreAnObject) {
  std::minstd_rand random(1);
  for (int i = 0; i < 3000; ++i) {
    std::string message(random() % 40, '\0');
    for (char& c : message) c = static_cast<char>(random() % 256);
    const std::string line = log_line(said(message), LogFormat::json);
    ASSERT_TRUE(json::accept(line));
    ASSERT_EQ(line.find('\n'), line.size() - 1);
  }
}

TEST(LogLine, OfTheJournalHasAPriorityAndNoTime) {
  EXPECT_EQ(journal_line(said("hello"), LogFormat::text), "<5>worker main/3 (pid 4711) web: hello\n");
  constexpr std::array kPriorities{"<7>", "<6>", "<5>", "<4>", "<3>"};
  for (std::size_t i = 0; i < kPriorities.size(); ++i) {
    const LogRecord each{static_cast<LogLevel>(i), kTime, "x", {}};
    EXPECT_EQ(journal_line(each, LogFormat::text), std::string(kPriorities[i]) + "x\n");
  }
  EXPECT_EQ(json::parse(journal_line(said("hello"), LogFormat::json).substr(3))["message"], "hello");
}

TEST(Journal, IsKnownByDeviceAndInode) {
  EXPECT_TRUE(names_stream("8:4711", 8, 4711));
  for (const char* other : {"8:4712", "9:4711", "8:47110", "8", "8:", ":4711", "", "8:4711 ", "a:b"}) {
    EXPECT_FALSE(names_stream(other, 8, 4711)) << other;
  }
  EXPECT_FALSE(names_stream(nullptr, 8, 4711));
}

TEST(Syslog, DatagramsAreThoseOfRfc3164) {
  ::setenv("TZ", "UTC0", 1);
  ::tzset();
  EXPECT_EQ(
      syslog_datagram(said("hello"), LogFormat::text, syslog_facility("daemon")),
      "<29>Jan 31 12:00:00 prefork-master[" + std::to_string(::getpid()) + "]: worker main/3 (pid 4711) web: hello");
  const LogRecord early{LogLevel::error, {1772323200 + 5, 0}, "x", {}};
  EXPECT_TRUE(syslog_datagram(early, LogFormat::text, syslog_facility("local7")).starts_with("<187>Mar  1 00:00:05 "));
  ::unsetenv("TZ");
  EXPECT_EQ(syslog_facility("daemon"), 24);
  EXPECT_EQ(syslog_facility("Daemon"), -1);
}

/// A syslog daemon that takes one datagram after the other, when it is told to.
struct Daemon {
  explicit Daemon(const std::string& path) : socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ::unlink(path.c_str());
    ipc::check_syscall(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  }
  std::string take() {
    char buffer[8192];
    const ssize_t n = ::recv(socket.get(), buffer, sizeof buffer, 0);
    return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : "";
  }
  ipc::UniqueFd socket;
};

TEST(Syslog, NeitherWaitsNorGivesUp) {
  const test::TempFolder folder;
  const std::string path = folder.file("log");
  EXPECT_EQ(test::thrown_by([&] { Syslog{path}; }), "connect " + path + ": No such file or directory");
  EXPECT_EQ(test::thrown_by([&] { Syslog{std::string(200, 'x')}; }),
            "connect " + std::string(200, 'x') + ": File name too long");
  auto daemon = std::make_unique<Daemon>(path);
  Syslog syslog(path);
  EXPECT_TRUE(syslog.send("one"));
  EXPECT_EQ(daemon->take(), "one");
  int sent = 0;
  while (syslog.send("flood")) ++sent;
  EXPECT_GT(sent, 0);
  while (!daemon->take().empty()) --sent;
  EXPECT_EQ(sent, 0);
  EXPECT_TRUE(syslog.send("two"));
  daemon = std::make_unique<Daemon>(path);
  EXPECT_TRUE(syslog.send("three")) << "the daemon was started anew";
  EXPECT_EQ(daemon->take(), "three");
  daemon.reset();
  EXPECT_FALSE(syslog.send("lost"));
  Daemon another(path);
  EXPECT_TRUE(syslog.send("four"));
  EXPECT_EQ(another.take(), "four");
}

}  // namespace
}  // namespace prefork::master
