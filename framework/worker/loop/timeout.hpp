#pragma once

#include <cstdint>

#include "framework/worker/loop/event_loop.hpp"

namespace prefork::worker {

/// A time limit for somebody else, in the loop's running time: time in which this worker was stopped does not count.
class Timeout : private TimerWheel::Entry {
 public:
  using TimerWheel::Entry::armed;
  using TimerWheel::Entry::disarm;

  /// @param by_ms  in terms of EventLoop::ran_ms(). The loop must outlive the armed time-out.
  void arm(EventLoop& loop, std::uint64_t by_ms) noexcept {
    loop_ = &loop;
    by_ms_ = by_ms;
    loop.timers().arm(*this, loop.tick_at(by_ms));
  }

 protected:
  ~Timeout() = default;

 private:
  /// The time has passed. The time-out is disarmed, and may be armed again or destroyed here.
  virtual void on_timeout() = 0;

  void on_timer() final {
    if (loop_->ran_ms() < by_ms_) return arm(*loop_, by_ms_);
    on_timeout();
  }

  EventLoop* loop_ = nullptr;
  std::uint64_t by_ms_ = 0;
};

}  // namespace prefork::worker
