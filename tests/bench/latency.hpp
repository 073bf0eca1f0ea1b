#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace prefork::bench {

/// Times in nanoseconds, kept in buckets whose width is at most 1/64 of their value: quantiles are that exact, and the
/// memory does not grow with the load.
class Latency {
 public:
  void add(std::uint64_t ns) noexcept {
    ++buckets_[bucket_of(ns)];
    ++count_;
    max_ = std::max(max_, ns);
  }

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t max() const noexcept { return max_; }
  /// The upper end of the bucket in which the fraction `part` (0 to 1) of the times lies; 0 if there are none.
  std::uint64_t quantile(double part) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(part * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      seen += buckets_[i];
      if (seen > wanted) return std::min(upper_end(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned kBits = 6;
  static constexpr std::size_t kBuckets = (64 - kBits + 1) << kBits;

  static std::size_t bucket_of(std::uint64_t ns) noexcept {
    if (ns < (1U << kBits)) return ns;
    const auto shift = static_cast<unsigned>(std::bit_width(ns)) - kBits - 1;
    return ((shift + 1) << kBits) + ((ns >> shift) - (1U << kBits));
  }
  static std::uint64_t upper_end(std::size_t bucket) noexcept {
    if (bucket < (1U << kBits)) return bucket;
    const std::size_t shift = (bucket >> kBits) - 1;
    return (((bucket & ((1U << kBits) - 1)) + (1U << kBits) + 1) << shift) - 1;
  }

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace prefork::bench
