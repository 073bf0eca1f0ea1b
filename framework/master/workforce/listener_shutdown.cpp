#include "framework/master/workforce/listener_shutdown.hpp"

#include <utility>

namespace prefork::master {

namespace {

// How long until listeners are shut down under stuck workers, and how often it checks.
constexpr std::chrono::milliseconds kPatience{2000};
constexpr std::chrono::milliseconds kPause{5};

bool is_anybody_accepting(const Crew& crew) {
  bool accepting = false;
  crew.workers.for_each([&](const WorkerRecord& worker) {
    const ipc::Seat& seat = (*crew.pool_of(worker).seats)[worker.slot];
    accepting |= seat.state.load(std::memory_order_relaxed) != ipc::SeatState::closed;
  });
  return accepting;
}

}  // namespace

void ListenerShutdown::begin(TimePoint now) {
  if (!std::exchange(begun_, true)) until_ = now + kPatience;
}

void ListenerShutdown::tend(Crew& crew, TimePoint now) {
  if (!until_ || (is_anybody_accepting(crew) && now < *until_)) return;
  until_.reset();
  for (auto& [id, pool] : crew.pools) pool.generation->listeners->shut_down();
}

std::optional<TimePoint> ListenerShutdown::next(TimePoint now) const noexcept {
  return until_ ? std::optional(now + kPause) : std::nullopt;
}

}  // namespace prefork::master
