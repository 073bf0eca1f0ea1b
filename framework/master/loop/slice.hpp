#pragma once

#include <chrono>
#include <cstddef>

namespace prefork::master {

/// The part of a turn of the master's loop that one kind of long work may take: the rest is left to the next turn.
/// However short the slice, one piece is done in it. With three kinds of long work a turn stays well below 20 ms.
class Slice {
 public:
  static constexpr std::chrono::milliseconds kLength{4};
  /// How many places of a shared object are looked at between two looks at the clock: a fraction of a millisecond.
  static constexpr std::size_t kSpots = 1024;

  explicit Slice(std::chrono::milliseconds length = kLength) : end_(std::chrono::steady_clock::now() + length) {}
  bool over() const { return std::chrono::steady_clock::now() >= end_; }

 private:
  std::chrono::steady_clock::time_point end_;
};

}  // namespace prefork::master
