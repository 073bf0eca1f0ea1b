#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "framework/master/loop/clock.hpp"

/// Whether a pool has more clients than it takes, and since when. Pure: readings and time are passed in.
namespace prefork::master {

/// The state of a pool at a moment.
struct FullnessLook {
  unsigned ready = 0;         ///< workers that serve
  unsigned full = 0;          ///< workers among them that take no more connections for now
  std::uint64_t waiting = 0;  ///< what waits in the kernel's queues for the pool

  /// No worker has room, and clients wait.
  bool saturated() const noexcept { return ready > 0 && full >= ready && waiting > 0; }
};

/// An episode begins when every look within a second found the pool full, and ends when none did for ten seconds; what
/// comes and goes meanwhile belongs to it. A burst that is taken in at once is no episode.
class Saturation {
 public:
  static constexpr std::chrono::seconds kBeginsAfter{1};
  static constexpr std::chrono::seconds kEndsAfter{10};
  /// How often to look, in addition to whenever somebody asks.
  static constexpr std::chrono::milliseconds kPause{1000};

  enum class News : std::uint8_t { none, begun, ended };

  News look(const FullnessLook& seen, TimePoint now) noexcept;

  /// Since when the pool has been full at every look; nullopt: it was not full at the last one.
  std::optional<TimePoint> full_since() const noexcept { return full_since_; }
  /// What waited at the last look.
  std::uint64_t waiting() const noexcept { return waiting_; }
  bool in_episode() const noexcept { return episode_.has_value(); }
  /// Of the current episode, or the one that has just ended: its length up to its last full look, and the most that
  /// waited.
  std::chrono::milliseconds episode_length() const noexcept;
  std::uint64_t most_waiting() const noexcept { return most_waiting_; }

 private:
  std::optional<TimePoint> full_since_;
  std::optional<TimePoint> episode_;  ///< since when
  TimePoint begun_{};                 ///< of the last episode
  TimePoint last_full_{};
  std::uint64_t waiting_ = 0;
  std::uint64_t most_waiting_ = 0;
};

}  // namespace prefork::master
