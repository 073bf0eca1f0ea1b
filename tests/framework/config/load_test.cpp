#include "framework/config/load.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "framework/config/cpus.hpp"
#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::exit_code_of;
using testing::sentence_of;
using testing::TempDir;

Sources from_file(const std::string& file) {
  Sources sources;
  sources.config_file = file;
  return sources;
}

Sources from_plugin(const std::string& plugin, std::vector<std::string> listen) {
  Sources sources;
  sources.plugin = plugin;
  sources.listen = std::move(listen);
  return sources;
}

TEST(Load, AFileWithIncludes) {
  const TempDir dir;
  dir.write("conf.d/20-web.conf", "[service web]\nplugin = static\nlisten = unix:/w\nroot = ./public\n");
  dir.write("conf.d/10-echo.conf", "[service echo]\nplugin = echo\nlisten = unix:/e\n");
  dir.write("conf.d/ignored.txt", "nonsense\n");
  const std::string file = dir.write("prefork.conf", "[pool main]\ninclude = conf.d/*.conf\nworkers = 2\n");
  const Options options = load(from_file(file));
  ASSERT_EQ(options.pools.size(), 1U);
  EXPECT_EQ(options.pools[0].workers, 2U);
  ASSERT_EQ(options.services.size(), 2U);
  EXPECT_EQ(options.services[0].name, "echo");
  EXPECT_EQ(options.services[1].name, "web");
  EXPECT_EQ(options.services[1].own.at("root").origin.text, dir.path("conf.d/20-web.conf") + ":4");
}

TEST(Load, AMistakeInAnIncludedFileIsNamedThere) {
  const TempDir dir;
  const std::string included = dir.write("b.conf", "[pool main]\nworker = 2\n");
  const std::string file = dir.write("a.conf", "include = b.conf\n");
  EXPECT_EQ(sentence_of([&] { load(from_file(file)); }),
            included + ":2: unknown key \"worker\" in [pool main]; did you mean \"workers\"?\n" + included +
                ": there is no service; add a section [service NAME]");
}

TEST(Load, AllMistakesAreListedInOneGo) {
  const TempDir dir;
  const std::string lines =
      dir.write("lines.conf", "[pool main]\nnonsense\n[pol x]\nworkers = many\n[service a]\n= 1\n");
  EXPECT_EQ(sentence_of([&] { load(from_file(lines)); }),
            lines + ":2: expected \"key = value\", found \"nonsense\"\n" + lines +
                ":3: unknown section \"pol\"; did you mean \"pool\"?\n" + lines + ":6: a key is missing before '='")
      << "what cannot be read keeps the rest from being understood";
  const std::string file =
      dir.write("values.conf",
                "[master]\nlog-level = loud\nlog = a\nlog = b\n[pool main]\nworkrs = 2\nmax-lifetime = old\n"
                "[service a]\nplugin = hello\nlisten = http://x\nlisten = tcp://127.0.0.1:0\nidle-timeout = never\n"
                "[service b]\nlisten = tcp://127.0.0.1:0\n");
  Sources sources = from_file(file);
  sources.overrides = {"pool.main.nice=x", "pool.min.nice=1"};
  sources.environment = {"PREFORK_POOL_MAIN_USRE=x"};
  const std::string all = sentence_of([&] { load(sources); });
  for (const char* part :
       {":4: \"log\" in [master] is given twice", ":6: unknown key \"workrs\"", "-o pool.min.nice: there is no",
        "PREFORK_POOL_MAIN_USRE: the variable stands for no key", ":10: listen in [service a]: ",
        ":12: idle-timeout in [service a]: ", ":13: [service b] has no \"plugin\"", ":2: log-level in [master]: ",
        "-o pool.main.nice: nice in [pool main]: ", ":7: max-lifetime in [pool main]: "}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << "\nin\n" << all;
  }
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 9) << all;
}

TEST(Load, AFileThatIsNoneIsComplainedOfBriefly) {
  const TempDir dir;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "line\n";
  const std::string all = sentence_of([&] { load(from_file(dir.write("a.txt", text))); });
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 20) << all;
  EXPECT_TRUE(all.ends_with("\nand 980 more")) << all;
}

TEST(Load, AMissingIncludeIsNamedByTheIncludingLine) {
  const TempDir dir;
  const std::string file = dir.write("a.conf", "\ninclude = b.conf\n");
  EXPECT_EQ(sentence_of([&] { load(from_file(file)); }),
            file + ":2: cannot open \"" + dir.path("b.conf") + "\": No such file or directory");
  EXPECT_EQ(exit_code_of([&] { load(from_file(file)); }), EX_NOINPUT);
}

TEST(Load, WithoutAFileAPluginIsEnough) {
  Sources sources = from_plugin("./plugins/static.so", {"tcp://127.0.0.1:8080", "unix:/x"});
  sources.overrides = {"root=./public", "pool.main.workers=2"};
  sources.environment = {"PREFORK_MASTER_LOG=/log", "PREFORK_SERVICE_STATIC_MAX_AGE=1h", "HOME=/root"};
  const Options options = load(sources);
  EXPECT_EQ(options.master.log, "/log");
  ASSERT_EQ(options.pools.size(), 1U);
  EXPECT_EQ(options.pools[0].name, "main");
  EXPECT_EQ(options.pools[0].workers, 2U);
  ASSERT_EQ(options.services.size(), 1U);
  const ServiceOptions& service = options.services[0];
  EXPECT_EQ(service.name, "static");
  EXPECT_EQ(service.plugin, "./plugins/static.so");
  EXPECT_EQ(service.listeners.size(), 2U);
  EXPECT_EQ(service.listeners[0].origin.text, "--listen");
  EXPECT_EQ(service.own.at("root").value, "./public");
  EXPECT_EQ(service.own.at("max-age").value, "1h");
}

TEST(Load, AutoIsWhatTheSystemGrants) {
  EXPECT_EQ(load(from_plugin("x", {"unix:/x"})).pools[0].workers, auto_workers());
}

TEST(Load, SourcesThatDoNotGoTogether) {
  struct Case {
    Sources sources;
    std::string sentence;
    int exit_code;
  };
  Sources both = from_file("x.conf");
  both.plugin = "x";
  Sources listening = from_file("x.conf");
  listening.listen = {"unix:/x"};
  const std::vector<Case> cases{
      {{}, "no configuration: give -c FILE, or --plugin PLUGIN and --listen ADDRESS", EX_USAGE},
      {both, "--plugin goes without a configuration file", EX_USAGE},
      {listening, "--listen goes with --plugin", EX_USAGE},
      {from_plugin("x", {}), "--plugin needs --listen ADDRESS", EX_USAGE},
      {from_plugin("x", {"x"}),
       "--listen: listen in [service x]: \"x\" is not an address: expected tcp://HOST:PORT, udp://HOST:PORT, "
       "unix:PATH, "
       "unix-dgram:PATH or fd:NAME",
       EX_CONFIG},
  };
  for (const auto& [sources, sentence, exit_code] : cases) {
    EXPECT_EQ(sentence_of([&, from = sources] { load(from); }), sentence);
    EXPECT_EQ(exit_code_of([&, from = sources] { load(from); }), exit_code);
  }
}

TEST(Load, FilesThatCanNotBeRead) {
  const TempDir dir;
  const std::string missing = dir.path("none.conf");
  EXPECT_EQ(sentence_of([&] { load(from_file(missing)); }),
            "cannot open \"" + missing + "\": No such file or directory");
  EXPECT_EQ(exit_code_of([&] { load(from_file(missing)); }), EX_NOINPUT);
  EXPECT_EQ(exit_code_of([&] { load(from_file(dir.path("."))); }), EX_NOINPUT);
  if (geteuid() == 0) return;
  const std::string file = dir.write("a.conf", "");
  ASSERT_EQ(chmod(file.c_str(), 0), 0);
  EXPECT_EQ(exit_code_of([&] { load(from_file(file)); }), EX_NOPERM);
}

}  // namespace
}  // namespace prefork::config
