#include "ipc/objects/metrics.hpp"

#include <algorithm>
#include <cmath>

namespace prefork::ipc {

namespace {

std::uint64_t saturating(std::uint64_t a, std::uint64_t b) noexcept { return b > UINT64_MAX - a ? UINT64_MAX : a + b; }

}  // namespace

std::uint64_t MetricBlocks::total(std::size_t word) const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < blocks_; ++i) sum = saturating(sum, block(i)[word].load(std::memory_order_relaxed));
  return sum;
}

std::int64_t SharedGauge::value() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < blocks_; ++i) sum += block(i)->load(std::memory_order_relaxed);
  return static_cast<std::int64_t>(sum);
}

std::size_t SharedGauge::repair(Owner dead) const noexcept {
  const std::size_t slot = slot_of(dead);
  if (slot >= blocks_ - 1) return 0;
  return block(slot)->exchange(0, std::memory_order_relaxed) != 0 ? 1 : 0;
}

std::uint64_t HistogramValues::quantile(double q) const noexcept {
  if (count == 0) return 0;
  const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count));
  std::uint64_t seen = 0;
  std::uint64_t bound = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (buckets[i] == 0) continue;
    bound = histogram_bound(i);
    seen = saturating(seen, buckets[i]);
    if (static_cast<double>(seen) >= wanted) break;
  }
  return bound;
}

ResponseCounts SharedResponses::counts() const noexcept {
  ResponseCounts counts;
  for (std::size_t i = 0; i < counts.by_class.size(); ++i) counts.by_class[i] = total(i);
  counts.shed = total(kShed);
  return counts;
}

HistogramValues SharedHistogram::values() const noexcept {
  HistogramValues values;
  for (std::size_t i = 0; i < kHistogramBuckets; ++i) {
    values.buckets[i] = total(i);
    values.count = saturating(values.count, values.buckets[i]);
  }
  values.sum = total(kSum);
  return values;
}

}  // namespace prefork::ipc
