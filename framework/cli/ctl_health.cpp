#include "framework/cli/ctl_health.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "framework/base/visible.hpp"
#include "framework/cli/status_cells.hpp"

namespace prefork::cli {
namespace {

struct Finding {
  int exit_code = kHealthWell;
  std::string why;
};

// A pool that follows its load is one worker short now and then while it grows: that is no fault until a worker fails
// to start.
Finding look_at(const Json& pool) {
  const std::uint64_t ready = number(pool, "ready"), target = number(pool, "target");
  const bool fails = number(pool, "failures") > 0;
  const std::string scaling = text(pool, "scaling");
  const std::string name = "pool " + text(pool, "name");
  std::string because = text(pool, "last_failure");
  if (!because.empty()) because = " (" + because + ")";
  if (ready == 0 && target > 0) {
    // The first worker of an empty pool is started for the client that waits for it.
    if (scaling == "on demand" && !fails) return {};
    return {kHealthDown, name + " has no ready worker" + because};
  }
  if (number(pool, "full_ms") > 0) {
    return {kHealthDegraded, fmt::format("{} is full, {} wait", name, number(pool, "waiting"))};
  }
  const bool grows = scaling == "dynamic" || scaling == "on demand";
  if (ready < target && (fails || !grows)) {
    return {kHealthDegraded, fmt::format("{} has {} of {} workers{}", name, ready, target, because)};
  }
  return {};
}

Health told(int exit_code, const std::string& what) {
  constexpr const char* kWords[] = {"well", "degraded", "down"};
  return {exit_code, fmt::format("{}: {}\n", kWords[exit_code], base::visible(what))};
}

}  // namespace

Health health_of(std::string_view status) {
  const Json all = Json::parse(status, nullptr, false);
  if (!all.is_object() || !all.contains("master") || !all.contains("pools")) {
    return health_down("the answer is not from a prefork-master");
  }
  if (text(all["master"], "state") != "running") return health_down("the server is being stopped");
  Finding worst;
  std::uint64_t ready = 0, target = 0;
  for (const Json& pool : all["pools"]) {
    const Finding found = look_at(pool);
    ready += number(pool, "ready");
    target += number(pool, "target");
    worst.exit_code = std::max(worst.exit_code, found.exit_code);
    if (!found.why.empty()) worst.why += (worst.why.empty() ? "" : "; ") + found.why;
  }
  if (worst.exit_code == kHealthWell) worst.why = fmt::format("{} of {} workers are ready", ready, target);
  return told(worst.exit_code, worst.why);
}

Health health_down(const std::string& why) { return told(kHealthDown, why); }

}  // namespace prefork::cli
