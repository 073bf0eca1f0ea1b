#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "framework/config/sources.hpp"
#include "tests/framework/config/resolved.hpp"

namespace prefork::config {
namespace {

using testing::parse_text;
using testing::sentence_of;

constexpr const char* kText = R"([master]
[pool main]
[pool night-jobs]
[service echo]
cache_dir = /x
[service echo-two]
)";

/// "pool.main.workers=4;" of all that the environment sets.
std::string summary(const std::vector<std::string>& environment, const std::string& text = kText) {
  auto sections = from_document(parse_text(text));
  add_environment(sections, environment);
  std::string out;
  for (const auto& section : sections) {
    for (const auto& entry : section.environment) out += prefix(section.id) + "." + entry.key + "=" + entry.value + ";";
  }
  return out;
}

TEST(Environment, VariablesFindTheirKey) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"PREFORK_MASTER_LOG=x", "master.log=x;"},
      {"PREFORK_MASTER_PID_FILE=/x", "master.pid-file=/x;"},
      {"PREFORK_POOL_MAIN_WORKERS=4", "pool.main.workers=4;"},
      {"PREFORK_POOL_NIGHT_JOBS_BOOT_TIMEOUT=1s", "pool.night-jobs.boot-timeout=1s;"},
      {"PREFORK_SERVICE_ECHO_IDLE_TIMEOUT=1s", "service.echo.idle-timeout=1s;"},
      {"PREFORK_SERVICE_ECHO_TWO_POOL=a=b", "service.echo-two.pool=a=b;"},
      {"PREFORK_SERVICE_ECHO_POOL=", "service.echo.pool=;"},
      {"PREFORK_CONTROL=/x", ""},
      // Kubernetes' links to a service of its that is called prefork, or prefork-web.
      {"PREFORK_SERVICE_HOST=10.96.0.17", ""},
      {"PREFORK_SERVICE_HOST=fd00::1:17", ""},
      {"PREFORK_SERVICE_PORT=80", ""},
      {"PREFORK_SERVICE_PORT_HTTP=80", ""},
      {"PREFORK_PORT=tcp://10.96.0.17:80", ""},
      {"PREFORK_PORT_80_TCP=tcp://10.96.0.17:80", ""},
      {"PREFORK_PORT_80_TCP_PROTO=tcp", ""},
      {"PREFORK_PORT_80_TCP_PORT=80", ""},
      {"PREFORK_PORT_80_TCP_ADDR=10.96.0.17", ""},
      {"PREFORK_WEB_SERVICE_HOST=10.96.0.17", ""},
      {"PREFORK_WEB_SERVICE_PORT_API=8080", ""},
      {"PREFORK_WEB_PORT=udp://10.96.0.17:53", ""},
      {"PREFORK_WEB_PORT_53_UDP_ADDR=10.96.0.17", ""},
      {"PATH=/bin", ""},
      {"prefork_master_log=x", ""},
      {"PREFORKED=1", ""},
      {"PREFORK_NO_EQUALS_SIGN", ""},
  };
  for (const auto& [variable, expected] : cases) EXPECT_EQ(summary({variable}), expected) << variable;
}

TEST(Environment, TheFirstOfTwoEqualNamesCounts) {
  EXPECT_EQ(summary({"PREFORK_MASTER_LOG=a", "PREFORK_MASTER_LOG=b"}), "master.log=a;");
}

TEST(Environment, AListHasALineForEachValue) {
  EXPECT_EQ(summary({"PREFORK_SERVICE_ECHO_LISTEN=unix:/a\n  unix:/b mode=0600\n\n"}),
            "service.echo.listen=unix:/a;service.echo.listen=unix:/b mode=0600;");
  EXPECT_EQ(summary({"PREFORK_SERVICE_ECHO_LISTEN="}), "service.echo.listen=;");
  EXPECT_EQ(summary({"PREFORK_MASTER_LOG=a\nb"}), "master.log=a\nb;");
}

TEST(Environment, PluginOptionsAreFoundByTheServicesName) {
  EXPECT_EQ(summary({"PREFORK_SERVICE_ECHO_MAX_AGE=5m"}), "service.echo.max-age=5m;");
  EXPECT_EQ(summary({"PREFORK_SERVICE_ECHO_TWO_MAX_AGE=5m"}), "service.echo-two.max-age=5m;");
  // As the file spells it.
  EXPECT_EQ(summary({"PREFORK_SERVICE_ECHO_CACHE_DIR=/y"}), "service.echo.cache_dir=/y;");
}

TEST(Environment, TheImpliedSectionsCanBeNamed) {
  EXPECT_EQ(summary({"PREFORK_POOL_MAIN_WORKERS=2", "PREFORK_MASTER_LOG=x"}, "[service s]"),
            "master.log=x;pool.main.workers=2;");
}

TEST(Environment, WhatMatchesNothingIsNamed) {
  const std::string start = ": the variable stands for no key of the configuration";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"PREFORK_POOL_MAIN_WORKER=4", start + "; did you mean \"PREFORK_POOL_MAIN_WORKERS\"?"},
      {"PREFORK_PORT=80", start},
      {"PREFORK_SERVICE_HOST=web.example.org", start + "; did you mean \"PREFORK_SERVICE_ECHO_LISTEN\"?"},
      {"PREFORK_PORT_X_TCP_PORT=80", start},
      {"PREFORK_POOL_OTHER_WORKERS=4", start + "; did you mean \"PREFORK_POOL_MAIN_WORKERS\"?"},
      {"PREFORK_=4", start},
      {"PREFORK_X=4", start},
      {"PREFORK_SERVICE_ECHO_=4", start + "; did you mean \"PREFORK_SERVICE_ECHO_POOL\"?"},
      {"PREFORK_SERVICE_ECHO_INCLUDE=4", start + "; did you mean \"PREFORK_SERVICE_ECHO_PLUGIN\"?"},
  };
  for (const auto& [variable, sentence] : cases) {
    EXPECT_EQ(sentence_of([&] { summary({variable}); }), variable.substr(0, variable.find('=')) + sentence);
  }
  EXPECT_EQ(sentence_of([] { summary({"PREFORK_MASTER_LOG=a\rb"}); }),
            "PREFORK_MASTER_LOG: the value has a control byte in it");
}

TEST(Environment, WhatMatchesTwiceIsRefused) {
  EXPECT_EQ(sentence_of([] { summary({"PREFORK_POOL_A_B_USER=x"}, "[pool a-b]\n[pool a_b]"); }),
            "PREFORK_POOL_A_B_USER: the variable can mean pool.a-b.user as well as pool.a_b.user");
  EXPECT_EQ(summary({}, "[pool a-b]\n[pool a_b]"), "");
}

TEST(Environment, TwoServicesThatATailCouldBelongToAreTooMany) {
  EXPECT_EQ(sentence_of([] { summary({"PREFORK_SERVICE_A_B_AGE=x"}, "[service a-b]\n[service a_b]"); }),
            "PREFORK_SERVICE_A_B_AGE: the variable can mean service.a-b.age as well as service.a_b.age");
}

TEST(Environment, AKeyThatTheFileHasIsNotGuessedAt) {
  const std::string text = "[service a]\nb-root = x\n[service a-b]\n";
  EXPECT_EQ(summary({"PREFORK_SERVICE_A_B_ROOT=1"}, text), "service.a.b-root=1;");
  EXPECT_EQ(summary({"PREFORK_SERVICE_A_B_INDEX=1"}, text), "service.a-b.index=1;") << "else the longest name counts";
  EXPECT_EQ(summary({"PREFORK_SERVICE_A_BC=1"}, text), "service.a.bc=1;");
}

TEST(Environment, AKeyIsInCapitals) {
  for (const std::string name : {"PREFORK_SERVICE_ECHO_age", "PREFORK_SERVICE_ECHO_MAX-AGE", "PREFORK_master_LOG"}) {
    const std::string start = name + ": the variable stands for no key of the configuration";
    EXPECT_EQ(sentence_of([&] { summary({name + "=x"}); }).substr(0, start.size()), start);
  }
}

}  // namespace
}  // namespace prefork::config
