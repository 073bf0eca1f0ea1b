#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace prefork::master {

enum class LogLevel : std::uint8_t;

/// What the master has logged of late, for who asks through the control socket: the last events, numbered from 1
/// without a gap, so that who asks again knows whether it missed some. Bounded; no I/O.
class EventRing {
 public:
  static constexpr std::size_t kCapacity = 512;
  static constexpr std::size_t kMaxText = 512;  ///< bytes of one event; the rest is cut off

  /// @param time_ms  of the wall clock, since 1970
  void add(LogLevel level, std::string_view text, std::int64_t time_ms);

  /// The answer line to `events`, its end included: {"ok":true,"next":N,"lost":N,"events":[...]} with all that came
  /// after the event `since`. `next` is what to ask with next time; `lost` how many were there and are no more.
  /// A number that is yet to come (the master is another one) counts as 0.
  std::string answer(std::uint64_t since) const;

 private:
  struct Event {
    LogLevel level;
    std::int64_t time_ms;
    std::string text;
  };

  std::deque<Event> events_;
  std::uint64_t last_ = 0;  ///< number of the youngest
};

}  // namespace prefork::master
