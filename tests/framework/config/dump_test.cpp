#include <gtest/gtest.h>

#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "framework/config/listen.hpp"
#include "framework/config/load.hpp"
#include "tests/framework/config/changed_options.hpp"
#include "tests/framework/config/options_text.hpp"
#include "tests/framework/config/resolved.hpp"

namespace prefork::config {
namespace {

using namespace std::chrono_literals;
using testing::resolve_text;

const std::string kFull = R"([master]
control = "/run/a b.sock"
log-level = error
[pool jobs]
workers = auto
user = www-data
worker-timeout = 0
[pool main]
max-connections = 7
master-access = operate
supplementary-groups = adm 4
chroot = /srv
umask = 027
nice = -5
cpu-affinity = 0,1,2,5
limit-as = 2GiB:unlimited
limit-core = unlimited
limit-nofile = 4096
dumpable = yes
seccomp = default
landlock-read = /www
landlock-read = "/a b"
landlock-write = /var/lib/x
[service echo]
plugin = echo
listen = tcp://[::]:7007 backlog=9 ipv6only=off proxy-protocol=on
listen = unix:/run/echo.sock mode=0600
pool = jobs
idle-timeout = 1500ms
greeting = "hello # \"world\"\n"
[service web]
plugin = ./static.so
listen = udp://*:http
)";

std::string without_comments(const std::string& text) { return std::regex_replace(text, std::regex("  # [^\n]*"), ""); }

TEST(Dump, ShowsEveryValueAndItsOrigin) {
  const std::string text = dump(resolve_text("[service echo]\nplugin = echo\nlisten = unix:/a\nroot = \" x\"\n",
                                             {"pool.main.workers=2"}, {"PREFORK_MASTER_LOG=/log"}));
  EXPECT_EQ(text, R"([master]
control = ""  # default
pid-file = ""  # default
log = /log  # PREFORK_MASTER_LOG
log-level = info  # default
log-format = text  # default
syslog-facility = daemon  # default
syslog-socket = /dev/log  # default
plugin-path = ""  # default
shutdown-timeout = 30s  # default
prepare-timeout = 10s  # default
max-workers = 0  # default
auto-users = 61184-65519  # default

[pool main]
workers = 2  # -o pool.main.workers
boot-timeout = 30s  # default
worker-timeout = 1m  # default
max-connections = 0  # default
max-requests = 0  # default
max-lifetime = 0  # default
max-rss = 0  # default
max-rss-hard = 0  # default
spare-workers = 0  # default
max-busyness = 75  # default
idle-worker-timeout = 30s  # default
master-access = none  # default
log-rate = 1000  # default
dumpable = off  # default
seccomp = off  # default

[service echo]
plugin = echo  # a.conf:2
listen = unix:/a  # a.conf:3
pool = main  # default
idle-timeout = 5m  # default
write-timeout = 30s  # default
request-timeout = 0  # default
root = " x"  # a.conf:4
)");
}

TEST(Dump, ShowsIsolation) {
  const std::string text = dump(resolve_text(kFull));
  EXPECT_NE(text.find(R"(
master-access = operate  # a.conf:10
log-rate = 1000  # default
supplementary-groups = adm 4  # a.conf:11
chroot = /srv  # a.conf:12
umask = 0027  # a.conf:13
nice = -5  # a.conf:14
cpu-affinity = 0-2,5  # a.conf:15
limit-as = 2GiB:unlimited  # a.conf:16
limit-core = unlimited  # a.conf:17
limit-nofile = 4096  # a.conf:18
dumpable = on  # a.conf:19
seccomp = default  # a.conf:20
landlock-read = /www  # a.conf:21
landlock-read = /a b  # a.conf:22
landlock-write = /var/lib/x  # a.conf:23
)"),
            std::string::npos)
      << text;
}

TEST(Dump, ReadsBackToTheSame) {
  const Options first = resolve_text(kFull);
  const std::string text = dump(first);
  const Options second = resolve_text(text);
  EXPECT_EQ(without_comments(dump(second)), without_comments(text));
  EXPECT_EQ(second.pools[0].workers, 3U);
  EXPECT_EQ(second.services[0].own.at("greeting").value, "hello # \"world\"\n");
  EXPECT_EQ(second.services[0].listeners[0].backlog, 9);
  EXPECT_EQ(second.services[0].listeners[1].mode, 0600U);
  EXPECT_EQ(second.services[0].idle_timeout, first.services[0].idle_timeout);
  EXPECT_EQ(second.master.control, "/run/a b.sock");
}

TEST(Dump, ShowsTheDefaultsOfKnownPlugins) {
  const Options options = resolve_text("[service web]\nplugin = static\nlisten = unix:/a\nroot = /srv\n");
  OptionSpec root;
  root.name = "root";
  root.default_value = ".";
  OptionSpec index;
  index.name = "index";
  index.default_value = "index.html";
  OptionSpec needed;
  needed.name = "needed";
  const std::string text = dump(options, {{"web", {root, index, needed}}});
  EXPECT_NE(text.find("root = /srv  # a.conf:4\nindex = index.html  # default\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("needed"), std::string::npos);
}

TEST(Dump, ANastyFileNameStaysInItsComment) {
  Options options = resolve_text("[service echo]\nplugin = echo\nlisten = unix:/a\n");
  options.origins["service.echo.plugin"].text = "a\n[master]\x1b.conf:1";
  const std::string text = dump(options);
  EXPECT_NE(text.find("plugin = echo  # a?[master]?.conf:1\n"), std::string::npos) << text;
  EXPECT_EQ(testing::sentence_of([&] { resolve_text(text); }), "(nothing)");
}

TEST(Dump, WorksOnOptionsThatNobodyLoaded) {
  Options options;
  options.pools.push_back({});
  options.pools[0].name = "main";
  EXPECT_NE(dump(options).find("workers = 1  # default\n"), std::string::npos);
}

TEST(Dump, OfChangedOptionsReadsBackToTheSame) {
  const Options options = testing::all_changed();
  EXPECT_EQ(testing::text_of(resolve_text(dump(options))), testing::text_of(options));
}

TEST(Dump, OfADumpReadsBackToTheSame) {
  const Options once = resolve_text(dump(testing::all_changed()));
  EXPECT_EQ(testing::text_of(resolve_text(dump(once))), testing::text_of(once));
}

}  // namespace
}  // namespace prefork::config
