#include "framework/master/hold_watch.hpp"

#include <algorithm>

namespace prefork::master {

using std::chrono::milliseconds;

namespace {

// Often enough to see what is a quarter beyond its limit, and never so often that it costs.
milliseconds interval(milliseconds limit) { return std::clamp(limit / 4, milliseconds(100), milliseconds(1'000)); }

}  // namespace

HoldWatch::HoldWatch(const std::vector<milliseconds>& limits) {
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (limits[i].count() > 0) watched_.push_back({i, limits[i], TimePoint(), {}});
  }
}

std::optional<TimePoint> HoldWatch::next() const noexcept {
  std::optional<TimePoint> next;
  for (const Watched& watched : watched_) {
    if (!next || watched.next < *next) next = watched.next;
  }
  return next;
}

std::vector<std::size_t> HoldWatch::due(TimePoint now) const {
  std::vector<std::size_t> objects;
  for (const Watched& watched : watched_) {
    if (watched.next <= now) objects.push_back(watched.object);
  }
  return objects;
}

std::vector<HoldWatch::Overdue> HoldWatch::sampled(std::size_t object, const std::vector<ipc::Hold>& holds,
                                                   TimePoint now) {
  std::vector<Overdue> overdue;
  const auto watched =
      std::find_if(watched_.begin(), watched_.end(), [&](const Watched& w) { return w.object == object; });
  if (watched == watched_.end()) return overdue;
  watched->next = now + interval(watched->limit);
  decltype(watched->seen) seen;
  for (const ipc::Hold& hold : holds) {
    const std::pair key(hold.index, hold.owner);
    const auto before = watched->seen.find(key);
    const bool same = before != watched->seen.end() && before->second.token == hold.token;
    Seen entry = same ? before->second : Seen{hold.token, now, false};
    const auto held = std::chrono::floor<milliseconds>(now - entry.since);
    if (held > watched->limit && !entry.told) {
      overdue.push_back({hold, held});
      entry.told = true;
    }
    seen.emplace(key, entry);
  }
  watched->seen = std::move(seen);
  return overdue;
}

}  // namespace prefork::master
