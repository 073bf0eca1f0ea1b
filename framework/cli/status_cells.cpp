#include "framework/cli/status_cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "framework/base/units.hpp"

namespace prefork::cli {

using std::chrono::milliseconds;

const Json& member(const Json& object, const char* name) {
  static const Json kNothing;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found == object.end() ? kNothing : *found;
}

std::string text(const Json& object, const char* name) {
  const Json& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::uint64_t number(const Json& object, const char* name) {
  const Json& value = member(object, name);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

double real(const Json& object, const char* name) {
  const Json& value = member(object, name);
  return value.is_number() ? value.get<double>() : 0.0;
}

milliseconds duration(const Json& object, const char* name) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<milliseconds::rep>::max());
  return milliseconds{static_cast<milliseconds::rep>(std::min(number(object, name), kMost))};
}

std::string headline(const Json& status) {
  const Json& master = member(status, "master");
  return fmt::format("prefork-master {}, pid {}, generation {}, {}, up {}", text(master, "version"),
                     number(master, "pid"), number(master, "generation"), text(master, "state"),
                     base::short_duration(duration(master, "uptime_ms")));
}

std::string worker_name(const Json& worker) {
  return fmt::format("{}/{}", text(worker, "pool"), number(worker, "index"));
}

std::string serving(const Json& worker) {
  const std::string what = text(worker, "serving");
  if (what.empty()) return what;
  return fmt::format("{} {}", base::short_duration(duration(worker, "serving_ms")), what);
}

}  // namespace prefork::cli
