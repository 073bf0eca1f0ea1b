#include "framework/master/policy/request_patience.hpp"

#include <algorithm>

namespace prefork::master {

using std::chrono::milliseconds;

std::optional<milliseconds> request_patience(const ipc::Activity& activity, bool waits,
                                             std::span<const milliseconds> timeouts) noexcept {
  using Kind = ipc::ActivityKind;
  if (timeouts.empty() || activity.kind == Kind::starting || activity.kind == Kind::stopping) return std::nullopt;
  if (activity.kind == Kind::request && !waits) {
    const bool limited = activity.service < timeouts.size() && timeouts[activity.service].count() > 0;
    return limited ? std::optional(timeouts[activity.service] + kGrace) : std::nullopt;
  }
  const auto [shortest, longest] = std::minmax_element(timeouts.begin(), timeouts.end());
  if (shortest->count() == 0) return std::nullopt;
  return waits ? std::max(*longest, kLeastWaiting) + kBeatPeriod : *longest + kGrace;
}

std::optional<TimePoint> next_look(TimePoint last_beat, TimePoint now,
                                   std::span<const milliseconds> timeouts) noexcept {
  milliseconds shortest{0};
  for (const milliseconds timeout : timeouts) {
    if (timeout.count() > 0 && (shortest.count() == 0 || timeout < shortest)) shortest = timeout;
  }
  if (shortest.count() == 0) return std::nullopt;
  shortest += kGrace;
  // A worker that has been silent for longer is already doing work with a longer limit; its next piece of work begins
  // later.
  const TimePoint due = last_beat + shortest;
  return due > now ? due : now + shortest;
}

}  // namespace prefork::master
