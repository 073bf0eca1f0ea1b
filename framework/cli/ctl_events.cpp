#include "framework/cli/ctl_events.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <time.h>

#include "framework/base/visible.hpp"
#include "framework/cli/status_cells.hpp"

namespace prefork::cli {
namespace {

std::string line_of(const Json& event) {
  const std::uint64_t time_ms = number(event, "time_ms");
  const auto seconds = static_cast<time_t>(time_ms / 1000);
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {:<7} {}\n", parts, time_ms % 1000,
                     base::visible(text(event, "level")), base::visible(text(event, "text")));
}

}  // namespace

Events read_events(std::string_view line, bool json) {
  const Json answer = Json::parse(line, nullptr, false);
  Events events;
  if (!answer.is_object() || !answer.contains("events")) return events;
  events.next = number(answer, "next");
  if (const std::uint64_t lost = number(answer, "lost"); lost > 0 && !json) {
    events.text = fmt::format("({} earlier events are no longer kept)\n", lost);
  }
  for (const Json& event : answer["events"]) {
    if (!event.is_object()) continue;
    events.text += json ? event.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n' : line_of(event);
  }
  return events;
}

std::string metrics_of(std::string_view line) {
  const Json answer = Json::parse(line, nullptr, false);
  return answer.is_object() ? text(answer, "metrics") : std::string();
}

}  // namespace prefork::cli
