#include "framework/master/generation/time_checks.hpp"

#include <charconv>
#include <string>

#include "framework/base/units.hpp"
#include "framework/master/loop/startup_error.hpp"

namespace prefork::master {

namespace {

using std::chrono::milliseconds;

[[noreturn]] void refuse(const config::Origin& origin, const std::string& sentence) {
  throw StartupError(EX_CONFIG, origin.text + ": " + sentence);
}

std::string of(const std::string& key, milliseconds value) { return key + " (" + base::format_duration(value) + ")"; }

/// How long a request of the service may take before it is logged as slow; zero: none is.
milliseconds slow_limit(const Generation& generation, std::size_t service) {
  std::int64_t ms = 0;
  if (const std::string* value = value_of(generation, service, OptionRole::slow_limit)) {
    std::from_chars(value->data(), value->data() + value->size(), ms);
  }
  return milliseconds(ms);
}

const config::PoolOptions& pool_of(const Generation& generation, const config::ServiceOptions& service) {
  for (const auto& pool : generation.options.pools) {
    if (pool.name == service.pool) return pool;
  }
  return generation.options.pools.front();  // resolve() guarantees that there is one
}

}  // namespace

void refuse_contradicting_times(const Generation& generation) {
  for (std::size_t i = 0; i < generation.services.size(); ++i) {
    const config::ServiceOptions& service = generation.options.services[i];
    const milliseconds request = service.request_timeout;
    if (request.count() == 0) continue;
    const auto given = generation.options.origins.find("service." + service.name + ".request-timeout");
    const config::Origin& origin = given != generation.options.origins.end() ? given->second : service.origin;
    const std::string subject = "[service " + service.name + "] " + of("request-timeout", request) + " is longer than ";
    const milliseconds shutdown = generation.options.master.shutdown_timeout;
    if (request > shutdown) {
      refuse(origin, subject + of("shutdown-timeout", shutdown) + ": a worker that drains is stopped before");
    }
    const milliseconds silence = pool_of(generation, service).worker_timeout;
    const config::PluginReport& report = generation.plugins[generation.services[i].plugin]->report;
    const bool blocks = traits_of(report.kind).blocks;
    if (blocks && silence.count() > 0 && request > silence) {
      refuse(origin, subject + of("worker-timeout", silence) + " of its pool: a worker that blocks is aborted before");
    }
    const milliseconds slow = slow_limit(generation, i);
    if (slow < request) continue;
    const std::string& key = config::option_of(report, OptionRole::slow_limit)->name;
    const auto own = service.own.find(key);
    refuse(own != service.own.end() ? own->second.origin : origin,
           "[service " + service.name + "] " + of(key, slow) + " is not less than " + of("request-timeout", request) +
               ": no request would be logged as slow");
  }
}

}  // namespace prefork::master
