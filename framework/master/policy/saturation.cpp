#include "framework/master/policy/saturation.hpp"

#include <algorithm>

namespace prefork::master {

Saturation::News Saturation::look(const FullnessLook& seen, TimePoint now) noexcept {
  waiting_ = seen.waiting;
  if (!seen.saturated()) {
    full_since_.reset();
    if (!episode_ || now - last_full_ < kEndsAfter) return News::none;
    episode_.reset();
    return News::ended;
  }
  last_full_ = now;
  if (!full_since_) full_since_ = now;
  if (episode_) {
    most_waiting_ = std::max(most_waiting_, waiting_);
    return News::none;
  }
  if (now - *full_since_ < kBeginsAfter) return News::none;
  begun_ = *full_since_;
  episode_ = begun_;
  most_waiting_ = waiting_;
  return News::begun;
}

std::chrono::milliseconds Saturation::episode_length() const noexcept {
  return std::chrono::floor<std::chrono::milliseconds>(last_full_ - begun_);
}

}  // namespace prefork::master
