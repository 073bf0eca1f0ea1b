#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "ipc/memory/load_clock.hpp"

namespace prefork::master {

/// What one worker did between two looks at its slot. Pure. The worker's numbers are bounded here: a worker that writes
/// nonsense counts as busy all the time or not at all.
class LoadMeter {
 public:
  struct Share {
    double busy = 0;      ///< the fraction of the time since the last look in which it was busy: 0 to 1
    bool worked = false;  ///< it has accepted, answered or received something since then
  };

  /// @param done  a number that grows with everything that the worker does for clients
  /// @return the share since the last look; at the first look nothing
  Share look(const ipc::LoadReading& reading, std::uint64_t done, std::uint64_t now_ns) noexcept {
    Share share;
    if (looked_ns_ && now_ns > *looked_ns_) {
      const std::uint64_t elapsed = now_ns - *looked_ns_;
      std::uint64_t busy = (reading.busy_ns - busy_ns_) & (UINT64_MAX >> 1);
      if (busy > UINT64_MAX >> 2) busy = 0;  // less than before: it became busy after `now_ns`
      share = {static_cast<double>(std::min(busy, elapsed)) / static_cast<double>(elapsed), done != done_};
    }
    looked_ns_ = now_ns;
    busy_ns_ = reading.busy_ns;
    done_ = done;
    return share;
  }

 private:
  std::optional<std::uint64_t> looked_ns_;
  std::uint64_t busy_ns_ = 0;
  std::uint64_t done_ = 0;
};

}  // namespace prefork::master
