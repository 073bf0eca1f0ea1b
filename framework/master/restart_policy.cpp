#include "framework/master/restart_policy.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <limits>

#include "ipc/contract.hpp"

namespace prefork::master {
namespace {

using std::chrono::milliseconds;

// Doubling stops here whatever the limits say; 2^20 times any first delay is long enough.
constexpr unsigned kMaxDoublings = 20;

}  // namespace

Departure departure_of(int wait_status, bool was_ready) noexcept {
  if (!was_ready) {
    const int code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 0;
    const bool said_so = code == ipc::kExitCannotStart || code == ipc::kExitPrivileges;
    return said_so ? Departure::cannot_start : Departure::died_before_ready;
  }
  const bool by_sigkill = WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
  return by_sigkill ? Departure::killed : Departure::crashed;
}

std::string_view departure_name(Departure departure) noexcept {
  switch (departure) {
    case Departure::cannot_start:
      return "cannot-start";
    case Departure::died_before_ready:
      return "died-before-ready";
    case Departure::boot_timeout:
      return "boot-timeout";
    case Departure::crashed:
      return "crashed";
    case Departure::killed:
      return "killed";
    case Departure::drained:
      return "drained";
    case Departure::heartbeat_lost:
      return "heartbeat-lost";
    case Departure::request_timeout:
      break;
  }
  return "request-timeout";
}

std::string_view throttle_reason_name(ThrottleReason reason) noexcept {
  switch (reason) {
    case ThrottleReason::none:
      break;
    case ThrottleReason::cannot_start:
      return "cannot start";
    case ThrottleReason::died_before_ready:
      return "died before it was ready";
    case ThrottleReason::boot_timeout:
      return "not ready in time";
    case ThrottleReason::fast_exit:
      return "ended soon after it was ready";
    case ThrottleReason::fork_failed:
      return "the system gave no process";
  }
  return "";
}

void RestartPolicy::became_ready(TimePoint now) noexcept {
  if (!well_since_) well_since_ = now;
}

void RestartPolicy::left(const Leaver& worker, TimePoint now, double jitter) noexcept {
  const ThrottleReason reason = judge(worker, now);
  if (reason == ThrottleReason::none) {
    // Without failures nothing is held back, and there is nothing to owe.
    owed_ = failures(now) == 0 ? 0 : std::min(owed_ + 1, 1'000'000U);
    return;
  }
  if (forgotten(now)) {
    failures_ = owed_ = 0;
    open_since_.reset();
  }
  const bool same_wave = failures_ > 0 && last_failure_ && worker.started < *last_failure_;
  last_reason_ = reason;
  well_since_.reset();
  if (same_wave) return;
  failures_ += failures_ < std::numeric_limits<unsigned>::max() ? 1 : 0;
  last_failure_ = now;
  hold_until_ = now + delay(jitter);
  if (!open_since_ && plain_delay() >= limits_.max_delay) open_since_ = now;
}

void RestartPolicy::fork_failed(TimePoint now) noexcept {
  last_reason_ = ThrottleReason::fork_failed;
  fork_hold_ = now + limits_.fork_retry;
}

bool RestartPolicy::take_start(TimePoint now, unsigned starting) noexcept {
  if (fork_hold_ && now < *fork_hold_) return false;
  if (failures(now) == 0) return true;
  if (owed_ > 0) {
    --owed_;
    return true;
  }
  return now >= *hold_until_ && starting == 0;
}

std::optional<TimePoint> RestartPolicy::throttled_until(TimePoint now) const noexcept {
  std::optional<TimePoint> until;
  if (fork_hold_ && now < *fork_hold_) until = fork_hold_;
  if (failures(now) > 0 && owed_ == 0 && now < *hold_until_) until = until ? std::max(until, hold_until_) : hold_until_;
  return until;
}

std::optional<TimePoint> RestartPolicy::open_since(TimePoint now) const noexcept {
  return forgotten(now) ? std::nullopt : open_since_;
}

unsigned RestartPolicy::failures(TimePoint now) const noexcept { return forgotten(now) ? 0 : failures_; }

bool RestartPolicy::forgotten(TimePoint now) const noexcept {
  if (last_failure_ && now - *last_failure_ >= limits_.forget_after) return true;
  return well_since_ && now - *well_since_ >= limits_.reset_after;
}

ThrottleReason RestartPolicy::judge(const Leaver& worker, TimePoint now) const noexcept {
  switch (worker.departure) {
    case Departure::cannot_start:
      return ThrottleReason::cannot_start;
    case Departure::died_before_ready:
      return ThrottleReason::died_before_ready;
    case Departure::boot_timeout:
      return ThrottleReason::boot_timeout;
    case Departure::heartbeat_lost:
    case Departure::request_timeout:
      return ThrottleReason::none;
    case Departure::crashed:
    case Departure::killed:
    case Departure::drained:
      break;
  }
  if (!worker.ready) return ThrottleReason::died_before_ready;
  const milliseconds soon = worker.departure == Departure::killed ? limits_.fast_kill : limits_.fast_exit;
  return now - *worker.ready < soon ? ThrottleReason::fast_exit : ThrottleReason::none;
}

milliseconds RestartPolicy::plain_delay() const noexcept {
  if (failures_ <= 1) return milliseconds::zero();
  const unsigned doublings = std::min(failures_ - 2, kMaxDoublings);
  return std::min(limits_.first_delay * (1L << doublings), limits_.max_delay);
}

milliseconds RestartPolicy::delay(double jitter) const noexcept {
  const double factor = 1.0 + std::clamp(jitter, -1.0, 1.0) / 10.0;
  return milliseconds{static_cast<milliseconds::rep>(static_cast<double>(plain_delay().count()) * factor)};
}

}  // namespace prefork::master
