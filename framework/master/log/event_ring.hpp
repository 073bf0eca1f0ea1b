#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include <prefork/log_level.hpp>

namespace prefork::master {

/// What the master has logged lately, for clients of the control socket: the latest events, numbered from 1 without
/// gaps, so that a client that asks again can tell whether it missed some. Bounded; no I/O.
class EventRing {
 public:
  static constexpr std::size_t kCapacity = 512;
  static constexpr std::size_t kMaxText = 512;  ///< per event, in bytes; the rest is cut off

  /// @param time_ms  wall-clock time since 1970
  void add(LogLevel level, std::string_view text, std::int64_t time_ms);

  /// The answer line to `events`, with its line end: {"ok":true,"next":N,"lost":N,"events":[...]} with all events after
  /// `since`. `next` is the number to ask with next time; `lost` is how many came after `since` but are no longer kept.
  /// A number that is yet to come (the master has been replaced) counts as 0.
  std::string answer(std::uint64_t since) const;

 private:
  struct Event {
    LogLevel level;
    std::int64_t time_ms;
    std::string text;
  };

  std::deque<Event> events_;
  std::uint64_t last_ = 0;  ///< number of the latest event
};

}  // namespace prefork::master
