#include "framework/master/policy/hold_watch.hpp"

#include <algorithm>
#include <utility>

namespace prefork::master {

using std::chrono::milliseconds;

namespace {

// Often enough to notice a hold a quarter beyond its limit, and never so often that it is costly.
milliseconds interval(milliseconds limit) { return std::clamp(limit / 4, milliseconds(100), milliseconds(1'000)); }

}  // namespace

HoldWatch::HoldWatch(const std::vector<milliseconds>& limits) {
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (limits[i].count() > 0) watched_.push_back({i, limits[i], TimePoint(), {}, 0, {}});
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
                                                   TimePoint now, bool last) {
  std::vector<Overdue> overdue;
  const auto watched =
      std::find_if(watched_.begin(), watched_.end(), [&](const Watched& w) { return w.object == object; });
  if (watched == watched_.end()) return overdue;
  for (const ipc::Hold& hold : holds) {
    if (watched->sampled.size() >= kMostSeen) break;
    const auto& before = watched->before;
    std::size_t& at = watched->passed;
    while (at < before.size() && before[at].index < hold.index) ++at;
    const bool same = at < before.size() && before[at].index == hold.index && before[at].owner == hold.owner &&
                      before[at].token == hold.token;
    Seen entry = same ? before[at] : Seen{hold.index, hold.owner, hold.token, now, false};
    const auto held = std::chrono::floor<milliseconds>(now - entry.since);
    if (held > watched->limit && !entry.told) {
      overdue.push_back({hold, held});
      entry.told = true;
    }
    watched->sampled.push_back(entry);
  }
  if (last) {
    watched->next = now + interval(watched->limit);
    watched->before = std::exchange(watched->sampled, {});
    watched->passed = 0;
  }
  return overdue;
}

}  // namespace prefork::master
