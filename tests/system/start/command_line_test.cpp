// Goal: prefork-master's command line and environment do what --help says.
#include <cerrno>
#include <cstring>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

const std::string kHello =
    "[pool main]\nworkers = 2\n[service hello]\nplugin = hello\nlisten = unix:{dir}/h.sock\nmount = /hi\n";

TEST(CommandLine, HelpVersionAndDescribe) {
  for (const char* word : {"--help", "-h"}) {
    const Outcome outcome = run({{kMaster, word}});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, testing::StartsWith("Usage: prefork-master"));
  }
  EXPECT_THAT(run({{kMaster, "--version"}}).out, testing::StartsWith("prefork-master "));
  EXPECT_THAT(run({{kMaster, "--help-config"}}).out, testing::HasSubstr("shutdown-timeout"));
  const Outcome hello = run({{kMaster, "--describe", "hello"}});
  EXPECT_EQ(hello.code, 0);
  EXPECT_THAT(hello.out, testing::HasSubstr("header-timeout"));
  const Outcome moody = run({{kMaster, "--describe", kTestPlugins + "/moody.so"}});
  EXPECT_THAT(moody.out, testing::HasSubstr("Fails on demand."));
  EXPECT_EQ(run({{kMaster, "--describe", "nothing"}}).code, 66);
  EXPECT_EQ(run({{kMaster, "--describe", kTestPlugins + "/bad_abi.so"}}).code, 78);
}

// Runs a program with a redirection of the shell's.
Outcome run_redirected(const std::string& redirection, std::vector<std::string> words) {
  words.insert(words.begin(), {"sh", "-c", "exec \"$0\" \"$@\" " + redirection});
  return run({words});
}

TEST(CommandLine, WhatCannotBePrintedIsNoSuccess) {
  Server server(kHello);
  server.ready(2);
  const std::vector<std::vector<std::string>> programs{
      {kMaster, "--help"},
      {kMaster, "--help-config"},
      {kMaster, "--version"},
      {kMaster, "--describe", "hello"},
      {kMaster, "-T", "-c", server.config_path()},
      {kCtl, "--help"},
      {kCtl, "-s", server.control_path(), "status"},
      {kCtl, "-s", server.control_path(), "status", "--json"},
      {kCtl, "-s", server.control_path(), "metrics"},
  };
  for (const char* const redirection : {">&-", ">/dev/full", ">&- <&-"}) {
    for (const auto& words : programs) {
      const Outcome outcome = run_redirected(redirection, words);
      EXPECT_EQ(outcome.code, 74) << redirection << testing::PrintToString(words);
      EXPECT_THAT(outcome.err,
                  testing::EndsWith(std::string(": can't write to standard output: ") +
                                    ::strerror(std::string(redirection) == ">/dev/full" ? ENOSPC : EBADF) + "\n"))
          << redirection << testing::PrintToString(words);
    }
    // Nothing to print, nothing to fail.
    EXPECT_EQ(run_redirected(redirection, {kMaster, "-t", "-c", server.config_path()}).code, 0);
    EXPECT_EQ(run_redirected(redirection, {kCtl, "-s", server.control_path(), "reopen"}).code, 0);
  }
  EXPECT_TRUE(server.stops_clean());
}

TEST(CommandLine, ClosedStreamsBecomeNoFileOfTheServers) {
  Server::How how;
  how.launcher = {"sh", "-c", "exec \"$0\" \"$@\" <&- >&-"};
  Server server(kHello, how);
  server.ready(2);
  const auto of_master = descriptors_of(server.pid());
  ASSERT_GE(of_master.size(), 3U);
  EXPECT_THAT(of_master[0], testing::Pair(0, "/dev/null"));
  EXPECT_THAT(of_master[1], testing::Pair(1, "/dev/null"));
  EXPECT_THAT(of_master[2], testing::Pair(2, server.dir() / "stderr"));
  for (const pid_t pid : server.workers()) {
    const auto descriptors = descriptors_of(pid);
    ASSERT_GE(descriptors.size(), 3U);
    EXPECT_THAT(descriptors[0], testing::Pair(0, "/dev/null"));
    for (const int fd : {1, 2}) EXPECT_THAT(descriptors[fd], testing::Pair(fd, testing::StartsWith("pipe:")));
  }
  EXPECT_TRUE(server.stops_clean());
}

TEST(CommandLine, Mistakes) {
  const std::vector<std::vector<std::string>> cases = {
      {"--nonsense"},
      {},
      {"-c"},
      {"stray"},
      {"-c", "a", "-c", "b"},
      {"--listen", "tcp://127.0.0.1:0"},
      {"--plugin", "hello"},
      {"--plugin", "hello", "--listen", "tcp://127.0.0.1:0", "-o", "nonsense"}};
  for (auto words : cases) {
    words.insert(words.begin(), kMaster);
    const Outcome outcome = run({words});
    EXPECT_EQ(outcome.code, 64) << testing::PrintToString(words) << outcome.err;
    EXPECT_EQ(count(outcome.err, "\n"), 1U) << outcome.err;
  }
}

TEST(CommandLine, AValueThatThePluginRefuses) {
  const Outcome outcome = run({{kMaster, "--plugin", "static", "--listen", "tcp://127.0.0.1:0", "-o", "root=/", "-o",
                                "cache-control=a\nb", "-t"}});
  EXPECT_EQ(outcome.code, 78);
  EXPECT_EQ(
      outcome.err,
      "prefork-master: -o cache-control: cache-control in [service static]: response header \"Cache-Control\": the "
      "value holds a control character\n");
}

TEST(CommandLine, TestBindsNothing) {
  const TempDir dir;
  const Outcome outcome =
      start_with(dir, "[master]\npid-file = {dir}/pid\ncontrol = {dir}/c\nlog = {dir}/log\n" + kHello, {"-t"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, testing::HasSubstr("the configuration is good"));
  for (const char* file : {"pid", "c", "log", "h.sock"}) EXPECT_FALSE(exists(dir / file));
}

TEST(CommandLine, ChildrenAreReapedThoughTheParentIgnoresItsOwn) {
  const TempDir dir;
  write_file(dir / "prefork.conf", "[service hello]\nplugin = hello\nlisten = unix:" + (dir / "h.sock") + "\n");
  const Outcome outcome = run({{"env", "--ignore-signal=CHLD", kMaster, "-t", "-c", dir / "prefork.conf"}});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

TEST(CommandLine, PrintCanBeReadBack) {
  const TempDir dir;
  const Outcome first = start_with(dir, kHello, {"-T", "-o", "pool.main.workers=7"});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, testing::HasSubstr("workers = 7"));
  write_file(dir / "second.conf", first.out);
  const Outcome second = run({{kMaster, "-c", dir / "second.conf", "-T"}});
  EXPECT_EQ(second.code, 0) << second.err;
  const auto without_comments = [](const std::string& text) {
    std::string kept;
    for (std::size_t from = 0; from < text.size();) {
      const auto end = text.find('\n', from);
      const std::string line = text.substr(from, end - from);
      const auto comment = line.find(" #");
      kept += line.substr(0, comment).substr(0, line.substr(0, comment).find_last_not_of(' ') + 1) + "\n";
      from = end + 1;
    }
    return kept;
  };
  EXPECT_EQ(without_comments(second.out), without_comments(first.out));
}

TEST(CommandLine, CommandLineWinsOverEnvironmentWinsOverFile) {
  const TempDir dir;
  write_file(dir / "p.conf",
             "[pool main]\nworkers = 2\n[service hello]\nplugin = hello\nlisten = unix:/tmp/x.sock\nmount = /hi\n");
  const std::vector<std::string> print{kMaster, "-c", dir / "p.conf", "-T"};
  EXPECT_THAT(run({print}).out, testing::HasSubstr("workers = 2"));
  const std::vector<std::string> environment{"PREFORK_POOL_MAIN_WORKERS=3", "PREFORK_SERVICE_HELLO_MOUNT=/env"};
  const Outcome by_environment = run({print, environment});
  EXPECT_THAT(by_environment.out, testing::HasSubstr("workers = 3"));
  EXPECT_THAT(by_environment.out, testing::HasSubstr("mount = /env"));
  std::vector<std::string> argv = print;
  argv.insert(argv.end(), {"-o", "pool.main.workers=4"});
  EXPECT_THAT(run({argv, environment}).out, testing::HasSubstr("workers = 4"));
  const Outcome wrong = run({print, {"PREFORK_POOL_MAIN_WORKERS=lots"}});
  EXPECT_EQ(wrong.code, 78);
  EXPECT_THAT(wrong.err, testing::HasSubstr("PREFORK_POOL_MAIN_WORKERS"));
}

// Without a file there is no control socket: the port is in the log.
TEST(CommandLine, APluginWithoutAFile) {
  const TempDir dir;
  Process master(
      {{kMaster, "--plugin", "hello", "--listen", "tcp://127.0.0.1:0", "-o", "mount=/hi", "-o", "pool.main.workers=1"}},
      dir / "out", dir / "err");
  ASSERT_TRUE(eventually([&] { return count(read_file(dir / "err"), "is ready") == 1; }));
  const std::string log = read_file(dir / "err");
  const auto from = log.find("tcp://");
  Client client(Address(log.substr(from, log.find('\n', from) - from)));
  EXPECT_EQ(body_of(get(client, "/hi/Ada")), "Hello, Ada!");
  master.signal(SIGTERM);
  EXPECT_EQ(master.wait(), 0);
  EXPECT_TRUE(master.group_gone());
}

TEST(CommandLine, IncludesAreReadInTheOrderOfTheirNames) {
  const TempDir dir;
  write_file(dir / "2.inc", "[service b]\nplugin = echo\nlisten = unix:" + (dir / "b.sock") + "\n");
  write_file(dir / "1.inc", "[service a]\nplugin = echo\nlisten = unix:" + (dir / "a.sock") + "\n");
  const Outcome good = start_with(dir, "include = *.inc\n", {"-T"});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_LT(good.out.find("[service a]"), good.out.find("[service b]"));
  write_file(dir / "3.inc", "\nwrong = 1\n");
  const Outcome bad = start_with(dir, "include = *.inc\n", {"-t"});
  EXPECT_EQ(bad.code, 78);
  EXPECT_THAT(bad.err, testing::StartsWith("prefork-master: " + (dir / "3.inc") + ":2: "));
}

}  // namespace
}  // namespace prefork::system_test
