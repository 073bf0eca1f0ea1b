#include "framework/cli/ctl_options.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace prefork::cli {
namespace {

using Arguments = std::vector<std::string>;

CtlRequest request(const Arguments& arguments, const char* env = nullptr) {
  auto parsed = parse_ctl_arguments(arguments, env);
  if (const auto* message = std::get_if<CtlMessage>(&parsed)) {
    ADD_FAILURE() << message->text;
    return {};
  }
  return std::get<CtlRequest>(parsed);
}

CtlMessage message(const Arguments& arguments) {
  const auto parsed = parse_ctl_arguments(arguments, nullptr);
  if (const auto* found = std::get_if<CtlMessage>(&parsed)) return *found;
  ADD_FAILURE() << "accepted: " << std::get<CtlRequest>(parsed).command;
  return {};
}

TEST(CtlOptions, Commands) {
  EXPECT_EQ(request({"status"}).verb, CtlVerb::status);
  EXPECT_EQ(request({"workers"}).verb, CtlVerb::workers);
  EXPECT_EQ(request({"stop"}).verb, CtlVerb::stop);
  EXPECT_EQ(request({"reopen"}).verb, CtlVerb::other);
  EXPECT_EQ(request({"ipc"}).verb, CtlVerb::ipc);
  EXPECT_EQ(request({"queue", "list", "web.jobs"}).verb, CtlVerb::dead_letters);
  EXPECT_EQ(request({"queue", "requeue", "web.jobs", "3"}).verb, CtlVerb::other);
  EXPECT_EQ(request({"queue", "requeue", "web.jobs", "3"}).command, "queue requeue web.jobs 3");
  EXPECT_EQ(request({"queue", "drop", "web.jobs"}).verb, CtlVerb::other);
  EXPECT_EQ(request({"top"}).verb, CtlVerb::top);
  EXPECT_EQ(request({"top"}).command, "status");
  EXPECT_TRUE(request({"top", "--once"}).once);
  EXPECT_EQ(request({"metrics"}).verb, CtlVerb::metrics);
  EXPECT_EQ(request({"events"}).verb, CtlVerb::events);
  EXPECT_FALSE(request({"events"}).follow);
  EXPECT_TRUE(request({"events", "--follow"}).follow);
  EXPECT_EQ(request({"events", "--follow"}).command, "events");
  EXPECT_TRUE(request({"ipc", "--json"}).json);
  EXPECT_EQ(request({"reload", "--no-wait", "--only", "jobs"}).command, "reload --no-wait --only jobs");
  EXPECT_EQ(request({"reload", "--discard", "a.q", "--discard=b.q"}).command, "reload --discard a.q --discard b.q");
  EXPECT_EQ(request({"stop", "--fast"}).command, "stop --fast");
  EXPECT_EQ(request({"--fast", "stop"}).command, "stop --fast");
  EXPECT_TRUE(request({"status", "--json"}).json);
  EXPECT_FALSE(request({"status"}).json);
}

TEST(CtlOptions, AProgramIsNamedFromTheRoot) {
  EXPECT_EQ(request({"upgrade"}).command, "upgrade");
  EXPECT_EQ(request({"upgrade", "/usr/sbin/x"}).command, "upgrade /usr/sbin/x");
  EXPECT_EQ(request({"upgrade", "bin/x"}).command, "upgrade " + std::filesystem::current_path().string() + "/bin/x");
  EXPECT_EQ(request({"upgrade", "x"}).verb, CtlVerb::upgrade);
  EXPECT_EQ(message({"upgrade", ""}).exit_code, 64);
  EXPECT_EQ(message({"upgrade", "x", "y"}).exit_code, 64);
}

TEST(CtlOptions, CheckIsAWayToReadTheStatus) {
  EXPECT_EQ(request({"status", "--check"}).command, "status");
  EXPECT_TRUE(request({"status", "--check"}).check);
  EXPECT_FALSE(request({"status"}).check);
}

TEST(CtlOptions, ANegativeNumberIsNoOption) {
  EXPECT_EQ(request({"scale", "main", "-1"}).command, "scale main -1");
  EXPECT_EQ(request({"scale", "main", "+1"}).command, "scale main +1");
  EXPECT_EQ(request({"-s", "/x", "scale", "main", "-12"}).command, "scale main -12");
}

TEST(CtlOptions, SocketFromOptionThenEnvironmentThenDefault) {
  EXPECT_EQ(request({"-s", "/a", "status"}, "/b").socket, "/a");
  EXPECT_EQ(request({"status", "--socket=/a"}, "/b").socket, "/a");
  EXPECT_EQ(request({"status"}, "/b").socket, "/b");
  EXPECT_EQ(request({"status"}, "").socket, "/run/prefork/control.sock");
  EXPECT_EQ(request({"status"}).socket, "/run/prefork/control.sock");
}

TEST(CtlOptions, HelpAndVersion) {
  EXPECT_EQ(message({"--help"}).exit_code, 0);
  EXPECT_EQ(message({"-h", "nonsense"}).exit_code, 0);
  EXPECT_TRUE(message({"--version"}).text.starts_with("preforkctl "));
  EXPECT_TRUE(message({"-V"}).text.starts_with("preforkctl "));
}

TEST(CtlOptions, Mistakes) {
  const Arguments cases[] = {{},
                             {"statsu"},
                             {"status", "now"},
                             {"ipc", "now"},
                             {"queue"},
                             {"queue", "list"},
                             {"queue", "lits", "web.jobs"},
                             {"queue", "requeue", "web.jobs", "-1"},
                             {"queue", "list", "my queue"},
                             {"status", "--fast"},
                             {"status", "--follow"},
                             {"status", "--once"},
                             {"workers", "--check"},
                             {"status", "--check", "--json"},
                             {"top", "now"},
                             {"--jso", "status"},
                             {"scale", "main"},
                             {"scale", "main", "-x"},
                             {"scale", "my pool", "1"},
                             {"scale", "", "1"},
                             {"status\nstop"},
                             {"-s"}};
  for (const Arguments& arguments : cases) {
    const CtlMessage mistake = message(arguments);
    EXPECT_EQ(mistake.exit_code, 64);
    EXPECT_TRUE(mistake.text.starts_with("preforkctl: ")) << mistake.text;
    EXPECT_EQ(mistake.text.find('\n'), mistake.text.size() - 1) << mistake.text;
  }
  EXPECT_NE(message({"statsu"}).text.find("did you mean \"status\"?"), std::string::npos);
}

}  // namespace
}  // namespace prefork::cli
