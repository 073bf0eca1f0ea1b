#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace prefork::http {

/// How slow a client may be with a body in either direction: a pause may last as long as the time-out, and over time it
/// must keep a minimum rate (as with MinRate of Apache's mod_reqtimeout). The client starts with the time-out as its
/// budget: waiting for it reduces the budget, and what it moves adds to it, up to the time-out. Pure.
struct TransferPace {
  std::chrono::milliseconds timeout;
  std::uint64_t min_rate = 0;  ///< bytes per second, below 2^40; 0: any byte restores the whole time-out

  /// The time that is left after `bytes` have moved; never zero. A part of a millisecond counts as a whole one.
  /// @param left  before that; nullopt: nobody has waited for the client yet
  std::chrono::milliseconds after(std::optional<std::chrono::milliseconds> left, std::uint64_t bytes) const noexcept {
    if (min_rate == 0 || !left) return timeout;
    const auto most = static_cast<std::uint64_t>(timeout.count());
    const std::uint64_t earned = bytes / min_rate >= most / 1000 + 1 ? most : (bytes * 1000 + min_rate - 1) / min_rate;
    return std::clamp(*left + std::chrono::milliseconds(earned), std::chrono::milliseconds(1), timeout);
  }
};

}  // namespace prefork::http
