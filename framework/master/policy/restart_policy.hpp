#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "framework/master/loop/clock.hpp"

/// Decides when a pool's missing workers may be started. Pure: time and chance are arguments.
namespace prefork::master {

/// Why a worker no longer fills its place although nobody told it to leave.
enum class Departure : std::uint8_t {
  cannot_start,       ///< exited before it was ready, with a code for that (81, 77)
  died_before_ready,  ///< any other end before it was ready
  boot_timeout,       ///< aborted: it was not ready in time
  crashed,            ///< died while serving, by its own fault
  killed,             ///< died while serving by SIGKILL: from a person, or from a kernel short of memory
  drained,            ///< retired by its own decision
  heartbeat_lost,     ///< aborted: stuck while serving
  request_timeout,    ///< aborted: past a request-timeout
};
inline constexpr std::size_t kDepartureCount = static_cast<std::size_t>(Departure::request_timeout) + 1;

/// @return the departure that a wait status (waitpid(2)) stands for
Departure departure_of(int wait_status, bool was_ready) noexcept;

/// @return a short name for status and counters: "cannot-start", "crashed"
std::string_view departure_name(Departure departure) noexcept;

/// What kept the policy from starting a worker at once, for status.
enum class ThrottleReason : std::uint8_t {
  none,
  cannot_start,
  died_before_ready,
  boot_timeout,
  fast_exit,    ///< ended soon after it was ready
  fork_failed,  ///< the system could not make a process
};
std::string_view throttle_reason_name(ThrottleReason reason) noexcept;

/// A worker that served before it left is replaced at once. So is one that died while it served a client, however soon:
/// that client's request may be to blame. After a first hundred, such replacements are limited to a hundred a second,
/// so that the machine stays usable. A failure to start, and an end too soon after ready without a client, counts as a
/// failure of the pool: the first is retried at once, the next after 100 ms, 200 ms, ... 30 s. While failures go on,
/// one worker at a time is started as a probe. Workers started before the last failure was seen belong to the same wave
/// and add nothing. Ten seconds with a ready worker and without a failure reset everything.
class RestartPolicy {
 public:
  struct Limits {
    std::chrono::milliseconds first_delay{100};
    std::chrono::milliseconds max_delay{30'000};
    /// An end sooner than this after ready is a failure...
    std::chrono::milliseconds fast_exit{1'000};
    /// ...but an end by SIGKILL only sooner than this: somebody who kills workers by hand must not stop the pool.
    std::chrono::milliseconds fast_kill{200};
    std::chrono::milliseconds reset_after{10'000};
    /// Failures this old are forgotten even if nothing became ready: the pool may have been scaled down.
    std::chrono::milliseconds forget_after{600'000};
    std::chrono::milliseconds fork_retry{500};
    /// Replacements of workers that served: in the long run one per this interval...
    std::chrono::milliseconds replace_every{10};
    /// ...and at once as many as fit into this time.
    std::chrono::milliseconds replace_burst{1'000};
  };

  struct Leaver {
    Departure departure;
    TimePoint started;
    std::optional<TimePoint> ready;  ///< when it became ready, if it did
    bool over_a_client = false;      ///< it died while it had a client's connection or request
  };

  /// What has happened so far; it outlives the policy's program (upgrade).
  struct Memory {
    unsigned failures = 0;
    unsigned owed = 0;  ///< starts earned by workers that served, valid even while throttled
    ThrottleReason last_reason = ThrottleReason::none;
    std::optional<TimePoint> last_failure;
    std::optional<TimePoint> well_since;  ///< a worker became ready after the last failure
    std::optional<TimePoint> hold_until;  ///< failures: the time of the next attempt
    std::optional<TimePoint> open_since;  ///< since when the delay has been at its maximum
    std::optional<TimePoint> fork_hold;   ///< the system is short of some resource
  };

  RestartPolicy() = default;
  explicit RestartPolicy(const Limits& limits) : limits_(limits) {}

  /// A worker is ready.
  void became_ready(TimePoint now) noexcept;

  /// A worker unexpectedly stopped counting towards its pool: at its death, or earlier, when it said that it drains or
  /// was aborted. Must be called once per worker; not for those that the master retired or stopped.
  /// @param jitter  from -1 to 1, drawn by the caller: changes the delay by up to a tenth
  void left(const Leaver& worker, TimePoint now, double jitter) noexcept;

  /// fork(2) failed for lack of a resource: nothing is started for half a second.
  void fork_failed(TimePoint now) noexcept;

  /// Asks for permission to start one worker now; a yes is used up.
  /// @param starting  workers of this pool that were forked and are not ready yet
  bool take_start(TimePoint now, unsigned starting) noexcept;

  /// @return when to ask `take_start` again, if time is the only reason that it refuses now
  std::optional<TimePoint> throttled_until(TimePoint now) const noexcept;

  /// @return whether workers that served die faster than they are replaced: the next start must wait for its turn
  bool paced(TimePoint now) const noexcept { return now < paced_until_; }

  /// @return since when the delay has been at its maximum: the circuit is open, and each worker started is a probe.
  /// nullopt: it is closed; it closes once the failures are forgotten.
  std::optional<TimePoint> open_since(TimePoint now) const noexcept;

  /// @return failures in a row; zero once they are forgotten
  unsigned failures(TimePoint now) const noexcept;

  /// @return what the last failure was; it stays after the failures are forgotten
  ThrottleReason last_reason() const noexcept { return m_.last_reason; }

  const Memory& memory() const noexcept { return m_; }
  void remember(const Memory& memory) noexcept { m_ = memory; }

 private:
  ThrottleReason judge(const Leaver& worker, TimePoint now) const noexcept;
  std::chrono::milliseconds plain_delay() const noexcept;
  std::chrono::milliseconds delay(double jitter) const noexcept;
  bool forgotten(TimePoint now) const noexcept;

  Limits limits_{};
  Memory m_;
  TimePoint paced_until_ = TimePoint::min();  ///< starts wait until then; moves on with each replacement beyond the
                                              ///< pace
};

}  // namespace prefork::master
