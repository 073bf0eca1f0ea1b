#include "framework/master/policy/repeated_failure.hpp"

#include <algorithm>
#include <utility>

namespace prefork::master {

std::optional<std::string> RepeatedFailure::failed(TimePoint now, const std::string& why) {
  ++times_;
  const bool is_new = why != why_;
  if (!is_new && now < tell_at_) {
    ++untold_;
    return std::nullopt;
  }
  why_ = why;
  interval_ = is_new ? kFirstInterval : std::min<std::chrono::milliseconds>(2 * interval_, kLongestInterval);
  tell_at_ = now + interval_;
  const unsigned untold = std::exchange(untold_, 0);
  return untold == 0 ? "" : " (and " + std::to_string(untold) + " times since this was told)";
}

unsigned RepeatedFailure::worked() noexcept {
  const unsigned times = std::exchange(times_, 0);
  why_.clear();
  untold_ = 0;
  return times;
}

}  // namespace prefork::master
