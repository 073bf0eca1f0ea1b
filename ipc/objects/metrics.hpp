#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "ipc/objects/party.hpp"

/// Numbers that each worker writes for itself and anyone adds up: a block of whole cache lines per slot, and one more
/// for a process that is no worker. A block has one writer, a thread of its worker, so adding is a load and a store
/// without a lock. The words are independent of each other; loads and stores are relaxed.
///
/// The blocks of counters and histograms are not cleared when their worker dies. The next worker of the slot continues
/// from the values that it finds, so that totals never go back and nothing is counted twice.
namespace prefork::ipc {

/// What the three kinds have in common: a shape without fields, and a block of words per slot. They are views.
class MetricBlocks {
 public:
  using Word = std::atomic<std::uint64_t>;
  struct Shape {};
  static void check(const Shape&) {}
  /// The word that this process adds to; for a histogram, its first word.
  Word& own() const noexcept { return *own_; }

 protected:
  MetricBlocks(void* memory, std::size_t words, std::size_t slots, Owner self) noexcept
      : words_(words), blocks_(slots + 1), all_(static_cast<Word*>(memory)), own_(block(slot_of(self))) {}

  static void add(Word& word, std::uint64_t n) noexcept {
    word.store(word.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  /// Adds up all blocks. Stops at the greatest number: a worker that wrote nonsense must not make a total go back.
  std::uint64_t total(std::size_t word) const noexcept;
  Word* block(std::size_t slot) const noexcept { return all_ + (slot < blocks_ ? slot : blocks_ - 1) * words_; }

  std::size_t words_;  // per block
  std::size_t blocks_;
  Word* all_;
  Word* own_;
};

/// Only goes up.
class SharedCounter : public MetricBlocks {
 public:
  static std::size_t bytes(const Shape&, std::size_t slots) noexcept { return (slots + 1) * kWords * sizeof(Word); }
  static void format(void*, const Shape&, std::size_t) noexcept {}
  SharedCounter(void* memory, const Shape&, std::size_t slots, Party self) noexcept
      : MetricBlocks(memory, kWords, slots, self.owner) {}

  void add(std::uint64_t n = 1) const noexcept { MetricBlocks::add(*own_, n); }
  std::uint64_t value() const noexcept { return total(0); }
  /// A dead worker leaves nothing to repair.
  std::size_t repair(Owner) const noexcept { return 0; }

 private:
  friend class SharedResponses;
  static constexpr std::size_t kWords = 8;
};

/// The sum of what the living workers have set; a worker's part is dropped at its death.
class SharedGauge : public MetricBlocks {
 public:
  static std::size_t bytes(const Shape&, std::size_t slots) noexcept { return (slots + 1) * kWords * sizeof(Word); }
  static void format(void*, const Shape&, std::size_t) noexcept {}
  SharedGauge(void* memory, const Shape&, std::size_t slots, Party self) noexcept
      : MetricBlocks(memory, kWords, slots, self.owner) {}

  /// Sets this worker's part.
  void set(std::int64_t value) const noexcept {
    own_->store(static_cast<std::uint64_t>(value), std::memory_order_relaxed);
  }
  void add(std::int64_t n = 1) const noexcept { MetricBlocks::add(*own_, static_cast<std::uint64_t>(n)); }
  void sub(std::int64_t n = 1) const noexcept { MetricBlocks::add(*own_, -static_cast<std::uint64_t>(n)); }
  std::int64_t value() const noexcept;
  /// Process: master. @return 1 if the dead worker had a part, else 0
  std::size_t repair(Owner dead) const noexcept;

 private:
  static constexpr std::size_t kWords = 8;
};

/// A copy of how an HTTP service has answered.
struct ResponseCounts {
  static constexpr std::size_t kClasses = 5;
  std::array<std::uint64_t, kClasses> by_class{};  ///< 1xx to 5xx
  std::uint64_t shed = 0;  ///< requests shed because they had waited too long; the 5xx include them
};

/// How an HTTP service answers. It uses a counter's memory: a block's cache line has room for all its numbers.
class SharedResponses : public MetricBlocks {
 public:
  /// @param memory  that of a SharedCounter
  SharedResponses(void* memory, std::size_t slots, Party self) noexcept
      : MetricBlocks(memory, kWords, slots, self.owner) {}

  /// A status outside all classes counts as a server error, as clients take it (RFC 9110 15).
  void answered(unsigned status) const noexcept {
    const unsigned place = status / 100 - 1;
    add(own_[place < ResponseCounts::kClasses ? place : ResponseCounts::kClasses - 1], 1);
  }
  void shed() const noexcept { add(own_[kShed], 1); }
  ResponseCounts counts() const noexcept;

 private:
  static constexpr std::size_t kWords = SharedCounter::kWords;
  static constexpr std::size_t kShed = ResponseCounts::kClasses;
  static_assert(kShed < kWords);
};

/// A histogram's buckets: each power of two is split into four parts of the same width, so that a bound is at most a
/// fourth above any value of its bucket. Values below 8 have a bucket each.
constexpr std::size_t kHistogramBuckets = 252;

constexpr std::size_t histogram_bucket(std::uint64_t value) noexcept {
  if (value < 4) return static_cast<std::size_t>(value);
  const unsigned power = static_cast<unsigned>(std::bit_width(value)) - 1;
  return (power - 1) * std::size_t{4} + (value >> (power - 2) & 3);
}
/// The greatest value of a bucket.
constexpr std::uint64_t histogram_bound(std::size_t bucket) noexcept {
  if (bucket < 4) return bucket;
  const std::size_t shift = bucket / 4 - 1;
  return (std::uint64_t{4 + bucket % 4} << shift) + ((std::uint64_t{1} << shift) - 1);
}

/// A copy of a histogram.
struct HistogramValues {
  std::array<std::uint64_t, kHistogramBuckets> buckets{};
  std::uint64_t count = 0;  ///< in all buckets
  std::uint64_t sum = 0;    ///< of all values

  /// The bound of the bucket in which the fraction `q` (0 to 1) of all values is reached; 0 if there are no values.
  std::uint64_t quantile(double q) const noexcept;
};

/// How often each value was recorded, in nanoseconds or any other unit.
class SharedHistogram : public MetricBlocks {
 public:
  static std::size_t bytes(const Shape&, std::size_t slots) noexcept { return (slots + 1) * kWords * sizeof(Word); }
  static void format(void*, const Shape&, std::size_t) noexcept {}
  SharedHistogram(void* memory, const Shape&, std::size_t slots, Party self) noexcept
      : MetricBlocks(memory, kWords, slots, self.owner) {}

  /// @param times  how often the value occurred
  void record(std::uint64_t value, std::uint64_t times = 1) const noexcept {
    add(own_[kSum], value * times);
    add(own_[histogram_bucket(value)], times);
  }
  HistogramValues values() const noexcept;
  std::uint64_t count() const noexcept { return values().count; }
  std::uint64_t sum() const noexcept { return total(kSum); }
  std::uint64_t quantile(double q) const noexcept { return values().quantile(q); }
  /// A dead worker leaves nothing to repair.
  std::size_t repair(Owner) const noexcept { return 0; }

 private:
  static constexpr std::size_t kSum = kHistogramBuckets;
  static constexpr std::size_t kWords = 256;
};

}  // namespace prefork::ipc
