#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "framework/master/loop/clock.hpp"

/// How many workers a pool of MIN..MAX shall have. Pure: samples and time are handed in.
namespace prefork::master {

struct ScaleRule {
  unsigned least = 1;
  unsigned most = 1;
  unsigned spare = 0;      ///< beyond what the load asks for, while there is any
  double busyness = 0.75;  ///< the part of their time that workers shall be busy at most; above 0
  std::chrono::milliseconds idle_after{30'000};
};

/// What a pool did since the sample before.
struct LoadSample {
  unsigned ready = 0;         ///< workers that serve
  double busy = 0;            ///< how many of them were busy, on an average: from 0 to `ready`
  double occupied = 0;        ///< how many workers its connections fill, where their number is limited
  std::uint64_t waiting = 0;  ///< what the kernel's queues hold for it: connections, datagrams
  bool in_use = false;        ///< clients wait, are being served, or have been since
};

/// A pool grows at once and shrinks late. It grows to the number of workers that the load of the last second would keep
/// busy for `busyness` of their time, and that its connections fill; if no worker has time or room and clients wait, by
/// as many as wait, at most to twice its size. It shrinks to the most that was wanted at any time within `idle_after`,
/// or was busy at a time: what comes back within that time finds its workers.
class Scaler {
 public:
  /// @param workers  that the pool has; it keeps them for `idle_after` at least
  Scaler(const ScaleRule& rule, unsigned workers, TimePoint now);

  /// Takes a sample, some four times a second. @return from `least` to `most`: more than before are to be started now;
  /// fewer: so many may go, as they are idle.
  unsigned wanted(const LoadSample& sample, TimePoint now);
  /// The pool is to have so many for `idle_after` from now on at least: it was given another size, or a client came.
  void keep(unsigned workers, TimePoint now);

  const ScaleRule& rule() const noexcept { return rule_; }
  /// What part of their time the workers were busy in the last second, 0 to 1.
  double busyness() const noexcept { return busyness_; }

 private:
  static constexpr std::size_t kSamples = 4;  ///< a second

  struct Peak {
    TimePoint last;  ///< when it was wanted
    unsigned workers;
  };

  double smoothed(double busy) noexcept;
  unsigned asked_for(const LoadSample& sample);

  ScaleRule rule_;
  std::array<double, kSamples> busy_{};
  std::size_t samples_ = 0;
  double busyness_ = 0;
  std::deque<Peak> peaks_;  ///< of the last `idle_after`, later and lower ones behind: never more than `most`
};

}  // namespace prefork::master
