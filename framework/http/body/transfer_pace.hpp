#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace prefork::http {

/// How slow a client may be with a body, either way: a pause may last as long as the time-out, and over time a minimum
/// rate must be kept (as with MinRate of Apache's mod_reqtimeout). The client begins with the time-out; what it is
/// waited for is taken off, what it moves is given back, never beyond the time-out. Pure.
struct TransferPace {
  std::chrono::milliseconds timeout;
  std::uint64_t min_rate = 0;  ///< bytes per second, below 2^40; 0: any byte gives back all of the time-out

  /// The time that is left after `bytes` have moved; never zero. Parts of a millisecond count as one.
  /// @param left  before that; nullopt: the client has not been waited for
  std::chrono::milliseconds after(std::optional<std::chrono::milliseconds> left, std::uint64_t bytes) const noexcept {
    if (min_rate == 0 || !left) return timeout;
    const auto most = static_cast<std::uint64_t>(timeout.count());
    const std::uint64_t earned = bytes / min_rate >= most / 1000 + 1 ? most : (bytes * 1000 + min_rate - 1) / min_rate;
    return std::clamp(*left + std::chrono::milliseconds(earned), std::chrono::milliseconds(1), timeout);
  }
};

}  // namespace prefork::http
