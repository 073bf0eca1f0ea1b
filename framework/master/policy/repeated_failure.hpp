#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "framework/master/loop/clock.hpp"

namespace prefork::master {

/// Something that fails again and again, each time for the log to tell: it is told at once, and then at growing
/// intervals, with how often it was. Pure: time is an argument.
class RepeatedFailure {
 public:
  static constexpr std::chrono::seconds kFirstInterval{1};
  static constexpr std::chrono::seconds kLongestInterval{300};

  /// @return what to add to the sentence (" (25 times since this was told)", mostly nothing); nullopt: it is not told
  std::optional<std::string> failed(TimePoint now, const std::string& why);
  /// @return how often it had failed in a row; zero: it had not
  unsigned worked() noexcept;

 private:
  std::string why_;
  unsigned times_ = 0;  ///< in a row
  unsigned untold_ = 0;
  std::chrono::milliseconds interval_{0};
  TimePoint tell_at_{};
};

}  // namespace prefork::master
