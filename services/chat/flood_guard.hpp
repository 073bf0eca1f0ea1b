#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace chat {

/// Judges how fast one client sends. It is a bucket of `burst` tokens that gains `rate` tokens per second; each line
/// takes one. Pure: the time is an argument.
class FloodGuard {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Limits {
    double rate = 10;  ///< lines per second
    double burst = 20;
    std::uint32_t patience = 200;  ///< how many lines are dropped before the client is sent away
  };
  enum class Verdict : std::uint8_t {
    pass,
    tell,  ///< too fast: the line is dropped, the client is told
    drop,  ///< dropped silently: the client was told within this second
    end,   ///< too often: the client must leave
  };

  FloodGuard(const Limits& limits, Time now) : limits_(limits), tokens_(limits.burst), counted_(now) {}

  Verdict judge(Time now) {
    refill(now);
    if (quiet()) dropped_ = 0;
    if (tokens_ >= 1) {
      tokens_ -= 1;
      return Verdict::pass;
    }
    if (++dropped_ > limits_.patience) return Verdict::end;
    if (told_ != Time{} && now - told_ < std::chrono::seconds(1)) return Verdict::drop;
    told_ = now;
    return Verdict::tell;
  }

  /// Whether the client has sent nothing for long and can be forgotten.
  bool idle(Time now) const {
    FloodGuard later = *this;
    later.refill(now);
    return later.quiet();
  }

 private:
  bool quiet() const noexcept { return tokens_ >= limits_.burst; }
  void refill(Time now) {
    if (now <= counted_) return;
    tokens_ = std::min(limits_.burst, tokens_ + std::chrono::duration<double>(now - counted_).count() * limits_.rate);
    counted_ = now;
  }

  Limits limits_;
  double tokens_;
  Time counted_;
  Time told_{};
  std::uint32_t dropped_ = 0;
};

}  // namespace chat
