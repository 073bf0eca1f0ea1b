#include "framework/config/isolation.hpp"

#include <fmt/format.h>

#include "framework/config/config_error.hpp"

namespace prefork::config {

// If a limit is below what the pool says it needs, one of the two is a mistake.
void check_isolation(const SectionReader& in, const PoolOptions& pool) {
  if (pool.max_connections == 0) return;
  for (const auto& limit : pool.isolation.limits) {
    if (limit.resource != RLIMIT_NOFILE || pool.max_connections < limit.value.rlim_cur) continue;
    throw ConfigError(fmt::format("{}: limit-nofile in {}: {} descriptors are too few for max-connections = {}",
                                  in.origin_of("limit-nofile").text, label(in.section().id), limit.value.rlim_cur,
                                  pool.max_connections));
  }
}

}  // namespace prefork::config
