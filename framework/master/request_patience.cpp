#include "framework/master/request_patience.hpp"

#include <algorithm>

namespace prefork::master {

using std::chrono::milliseconds;

std::optional<milliseconds> request_patience(const ipc::Activity& activity,
                                             std::span<const milliseconds> timeouts) noexcept {
  milliseconds limit{0};
  switch (activity.kind) {
    case ipc::ActivityKind::starting:
    case ipc::ActivityKind::stopping:
      return std::nullopt;
    case ipc::ActivityKind::request:
      if (activity.service < timeouts.size()) limit = timeouts[activity.service];
      break;
    default:
      for (const milliseconds timeout : timeouts) {
        if (timeout.count() == 0) return std::nullopt;
        limit = std::max({limit, timeout, kLeastUnknown});
      }
  }
  if (limit.count() == 0) return std::nullopt;
  return limit + kBeatPeriod;
}

std::optional<TimePoint> next_look(TimePoint last_beat, TimePoint now,
                                   std::span<const milliseconds> timeouts) noexcept {
  milliseconds shortest{0};
  for (const milliseconds timeout : timeouts) {
    if (timeout.count() > 0 && (shortest.count() == 0 || timeout < shortest)) shortest = timeout;
  }
  if (shortest.count() == 0) return std::nullopt;
  shortest += kBeatPeriod;
  // One that is silent for longer already does what is not limited so much; whatever it begins next begins later.
  const TimePoint due = last_beat + shortest;
  return due > now ? due : now + shortest;
}

}  // namespace prefork::master
