#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "framework/master/loop/clock.hpp"

namespace prefork::master {

/// Limits how often a repeated failure is logged: the first time at once, then at growing intervals, with the number of
/// times. Pure: time is an argument.
class RepeatedFailure {
 public:
  static constexpr std::chrono::seconds kFirstInterval{1};
  static constexpr std::chrono::seconds kLongestInterval{300};

  /// @return what to append to the message (" (25 times since this was told)", usually nothing); nullopt: log nothing
  std::optional<std::string> failed(TimePoint now, const std::string& why);
  /// @return how many times in a row it had failed; zero: it had not
  unsigned worked() noexcept;

 private:
  std::string why_;
  unsigned times_ = 0;  ///< in a row
  unsigned untold_ = 0;
  std::chrono::milliseconds interval_{0};
  TimePoint tell_at_{};
};

}  // namespace prefork::master
