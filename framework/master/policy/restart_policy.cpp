#include "framework/master/policy/restart_policy.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <limits>

#include "ipc/contract/contract.hpp"

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
      return "the system refused a process";
  }
  return "";
}

void RestartPolicy::became_ready(TimePoint now) noexcept {
  if (!m_.well_since) m_.well_since = now;
}

void RestartPolicy::left(const Leaver& worker, TimePoint now, double jitter) noexcept {
  const ThrottleReason reason = judge(worker, now);
  if (reason == ThrottleReason::none) {
    // Without failures nothing is held back, so no start is owed.
    m_.owed = failures(now) == 0 ? 0 : std::min(m_.owed + 1, 1'000'000U);
    paced_until_ = std::max(paced_until_, now - limits_.replace_burst) + limits_.replace_every;
    return;
  }
  if (forgotten(now)) {
    m_.failures = m_.owed = 0;
    m_.open_since.reset();
  }
  const bool same_wave = m_.failures > 0 && m_.last_failure && worker.started < *m_.last_failure;
  m_.last_reason = reason;
  m_.well_since.reset();
  if (same_wave) return;
  m_.failures += m_.failures < std::numeric_limits<unsigned>::max() ? 1 : 0;
  m_.last_failure = now;
  m_.hold_until = now + delay(jitter);
  if (!m_.open_since && plain_delay() >= limits_.max_delay) m_.open_since = now;
}

void RestartPolicy::fork_failed(TimePoint now) noexcept {
  m_.last_reason = ThrottleReason::fork_failed;
  m_.fork_hold = now + limits_.fork_retry;
}

bool RestartPolicy::take_start(TimePoint now, unsigned starting) noexcept {
  if (paced(now) || (m_.fork_hold && now < *m_.fork_hold)) return false;
  if (failures(now) == 0) return true;
  if (m_.owed > 0) {
    --m_.owed;
    return true;
  }
  return now >= *m_.hold_until && starting == 0;
}

std::optional<TimePoint> RestartPolicy::throttled_until(TimePoint now) const noexcept {
  std::optional<TimePoint> until;
  if (paced(now)) until = paced_until_;
  if (m_.fork_hold && now < *m_.fork_hold) until = std::max(until, m_.fork_hold);
  if (failures(now) > 0 && m_.owed == 0 && now < *m_.hold_until) until = std::max(until, m_.hold_until);
  return until;
}

std::optional<TimePoint> RestartPolicy::open_since(TimePoint now) const noexcept {
  return forgotten(now) ? std::nullopt : m_.open_since;
}

unsigned RestartPolicy::failures(TimePoint now) const noexcept { return forgotten(now) ? 0 : m_.failures; }

bool RestartPolicy::forgotten(TimePoint now) const noexcept {
  if (m_.last_failure && now - *m_.last_failure >= limits_.forget_after) return true;
  return m_.well_since && now - *m_.well_since >= limits_.reset_after;
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
  if (worker.over_a_client && worker.departure != Departure::drained) return ThrottleReason::none;
  const milliseconds soon = worker.departure == Departure::killed ? limits_.fast_kill : limits_.fast_exit;
  return now - *worker.ready < soon ? ThrottleReason::fast_exit : ThrottleReason::none;
}

milliseconds RestartPolicy::plain_delay() const noexcept {
  if (m_.failures <= 1) return milliseconds::zero();
  const unsigned doublings = std::min(m_.failures - 2, kMaxDoublings);
  return std::min(limits_.first_delay * (1L << doublings), limits_.max_delay);
}

milliseconds RestartPolicy::delay(double jitter) const noexcept {
  const double factor = 1.0 + std::clamp(jitter, -1.0, 1.0) / 10.0;
  return milliseconds{static_cast<milliseconds::rep>(static_cast<double>(plain_delay().count()) * factor)};
}

}  // namespace prefork::master
