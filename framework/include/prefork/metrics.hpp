#pragma once

#include <atomic>
#include <cstdint>

#include <prefork/api.hpp>

namespace prefork {

/// A number that only grows, summed over all workers, including dead ones: `Manifest::counter`, `Context::counter`.
/// add() is a plain addition in this worker's own memory.
class PREFORK_API Counter {
 public:
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  void add(std::uint64_t n = 1) noexcept {
    cell_->store(cell_->load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  /// Summed over all workers.
  std::uint64_t value() const noexcept;

 protected:
  explicit Counter(std::atomic<std::uint64_t>* cell) noexcept : cell_(cell) {}
  ~Counter() = default;

 private:
  std::atomic<std::uint64_t>* cell_;
};

/// A number that goes up and down, summed over the living workers: a dead worker's share is dropped.
class PREFORK_API Gauge {
 public:
  Gauge(const Gauge&) = delete;
  Gauge& operator=(const Gauge&) = delete;

  /// This worker's share.
  void set(std::int64_t value) noexcept { cell_->store(static_cast<std::uint64_t>(value), std::memory_order_relaxed); }
  void add(std::int64_t n = 1) noexcept {
    cell_->store(cell_->load(std::memory_order_relaxed) + static_cast<std::uint64_t>(n), std::memory_order_relaxed);
  }
  void sub(std::int64_t n = 1) noexcept { add(-n); }
  /// Summed over all workers.
  std::int64_t value() const noexcept;

 protected:
  explicit Gauge(std::atomic<std::uint64_t>* cell) noexcept : cell_(cell) {}
  ~Gauge() = default;

 private:
  std::atomic<std::uint64_t>* cell_;
};

/// How often each value occurred, in buckets of a quarter of a power of two, over all workers, including dead ones: for
/// latencies in any unit.
class PREFORK_API Histogram {
 public:
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;

  void record(std::uint64_t value) noexcept;
  std::uint64_t count() const noexcept;
  std::uint64_t sum() const noexcept;
  /// The upper bound of the bucket below which the fraction `q` (0 to 1) of all values lies; 0 if there are none.
  std::uint64_t quantile(double q) const noexcept;

 protected:
  Histogram() = default;
  ~Histogram() = default;
};

}  // namespace prefork
