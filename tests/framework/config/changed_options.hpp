#pragma once

#include <sys/resource.h>

#include <chrono>
#include <string>
#include <vector>

#include "framework/config/listen.hpp"
#include "framework/config/options.hpp"

namespace prefork::config::testing {

using namespace std::chrono_literals;

inline ServiceOptions service_of(const std::string& name, const std::string& pool,
                                 const std::vector<std::string>& listen) {
  ServiceOptions options;
  options.name = name;
  options.plugin = "plugin-" + name;
  options.pool = pool;
  for (const auto& address : listen) options.listeners.push_back(parse_listen(address));
  return options;
}

/// Options that differ from the defaults in every member.
inline Options all_changed() {
  Options options;
  options.master = {"/run/a b.sock", "/run/#.pid", "syslog", "/p:/q", "debug", 1234ms, 5s, 77,
                    {300, 400},      "json",       "local3", "/x/log"};
  IsolationOptions isolation{
      {{"adm", "4"}},
      "/srv",
      027,
      -5,
      {0, 1, 5},
      {{"limit-as", RLIMIT_AS, {1 << 30, RLIM_INFINITY}}, {"limit-nofile", RLIMIT_NOFILE, {2000, 2000}}},
      true,
      SeccompProfile::strict,
      {{"/www", {}}, {"/a b", {}}},
      {{"/var/lib/x", {}}}};
  PoolOptions blue{"blue",    3,
                   "user",    "group",
                   1s,        0ms,
                   1000,      12,
                   48h,       1 << 20,
                   1 << 21,   {9, 2, 60, 5min},
                   isolation, MasterAccess::operate,
                   17,        {}};
  PoolOptions main{"main", 2, std::nullopt, "g", 2min, 25min, 5, 1, 90s, 0, 4097, {}, {}, MasterAccess::read, 0, {}};
  options.pools = {blue, main};
  ServiceOptions web =
      service_of("web", "blue",
                 {"tcp://[::1]:80 backlog=5 reuseport=on nodelay=off ipv6only=off", "udp://localhost:53 reuseport=on",
                  "unix:/x mode=0600 backlog=7", "unix-dgram:/y mode=0777"});
  web.idle_timeout = 7ms;
  web.write_timeout = 3h;
  web.request_timeout = 45s;
  web.log_level = "error";
  web.own = {{"root", {"./public", {}}}, {"empty", {"", {}}},         {"quoted", {" \"a\" \\ # b ", {}}},
             {"lines", {"a\nb\tc", {}}}, {"hash", {"#x", {}}},        {"utf8", {"Grüße", {}}},
             {"max_age", {"5", {}}},     {"bytes", {"\xff\x80", {}}}, {"bracket", {"[pool x]", {}}}};
  options.services = {web, service_of("a-b", "main", {"tcp://*:0", "tcp://*:0"})};
  return options;
}

}  // namespace prefork::config::testing
