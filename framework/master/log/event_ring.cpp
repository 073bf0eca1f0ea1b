#include "framework/master/log/event_ring.hpp"

#include <algorithm>

#include "framework/base/json_writer.hpp"
#include "framework/master/log/log.hpp"

namespace prefork::master {

void EventRing::add(LogLevel level, std::string_view text, std::int64_t time_ms) {
  if (events_.size() == kCapacity) events_.pop_front();
  events_.push_back({level, time_ms, std::string(text.substr(0, kMaxText))});
  ++last_;
}

std::string EventRing::answer(std::uint64_t since) const {
  const std::uint64_t oldest = last_ - events_.size();  // the newest number before the oldest event that is kept
  if (since > last_) since = 0;
  std::uint64_t number = std::max(since, oldest);
  base::JsonWriter json;
  json.begin_object().member("ok", true).member("next", last_).member("lost", number - since);
  json.key("events").begin_array();
  while (number < last_) {
    const Event& event = events_[number - oldest];
    json.begin_object()
        .member("number", ++number)
        .member("time_ms", event.time_ms)
        .member("level", log_level_name(event.level))
        .member("text", event.text)
        .end_object();
  }
  json.end_array().end_object();
  return std::move(json).take() + '\n';
}

}  // namespace prefork::master
