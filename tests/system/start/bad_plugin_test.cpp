// Goal: a plugin that does not fit, or misbehaves while it is inspected, is refused with one sentence that says
// why, with exit code 78, before anything is bound.
#include <sys/stat.h>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

struct Case {
  const char* plugin;
  int code;
  const char* sentence;
};

void PrintTo(const Case& each, std::ostream* out) { *out << each.plugin; }

class BadPlugin : public testing::TestWithParam<Case> {};

TEST_P(BadPlugin, IsRefusedWithOneSentence) {
  const TempDir dir;
  write_file(dir / "text.so", "This is no program at all.\n");
  write_file(dir / "empty.so", "");
  const std::string config =
      "[master]\ncontrol = {dir}/control.sock\npid-file = {dir}/master.pid\n"
      "[service bad]\nplugin = " +
      std::string(GetParam().plugin) + "\nlisten = unix:{dir}/bad.sock\n";
  for (const bool test : {false, true}) {
    const Outcome outcome = start_with(dir, config, test ? std::vector<std::string>{"-t"} : std::vector<std::string>{});
    EXPECT_EQ(outcome.code, GetParam().code);
    EXPECT_EQ(count(outcome.err, "\n"), 1U) << outcome.err;
    EXPECT_THAT(outcome.err, testing::StartsWith("prefork-master: " + (dir / "prefork.conf") + ":5: "));
    EXPECT_THAT(outcome.err, testing::HasSubstr(GetParam().sentence));
    EXPECT_EQ(outcome.out, "");
    for (const char* file : {"control.sock", "master.pid", "bad.sock"}) EXPECT_FALSE(exists(dir / file));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, BadPlugin,
    testing::Values(Case{"{plugins}/bad_magic.so", 78, "is not a prefork plugin"},
                    Case{"{plugins}/bad_abi.so", 78, "was built for plugin interface 99.0, this server has 2.0"},
                    Case{"{plugins}/bad_signature.so", 78, "was built with another compiler, this server with "},
                    Case{"{plugins}/bad_standard.so", 78, "__cplusplus 202100L, containers plain"},
                    Case{"{plugins}/bad_containers.so", 78, "containers checked (_GLIBCXX_DEBUG)"},
                    Case{"{plugins}/bad_size.so", 78, "has a descriptor of 8 bytes"},
                    Case{"{plugins}/no_symbol.so", 78, "it exports no symbol prefork_plugin"},
                    Case{"{plugins}/describe_crash.so", 78, "crashes while it is inspected: SIGABRT"},
                    Case{"{plugins}/describe_hang.so", 78, "hangs while it is inspected"},
                    Case{"{plugins}/describe_exit.so", 78, "with exit code 4"},
                    Case{"{plugins}/describe_throw.so", 78, "no words for it"},
                    Case{"{dir}/text.so", 78, "does not load"}, Case{"{dir}/empty.so", 78, "does not load"},
                    Case{"{dir}/none.so", 66, "No such file"}, Case{"not-there", 66, "is not in the plugin path"},
                    Case{"{dir}", 78, "Is a directory"}),
    [](const auto& which) {
      std::string name = which.param.plugin;
      if (name == "{dir}") return std::string("a_folder");
      name = name.substr(name.find('/') == std::string::npos ? 0 : name.find('/') + 1);
      for (char& c : name) c = c == '.' || c == '-' ? '_' : c;
      return name;
    });

TEST(BadPlugin, WhoseCheckOfAnOptionRefusesOrFails) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"throw", ":4: word in \\[service bad\\]: no words for it"},
      {"crash", ":2: plugin .*check_crash.so\" crashes while it is inspected: SIGABRT"},
      {"hang", ":2: plugin .*check_hang.so\" hangs while it is inspected.*"},
      {"exit", ":2: plugin .*check_exit.so\" ends the process while it is inspected, with exit code 4"}};
  for (const auto& [fault, sentence] : cases) {
    const TempDir dir;
    const std::string config =
        "[service bad]\nplugin = {plugins}/check_" + fault + ".so\nlisten = unix:{dir}/bad.sock\nword = x\n";
    const Outcome outcome = start_with(dir, config, {"-t"});
    EXPECT_EQ(outcome.code, 78);
    EXPECT_THAT(outcome.err, testing::MatchesRegex("prefork-master: " + (dir / "prefork.conf") + sentence + "\n"));
  }
}

TEST(BadPluginFile, ThatMayNotBeRead) {
  const auto user = other_user();
  if (!user) GTEST_SKIP() << "needs root and another user";
  const TempDir dir;
  write_file(dir / "secret.so", read_file(kPlugins + "/echo.so"));
  ASSERT_EQ(::chmod((dir / "secret.so").c_str(), 0600), 0);
  const Outcome outcome =
      start_with(dir, "[service s]\nplugin = {dir}/secret.so\nlisten = tcp://127.0.0.1:0\n", {"-t"}, user);
  EXPECT_EQ(outcome.code, 77);
  EXPECT_THAT(outcome.err, testing::HasSubstr("prefork.conf:2: plugin "));
}

// The file may change or go while the server runs: workers run the copy that was inspected.
TEST(PluginCopy, WorkersRunWhatWasInspected) {
  const TempDir dir;
  write_file(dir / "mine.so", read_file(kTestPlugins + "/moody.so"));
  Server server("[pool main]\nworkers = 2\n[service mine]\nplugin = " + (dir / "mine.so") +
                "\nlisten = tcp://127.0.0.1:0\n");
  server.ready(2);
  write_file(dir / "mine.so", "rubbish");
  for (int i = 0; i < 2; ++i) {
    Client client(server.address("mine"));
    client.send("crash\n");
    EXPECT_TRUE(client.closed());
    server.logged("killed by SIGSEGV", static_cast<std::size_t>(i + 1));
    server.ready(2);
  }
  ASSERT_EQ(::unlink((dir / "mine.so").c_str()), 0);
  EXPECT_EQ(server.ctl({"scale", "main", "3"}).code, 0);
  server.ready(3);
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
