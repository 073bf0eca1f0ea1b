#include <prefork/http/service.hpp>

#include <chrono>
#include <cstdint>
#include <string>

#include "framework/http/message/forwarded.hpp"
#include "framework/http/routing/endpoint.hpp"
#include "framework/http/routing/host_names.hpp"
#include "framework/http/server/access_format.hpp"

namespace prefork::http {

using namespace std::chrono_literals;

namespace {

template <class Parsed>
void parses_as(const std::string& value) {
  const Parsed parsed(value);
}

}  // namespace

Service::~Service() = default;

void Service::describe_base(Manifest& manifest) {
  constexpr std::int64_t kKiB = 1024;
  constexpr std::int64_t kMiB = 1024 * kKiB;
  constexpr Manifest::Range kTimeMs{1, std::chrono::milliseconds(24h).count()};
  constexpr Manifest::Range kRate{0, 1'000 * kMiB};
  manifest.text("mount", "/", "The path at which the service answers; its routes are relative to it.",
                [](const std::string& path) { check_mount(path); });
  manifest.text("host", "", "The host names that it answers for, such as example.org *.example.org; empty: all.",
                &parses_as<HostNames>);
  manifest.text("trusted-proxies", "",
                "Peers whose Forwarded and X-Forwarded-For are trusted: addresses, networks, unix; empty: none.",
                &parses_as<Networks>);
  manifest.text("access-log", "", "The file with a line for each request; empty: none.");
  manifest.text("access-log-format", "combined", "combined, common, json, or directives such as %h %t \"%r\" %s %B %D.",
                &parses_as<AccessFormat>);
  manifest.integer("access-log-sample", 1, "Logs one request in so many; server errors are always logged.",
                   {1, 1'000'000});
  manifest.duration("header-timeout", 10s, "How long a client may take to send a header section.", kTimeMs);
  manifest.duration("body-timeout", 30s, "How long a client may pause while it sends a body.", kTimeMs);
  manifest.size("body-min-rate", 500, "The least rate at which a client must send a body, in bytes per second; 0: any.",
                kRate);
  manifest.duration("keepalive-timeout", 75s, "How long a connection may be idle between requests.", kTimeMs);
  manifest.size("write-min-rate", 500,
                "The least rate at which a client must take a response, in bytes per second; 0: any.", kRate);
  manifest.duration("slow-request", 0s, "A request that takes this long or longer is logged as slow; 0: none.",
                    {0, kTimeMs.maximum});
  manifest.duration("queue-timeout", 0s,
                    "A request that has waited longer for the worker is answered with 503; 0: none.",
                    {0, kTimeMs.maximum});
  manifest.size("max-request-line", 8 * kKiB, "The longest request line; a longer one gets 414.", {16, kMiB});
  manifest.size("max-header-bytes", 32 * kKiB, "The longest header section; a longer one gets 431.", {64, 16 * kMiB});
  manifest.integer("max-headers", 100, "The most header fields; more get 431.", {1, 1000});
  manifest.size("max-body-bytes", kMiB, "The longest request body; a longer one gets 413.", {0, std::int64_t{1} << 40});
  manifest.role("mount", OptionRole::place_mount);
  manifest.role("host", OptionRole::place_host);
  manifest.role("access-log", OptionRole::log_file);
  manifest.role("slow-request", OptionRole::slow_limit);
  manifest.request_metrics_ = true;
}

}  // namespace prefork::http
