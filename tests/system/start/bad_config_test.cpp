// Goal: an unusable configuration is refused with one sentence on standard error that names its file and line, the
// right exit code, and nothing left behind.
#include <netinet/in.h>
#include <unistd.h>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

constexpr const char* kGood = "[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n";

struct Case {
  const char* name;
  std::string config;
  int code;
  int line;  ///< 0: the sentence names no line
  const char* sentence;
};

void PrintTo(const Case& each, std::ostream* out) { *out << each.name; }

void refused(const Case& expected, std::optional<uid_t> user = std::nullopt) {
  const TempDir dir;
  const std::string text = "[master]\ncontrol = {dir}/control.sock\npid-file = {dir}/master.pid\n" + expected.config;
  const Outcome outcome = start_with(dir, text, {}, user);
  EXPECT_EQ(outcome.code, expected.code) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(count(outcome.err, "\n"), 1U) << outcome.err;
  std::string start = "prefork-master: ";
  if (expected.line > 0) start += dir / "prefork.conf" + ":" + std::to_string(expected.line) + ": ";
  EXPECT_THAT(outcome.err, testing::StartsWith(start));
  EXPECT_THAT(outcome.err, testing::HasSubstr(expected.sentence));
  for (const char* file : {"control.sock", "master.pid", "a.sock"}) EXPECT_FALSE(exists(dir / file)) << file;
}

class BadConfig : public testing::TestWithParam<Case> {};

TEST_P(BadConfig, IsRefused) { refused(GetParam()); }

const std::string kService = "[service s]\nplugin = hello\n";  // lines 4 and 5

INSTANTIATE_TEST_SUITE_P(
    All, BadConfig,
    testing::Values(
        Case{"unknown_key", "[pool main]\nworkrs = 2\n" + std::string(kGood), 78, 5, "did you mean \"workers\""},
        Case{"key_of_another_section", "[pool main]\npid-file = x\n" + std::string(kGood), 78, 5,
             "it belongs in [master]"},
        Case{"unknown_section", "[pol main]\nworkers = 2\n" + std::string(kGood), 78, 4, "unknown section \"pol\""},
        Case{"no_equals_sign", "nonsense\n" + std::string(kGood), 78, 4, "nonsense"},
        Case{"open_quote", "log = \"x\n" + std::string(kGood), 78, 4, ""},
        Case{"bad_number", "[pool main]\nworkers = many\n" + std::string(kGood), 78, 5, "many"},
        Case{"too_many", "[pool main]\nworkers = 100000\n" + std::string(kGood), 78, 5, "4096"},
        Case{"no_workers", "[pool main]\nworkers = 0\n" + std::string(kGood), 78, 5, "0"},
        Case{"bad_duration", "shutdown-timeout = 30 parsecs\n" + std::string(kGood), 78, 4, "30 parsecs"},
        Case{"bad_level", "log-level = loud\n" + std::string(kGood), 78, 4, "loud"},
        Case{"key_twice", "log = a\nlog = b\n" + std::string(kGood), 78, 5, "log"},
        Case{"unknown_option", kService + "listen = tcp://127.0.0.1:0\nmonut = /x\n", 78, 7, "did you mean \"mount\""},
        Case{"bad_option", kService + "listen = tcp://127.0.0.1:0\nheader-timeout = soon\n", 78, 7, "soon"},
        Case{"bad_size", kService + "listen = tcp://127.0.0.1:0\nmax-body-bytes = 1 elephant\n", 78, 7, "elephant"},
        Case{"bad_mount", kService + "listen = tcp://127.0.0.1:0\nmount = a\n", 78, 7,
             "mount in [service s]: \"a\": it does not begin with '/'"},
        Case{"bad_host", kService + "listen = tcp://127.0.0.1:0\nhost = a:80\n", 78, 7,
             "host in [service s]: \"a:80\""},
        Case{"bad_log_format", kService + "listen = tcp://127.0.0.1:0\naccess-log-format = %z\n", 78, 7,
             "there is no directive \"%z\""},
        Case{"try_outside_of_root",
             "[service s]\nplugin = static\nroot = /\ntry = /etc/passwd\nlisten = tcp://127.0.0.1:0\n", 78, 7,
             "\"/etc/passwd\" must be a path below the root"},
        Case{"same_place",
             kService + "listen = unix:{dir}/a.sock\nmount = /a/\nhost = b.org a.org\n[service t]\nplugin = hello\n" +
                 "listen = unix:{dir}/a.sock\nmount = /a\nhost = a.org\n",
             78, 11, "with the same mount and host"},
        Case{"no_listener", kService, 78, 4, "listen"},
        Case{"no_plugin", "[service s]\nlisten = tcp://127.0.0.1:0\n", 78, 4, "plugin"},
        Case{"no_service", "", 78, 0, "service"},
        Case{"unknown_pool", kService + "listen = tcp://127.0.0.1:0\npool = nowhere\n", 78, 7, "nowhere"},
        Case{"bad_scheme", kService + "listen = http://127.0.0.1:0\n", 78, 6, "http://127.0.0.1:0"},
        Case{"bad_port", kService + "listen = tcp://127.0.0.1:70000\n", 78, 6, "70000"},
        Case{"unknown_port", kService + "listen = tcp://127.0.0.1:nosuchservice\n", 78, 6, "nosuchservice"},
        Case{"unknown_listen_option", kService + "listen = tcp://127.0.0.1:0 backlgo=1\n", 78, 6, "backlog"},
        Case{"nodelay_on_udp", "[service s]\nplugin = echo\nlisten = udp://127.0.0.1:0 nodelay=off\n", 78, 6,
             "nodelay"},
        Case{"not_our_address", kService + "listen = tcp://192.0.2.1:0\n", 69, 6, "192.0.2.1"},
        Case{"path_too_long", kService + "listen = unix:{dir}/" + std::string(120, 'x') + "\n", 78, 6, "xxx"},
        Case{"no_folder", kService + "listen = unix:{dir}/none/a.sock\n", 69, 6, "none/a.sock"},
        Case{"datagrams_for_http", kService + "listen = udp://127.0.0.1:0\n", 78, 6, "takes connections only"},
        Case{"blocking_beside_others",
             "[service b]\nplugin = greeter-classic\nlisten = unix:{dir}/a.sock\n" + std::string(kGood), 78, 4,
             "its worker"},
        Case{"unwritable_log", "log = {dir}/none/log\n" + std::string(kGood), 71, 0, "none/log"},
        Case{"section_twice", std::string(kGood) + "[master]\nlog = x\n", 78, 7, "is given twice"},
        Case{"log_is_a_folder", "log = {dir}\n" + std::string(kGood), 71, 0, "Is a directory"},
        Case{"include_missing", "include = {dir}/nothing.conf\n" + std::string(kGood), 66, 4, "nothing.conf"},
        Case{"second_listener_fails", kService + "listen = unix:{dir}/a.sock\nlisten = tcp://192.0.2.1:1\n", 69, 7,
             "192.0.2.1"}),
    [](const auto& which) { return std::string(which.param.name); });

TEST(BadStart, NoSuchFile) {
  const Outcome outcome = run({{kMaster, "-c", "/nonexistent/prefork.conf"}});
  EXPECT_EQ(outcome.code, 66);
  EXPECT_EQ(count(outcome.err, "\n"), 1U);
  EXPECT_THAT(outcome.err, testing::HasSubstr("/nonexistent/prefork.conf"));
}

TEST(BadStart, PortInUse) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const Address any("tcp://127.0.0.1:0");
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&any.storage), any.length), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  sockaddr_in bound{};
  socklen_t length = sizeof bound;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length);
  refused({"",
           kService + "listen = unix:{dir}/a.sock\nlisten = tcp://127.0.0.1:" + std::to_string(ntohs(bound.sin_port)) +
               "\n",
           69, 7, "Address already in use"});
  ::close(fd);
}

TEST(BadStart, WithoutTheRight) {
  const auto user = other_user();
  if (!user) GTEST_SKIP() << "needs root and another user";
  refused({"", kService + "listen = unix:/proc/a.sock\n", 69, 6, "/proc/a.sock"});
  refused({"", kService + "listen = unix:/root/a.sock\n", 77, 6, "Permission denied"}, user);
  refused({"", "[pool main]\nuser = root\n" + std::string(kGood), 77, 4, "change to user root"}, user);
  refused({"", "log = /root/log\n" + std::string(kGood), 77, 0, "/root/log"}, user);
  if (read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start") != "0\n") {
    refused({"", kService + "listen = tcp://127.0.0.1:81\n", 77, 6, "Permission denied"}, user);
  }
  const TempDir dir;
  EXPECT_EQ(start_with(dir, "[master]\npid-file = /root/x.pid\n" + std::string(kGood), {}, user).code, 77);
  EXPECT_EQ(start_with(dir, "[master]\ncontrol = /root/x.sock\n" + std::string(kGood), {}, user).code, 77);
}

TEST(BadStart, PidFileAndControlSocketOfAnotherMaster) {
  Server server(std::string("[pool main]\nworkers = 1\n") + kGood);
  server.ready(1);
  const TempDir dir;
  const Outcome pid = start_with(dir, "[master]\npid-file = " + server.pid_path() + "\n" + kGood);
  EXPECT_EQ(pid.code, 69);
  EXPECT_THAT(pid.err, testing::HasSubstr("another prefork-master (pid " + std::to_string(server.pid()) + ")"));
  const Outcome control = start_with(dir, "[master]\ncontrol = " + server.control_path() + "\n" + kGood);
  EXPECT_EQ(control.code, 69);
  EXPECT_THAT(control.err, testing::HasSubstr("another prefork-master answers"));
  EXPECT_EQ(read_file(server.pid_path()), std::to_string(server.pid()) + "\n") << "the other's files are left alone";
  EXPECT_EQ(server.ctl({"status"}).code, 0);
  EXPECT_TRUE(server.stops_clean());
}

TEST(BadStart, FilesThatCantBeMade) {
  const TempDir dir;
  const Outcome pid = start_with(dir, "[master]\npid-file = {dir}/none/x.pid\n" + std::string(kGood));
  EXPECT_EQ(pid.code, 73);
  EXPECT_EQ(count(pid.err, "\n"), 1U);
  const Outcome control =
      start_with(dir, "[master]\ncontrol = {dir}/none/x.sock\npid-file = {dir}/p\n" + std::string(kGood));
  EXPECT_EQ(control.code, 73);
  EXPECT_EQ(count(control.err, "\n"), 1U) << control.err;
  EXPECT_FALSE(exists(dir / "p"));
  const std::string far = "{dir}/" + std::string(120, 'x');
  EXPECT_EQ(start_with(dir, "[master]\ncontrol = " + far + "\n" + kGood).code, 73);
  write_file(dir / "file", "precious");
  EXPECT_EQ(start_with(dir, "[master]\ncontrol = {dir}/file\n" + std::string(kGood)).code, 73);
  EXPECT_EQ(read_file(dir / "file"), "precious");
}

}  // namespace
}  // namespace prefork::system_test
