#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>

#include "framework/master/loop/clock.hpp"

namespace prefork::master {

/// Estimates events per second from a growing total that is read now and then: what happened t seconds ago weighs
/// exp(-t/window). It is right from the second reading on, not only after a whole window. Pure.
class RateEstimator {
 public:
  RateEstimator() = default;
  explicit RateEstimator(std::chrono::milliseconds window) : window_(window) {}

  /// Takes the total at `now`. Readings may come at any interval; one at the same instant adds nothing. A total that
  /// went back (a new worker in the slot) starts over.
  /// @return the rate per second; zero after the first reading
  double update(std::uint64_t total, TimePoint now) {
    if (!started_ || total < total_) {
      *this = RateEstimator(window_);
      started_ = true;
      total_ = total;
      at_ = now;
      return 0.0;
    }
    const std::chrono::duration<double> passed = now - at_;
    if (passed.count() <= 0) return rate();
    const double keep = std::exp(-passed.count() / std::chrono::duration<double>(window_).count());
    const double latest = static_cast<double>(total - total_) / passed.count();
    sum_ = sum_ * keep + latest * (1 - keep);
    weight_ = weight_ * keep + (1 - keep);
    total_ = total;
    at_ = now;
    return rate();
  }

  double rate() const noexcept { return weight_ > 0 ? sum_ / weight_ : 0.0; }

 private:
  std::chrono::milliseconds window_{5'000};
  bool started_ = false;
  std::uint64_t total_ = 0;
  TimePoint at_{};
  double sum_ = 0;
  double weight_ = 0;  ///< of all readings so far, below 1: dividing by it corrects for the short history
};

}  // namespace prefork::master
