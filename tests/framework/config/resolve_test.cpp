#include "framework/config/resolve.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/framework/config/resolved.hpp"

namespace prefork::config {
namespace {

using namespace std::chrono_literals;
using testing::resolve_text;
using testing::sentence_of;

const std::string kEcho = "[service echo]\nplugin = echo\nlisten = unix:/a\n";

TEST(Resolve, EverythingGiven) {
  const Options options = resolve_text(R"([master]
control = /run/c
pid-file = /run/p
log = /var/log/x
log-level = debug
plugin-path = /a:/b
shutdown-timeout = 10s
max-workers = 64
[pool jobs]
workers = 5
user = www-data
group = adm
boot-timeout = 1m
worker-timeout = 0
max-connections = 1000
[service web]
plugin = ./web.so
listen = tcp://*:80 backlog=9
listen = unix:/x
pool = jobs
idle-timeout = 1s
write-timeout = 2s
request-timeout = 3s
root = /srv
)");
  EXPECT_EQ(options.master.control, "/run/c");
  EXPECT_EQ(options.master.pid_file, "/run/p");
  EXPECT_EQ(options.master.log, "/var/log/x");
  EXPECT_EQ(options.master.log_level, "debug");
  EXPECT_EQ(options.master.plugin_path, "/a:/b");
  EXPECT_EQ(options.master.shutdown_timeout, 10s);
  EXPECT_EQ(options.master.max_workers, 64U);
  ASSERT_EQ(options.pools.size(), 1U);
  const PoolOptions& pool = options.pools[0];
  EXPECT_EQ(pool.name, "jobs");
  EXPECT_EQ(pool.workers, 5U);
  EXPECT_EQ(pool.user, "www-data");
  EXPECT_EQ(pool.group, "adm");
  EXPECT_EQ(pool.boot_timeout, 60s);
  EXPECT_EQ(pool.worker_timeout, 0s);
  EXPECT_EQ(pool.max_connections, 1000U);
  EXPECT_EQ(pool.origin.text, "a.conf:9");
  ASSERT_EQ(options.services.size(), 1U);
  const ServiceOptions& service = options.services[0];
  EXPECT_EQ(service.plugin, "./web.so");
  EXPECT_EQ(service.pool, "jobs");
  ASSERT_EQ(service.listeners.size(), 2U);
  EXPECT_EQ(service.listeners[0].backlog, 9);
  EXPECT_EQ(service.listeners[1].origin.text, "a.conf:19");
  EXPECT_EQ(service.idle_timeout, 1s);
  EXPECT_EQ(service.write_timeout, 2s);
  EXPECT_EQ(service.request_timeout, 3s);
  EXPECT_EQ(service.own.at("root").value, "/srv");
  EXPECT_EQ(service.own.at("root").origin.text, "a.conf:24");
}

TEST(Resolve, DefaultsAreThoseOfThePlainStructures) {
  const Options options = resolve_text(kEcho);
  const MasterOptions master;
  EXPECT_EQ(options.master.control, master.control);
  EXPECT_EQ(options.master.pid_file, master.pid_file);
  EXPECT_EQ(options.master.log, master.log);
  EXPECT_EQ(options.master.log_level, master.log_level);
  EXPECT_EQ(options.master.plugin_path, master.plugin_path);
  EXPECT_EQ(options.master.shutdown_timeout, master.shutdown_timeout);
  EXPECT_EQ(options.master.max_workers, master.max_workers);
  ASSERT_EQ(options.pools.size(), 1U);
  const PoolOptions pool;
  EXPECT_EQ(options.pools[0].name, "main");
  EXPECT_EQ(options.pools[0].workers, 3U);
  EXPECT_EQ(options.pools[0].user, std::nullopt);
  EXPECT_EQ(options.pools[0].group, std::nullopt);
  EXPECT_EQ(options.pools[0].boot_timeout, pool.boot_timeout);
  EXPECT_EQ(options.pools[0].worker_timeout, pool.worker_timeout);
  EXPECT_EQ(options.pools[0].max_connections, pool.max_connections);
  const ServiceOptions service;
  EXPECT_EQ(options.services[0].pool, service.pool);
  EXPECT_EQ(options.services[0].idle_timeout, service.idle_timeout);
  EXPECT_EQ(options.services[0].write_timeout, service.write_timeout);
  EXPECT_EQ(options.origins.at("master.log").text, "default");
  EXPECT_EQ(options.origins.at("pool.main.workers").text, "default (auto)");
}

TEST(Resolve, TheCommandLineBeatsTheEnvironmentBeatsTheFile) {
  const std::string text = "[pool main]\nworkers = 1\n" + kEcho;
  const auto workers = [&](const std::vector<std::string>& overrides, const std::vector<std::string>& environment) {
    const Options options = resolve_text(text, overrides, environment);
    return std::to_string(options.pools[0].workers) + " " + options.origins.at("pool.main.workers").text;
  };
  const std::vector<std::string> override{"pool.main.workers=4"};
  const std::vector<std::string> variable{"PREFORK_POOL_MAIN_WORKERS=2"};
  EXPECT_EQ(workers({}, {}), "1 a.conf:2");
  EXPECT_EQ(workers({}, variable), "2 PREFORK_POOL_MAIN_WORKERS");
  EXPECT_EQ(workers(override, {}), "4 -o pool.main.workers");
  EXPECT_EQ(workers(override, variable), "4 -o pool.main.workers");
  EXPECT_EQ(workers({"pool.main.workers=4", "pool.main.workers=auto"}, variable), "3 -o pool.main.workers (auto)");
}

TEST(Resolve, WorkersAreANumberOrFromOneToAnother) {
  const auto workers = [](const std::string& value) {
    const Options options = resolve_text("[pool main]\nworkers = " + value + "\n" + kEcho);
    return std::to_string(options.pools[0].workers) + " " + std::to_string(options.pools[0].scaling.max_workers) + " " +
           options.origins.at("pool.main.workers").text;
  };
  EXPECT_EQ(workers("4"), "4 0 a.conf:2");
  EXPECT_EQ(workers("1..8"), "1 8 a.conf:2");
  EXPECT_EQ(workers("0..4096"), "0 4096 a.conf:2");
  EXPECT_EQ(workers("4..4"), "4 0 a.conf:2") << "a fixed size";
  EXPECT_EQ(workers("1..auto"), "1 3 a.conf:2 (auto)");
  EXPECT_EQ(workers("auto..9"), "3 9 a.conf:2 (auto)");
  EXPECT_EQ(workers("auto..auto"), "3 0 a.conf:2 (auto)");
}

TEST(Resolve, ContradictingSizesAreRefused) {
  const std::string expected = " is not an integer from 1 to 4096, auto or MIN..MAX";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"4..2", "\"4..2\" asks for at least 4 and at most 2 workers"},
      {"4..auto", "\"4..auto\" asks for at least 4 and at most 3 workers; auto is 3 here"},
      {"0..0", "\"0\"" + expected},
      {"0", "\"0\"" + expected},
      {"1..", "\"\"" + expected},
      {"1..4097", "\"4097\"" + expected},
      {"1...8", "\".8\"" + expected},
      {"1..8..9", "\"8..9\"" + expected},
      {"1 .. 8", "\"1 \" is not an integer from 0 to 4096, auto or MIN..MAX"},
      {"-1..8", "\"-1\" is not an integer from 0 to 4096, auto or MIN..MAX"},
      {"..8", "\"\" is not an integer from 0 to 4096, auto or MIN..MAX"},
  };
  for (const auto& [value, sentence] : cases) {
    EXPECT_EQ(sentence_of([&] { resolve_text("[pool main]\nworkers = " + value + "\n" + kEcho); }),
              "a.conf:2: workers in [pool main]: " + sentence);
  }
  EXPECT_EQ(sentence_of([] { resolve_text("[pool main]\nworkers = 1..8\nspare-workers = 8\n" + kEcho); }),
            "a.conf:3: [pool main] spare-workers is not less than the most workers, 8");
  EXPECT_EQ(sentence_of([] { resolve_text("[pool main]\nworkers = 8\nspare-workers = 8\n" + kEcho); }), "(nothing)")
      << "of no meaning there";
  EXPECT_EQ(sentence_of([] { resolve_text("[master]\nmax-workers = 7\n[pool main]\nworkers = 1..8\n" + kEcho); }),
            "a.conf:2: max-workers is 7, but the pools have 8 workers");
}

TEST(Resolve, OfPluginOptionsTheSameSourceWins) {
  const std::string text = kEcho + "root = file\n";
  const auto root = [&](const std::vector<std::string>& overrides, const std::vector<std::string>& environment) {
    return resolve_text(text, overrides, environment).services[0].own.at("root").value;
  };
  EXPECT_EQ(root({}, {}), "file");
  EXPECT_EQ(root({}, {"PREFORK_SERVICE_ECHO_ROOT=env"}), "env");
  EXPECT_EQ(root({"service.echo.root=a", "service.echo.root=b"}, {"PREFORK_SERVICE_ECHO_ROOT=env"}), "b");
}

TEST(Resolve, AListIsReplacedAsAWhole) {
  const std::string text = kEcho + "listen = unix:/b\n";
  const auto listeners = [&](const std::vector<std::string>& overrides, const std::vector<std::string>& environment) {
    std::string out;
    const Options options = resolve_text(text, overrides, environment);
    for (const auto& spec : options.services[0].listeners) out += spec.path;
    return out;
  };
  EXPECT_EQ(listeners({}, {}), "/a/b");
  EXPECT_EQ(listeners({}, {"PREFORK_SERVICE_ECHO_LISTEN=unix:/c"}), "/c");
  EXPECT_EQ(listeners({"service.echo.listen=unix:/d", "service.echo.listen=unix:/e"},
                      {"PREFORK_SERVICE_ECHO_LISTEN=unix:/c"}),
            "/d/e");
}

TEST(Resolve, ThePoolMainIsImpliedByItsUse) {
  const std::string jobs = "[pool jobs]\n" + kEcho + "pool = jobs\n";
  EXPECT_EQ(resolve_text(jobs).pools.size(), 1U);
  const Options both = resolve_text(jobs + "[service b]\nplugin = b\nlisten = unix:/b\n");
  ASSERT_EQ(both.pools.size(), 2U);
  EXPECT_EQ(both.pools[0].name, "jobs");
  EXPECT_EQ(both.pools[1].name, "main");
  // A value for it must not get lost without a word.
  const std::string sentence = ": [pool main] has no service; its workers would have nothing to do";
  EXPECT_EQ(sentence_of([&] { resolve_text(jobs, {"pool.main.workers=2"}); }), "-o pool.main.workers" + sentence);
  EXPECT_EQ(sentence_of([&] { resolve_text(jobs, {}, {"PREFORK_POOL_MAIN_WORKERS=2"}); }),
            "PREFORK_POOL_MAIN_WORKERS" + sentence);
}

TEST(Resolve, MistakesNamePlaceAndExpectation) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "the configuration: there is no service; add a section [service NAME]"},
      {"[master]", "a.conf: there is no service; add a section [service NAME]"},
      {"[service s]\nplugin = p", "a.conf:1: [service s] has no \"listen\""},
      {"[service s]\nlisten = unix:/a", "a.conf:1: [service s] has no \"plugin\""},
      {"[service s]\nlisten = unix:/a\nplugin =", "a.conf:3: plugin in [service s]: the value must not be empty"},
      {"[service s]\nplugin = p\nlisten = x",
       "a.conf:3: listen in [service s]: \"x\" is not an address: expected tcp://HOST:PORT, udp://HOST:PORT, "
       "unix:PATH, "
       "unix-dgram:PATH or fd:NAME"},
      {"[service s]\nplugin = p\nlisten = unix:/a\nlisten = unix:/a",
       "a.conf:4: [service s] listens on unix:/a twice; first at a.conf:3"},
      {kEcho + "idle-timeout = 0",
       "a.conf:4: idle-timeout in [service echo]: \"0\" is out of range, expected 1ms to 1d"},
      {kEcho + "idle-timeout = 5",
       "a.conf:4: idle-timeout in [service echo]: \"5\" is not a duration such as 250ms, 30s, 5m, 1h or 1d"},
      {kEcho + "pool = mian",
       "a.conf:4: [service echo] is in the pool \"mian\", which does not exist; did you mean \"main\"?"},
      {kEcho + "pool = other", "a.conf:4: [service echo] is in the pool \"other\", which does not exist"},
      {kEcho + "[pool main]\nworkers = 0",
       "a.conf:5: workers in [pool main]: \"0\" is not an integer from 1 to 4096, auto or MIN..MAX"},
      {kEcho + "[pool main]\nworkers = Auto",
       "a.conf:5: workers in [pool main]: \"Auto\" is not an integer from 1 to 4096, auto or MIN..MAX"},
      {kEcho + "[pool main]\nworkers =",
       "a.conf:5: workers in [pool main]: \"\" is not an integer from 1 to 4096, auto or MIN..MAX"},
      {kEcho + "[pool main]\nuser =", "a.conf:5: user in [pool main]: the value must not be empty"},
      {kEcho + "[pool idle]", "a.conf:4: [pool idle] has no service; its workers would have nothing to do"},
      {kEcho + "log-level = loud",
       "a.conf:4: log-level in [service echo]: \"loud\" is not one of debug, info, notice, warning, error"},
      {kEcho + "[master]\nlog-format = xml", "a.conf:5: log-format in [master]: \"xml\" is not one of text, json"},
      {kEcho + "[master]\nlog = /x\nsyslog-facility = local1",
       "a.conf:6: syslog-facility has no meaning with log = \"/x\""},
      {kEcho + "[master]\nsyslog-socket = /x", "a.conf:5: syslog-socket has no meaning with log = \"stderr\""},
      {kEcho + "[master]\nlog-level = warn",
       "a.conf:5: log-level in [master]: \"warn\" is not one of debug, info, notice, warning, error"},
      {kEcho + "[master]\nmax-workers = 2", "a.conf:5: max-workers is 2, but the pools have 3 workers"},
      {kEcho + "[master]\nmax-workers = 65535",
       "a.conf:5: max-workers in [master]: \"65535\" is not an integer from 0 to 65534"},
      {kEcho + "[master]\ncontrol = /x\npid-file = /x", "a.conf:6: pid-file and control are the same path \"/x\""},
  };
  for (const auto& [text, sentence] : cases) EXPECT_EQ(sentence_of([&] { resolve_text(text); }), sentence) << text;
}

TEST(Resolve, AMistakeOnTheCommandLineOrInTheEnvironmentIsNamedThere) {
  EXPECT_EQ(sentence_of([] { resolve_text(kEcho, {"pool.main.workers=x"}); }),
            "-o pool.main.workers: workers in [pool main]: \"x\" is not an integer from 1 to 4096, auto or MIN..MAX");
  EXPECT_EQ(
      sentence_of([] { resolve_text(kEcho, {}, {"PREFORK_MASTER_SHUTDOWN_TIMEOUT=5"}); }),
      "PREFORK_MASTER_SHUTDOWN_TIMEOUT: shutdown-timeout in [master]: \"5\" is not a duration such as 250ms, 30s, "
      "5m, 1h or 1d");
}

TEST(Resolve, ASlipInARequiredKeyIsNamed) {
  EXPECT_EQ(sentence_of([] { resolve_text("[service s]\nroot = x\nplugn = p\nlisten = unix:/a"); }),
            "a.conf:3: unknown key \"plugn\" in [service s]; did you mean \"plugin\"?");
  EXPECT_EQ(sentence_of([] { resolve_text("[service s]\nplugin = p\nlistn = unix:/a"); }),
            "a.conf:3: unknown key \"listn\" in [service s]; did you mean \"listen\"?");
}

TEST(Resolve, TheWorkersOfAllPoolsHaveToFit) {
  std::string text;
  for (int i = 1; i < 16; ++i) {
    const std::string n = std::to_string(i);
    text += "[pool p" + n + "]\nworkers = 4096\n[service s" + n + "]\nplugin = p\nlisten = unix:/" + n + "\npool = p" +
            n + "\n";
  }
  EXPECT_EQ(sentence_of([&] { resolve_text(text + kEcho + "[pool main]\nworkers = 4094"); }), "(nothing)");
  EXPECT_EQ(sentence_of([&] { resolve_text(text + kEcho + "[pool main]\nworkers = 4095"); }),
            "a.conf:94: the pools have more than 65534 workers together");
}

}  // namespace
}  // namespace prefork::config
