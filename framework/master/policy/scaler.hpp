#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "framework/master/loop/clock.hpp"

/// How many workers a pool of MIN..MAX should have. Pure: samples and time are passed in.
namespace prefork::master {

struct ScaleRule {
  unsigned least = 1;
  unsigned most = 1;
  unsigned spare = 0;      ///< kept beyond what the load needs, while there is any load
  double busyness = 0.75;  ///< the greatest fraction of their time that workers should be busy; above 0
  std::chrono::milliseconds idle_after{30'000};
};

/// What a pool did since the previous sample.
struct LoadSample {
  unsigned ready = 0;         ///< workers that serve
  double busy = 0;            ///< how many of them were busy on average: from 0 to `ready`
  double occupied = 0;        ///< how many workers its connections fill, if their number is limited
  std::uint64_t waiting = 0;  ///< what waits for it in the kernel's queues: connections, datagrams
  bool in_use = false;        ///< clients wait, are being served, or have been since then
};

/// A pool grows at once and shrinks late. It grows to the number of workers that the load of the last second would keep
/// busy for `busyness` of their time, and that its connections fill. If no worker has time or room and clients wait, it
/// grows by as many as wait, at most to twice its size. It shrinks to the most that was wanted, or was busy at the same
/// time, within `idle_after`: load that returns within that time finds its workers.
class Scaler {
 public:
  /// @param workers  that the pool has; it keeps them for at least `idle_after`
  Scaler(const ScaleRule& rule, unsigned workers, TimePoint now);

  /// Takes a sample, about four times a second. @return from `least` to `most`: if more than before, workers must be
  /// started now; if fewer, that many idle workers may leave
  unsigned wanted(const LoadSample& sample, TimePoint now);
  /// Makes the pool keep this many for at least `idle_after` from now: it was given another size, or a client came.
  void keep(unsigned workers, TimePoint now);

  const ScaleRule& rule() const noexcept { return rule_; }
  /// The fraction of the last second in which the workers were busy, 0 to 1.
  double busyness() const noexcept { return busyness_; }

 private:
  static constexpr std::size_t kSamples = 4;  ///< per second

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
  std::deque<Peak> peaks_;  ///< of the last `idle_after`; later and lower ones are behind; never more than `most` of
                            ///< them
};

}  // namespace prefork::master
