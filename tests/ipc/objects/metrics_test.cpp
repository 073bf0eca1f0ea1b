#include "ipc/objects/metrics.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace prefork::ipc {
namespace {

constexpr std::size_t kSlots = 4;

// A metric in zeroed memory, and views of it.
template <class Metric>
class Shared {
 public:
  Shared() : lines_(Metric::bytes({}, kSlots) / sizeof(Line)) { Metric::format(lines_.data(), {}, kSlots); }
  Metric of(Owner owner) { return Metric(lines_.data(), {}, kSlots, Party{owner, nullptr}); }

 private:
  struct alignas(64) Line {
    std::atomic<std::uint64_t> words[8] = {};
  };
  std::vector<Line> lines_;
};

TEST(SharedCounter, AddsUpOverAllSlots) {
  Shared<SharedCounter> shared;
  shared.of(owner_of(0)).add();
  shared.of(owner_of(3)).add(41);
  shared.of(kMasterOwner).add(100);
  EXPECT_EQ(shared.of(owner_of(1)).value(), 142U);
}

// Goal: the answers of all workers are counted by class, whatever the status, and the counts stay when a worker dies.
TEST(SharedResponses, AddUpByClassOverAllSlots) {
  std::vector<std::uint64_t> memory(SharedCounter::bytes({}, kSlots) / sizeof(std::uint64_t));
  const auto of = [&](Owner owner) { return SharedResponses(memory.data(), kSlots, Party{owner, nullptr}); };
  for (const unsigned status : {100U, 101U, 199U, 200U, 404U, 499U, 500U, 599U, 600U, 999U, 99U, 0U}) {
    of(owner_of(0)).answered(status);
  }
  of(owner_of(3)).answered(200);
  of(owner_of(3)).shed();
  of(owner_of(1)).shed();
  const ResponseCounts counts = of(kMasterOwner).counts();
  EXPECT_EQ(counts.by_class, (std::array<std::uint64_t, 5>{3, 2, 0, 2, 6}));
  EXPECT_EQ(counts.shed, 2U);
  memory.back() = UINT64_MAX;  // what a worker wrote where nothing belongs
  memory[1] = UINT64_MAX;      // and where something is
  EXPECT_EQ(of(kMasterOwner).counts().by_class, (std::array<std::uint64_t, 5>{3, UINT64_MAX, 0, 2, 6}))
      << "a total never goes back";
}

TEST(SharedCounter, NeverGoesBackWhileSlotsAreReused) {
  Shared<SharedCounter> shared;
  std::atomic<bool> stop = false;
  std::atomic<int> backwards = 0;
  std::thread reader([&] {
    const SharedCounter counter = shared.of(kMasterOwner);
    for (std::uint64_t last = 0; !stop;) {
      const std::uint64_t now = counter.value();
      if (now < last) ++backwards;
      last = now;
    }
  });
  for (int life = 0; life < 50; ++life) {
    std::vector<std::thread> workers;
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      workers.emplace_back([&shared, slot] {
        const SharedCounter counter = shared.of(owner_of(slot));
        for (int i = 0; i < 200; ++i) counter.add(2);
      });
    }
    for (std::thread& worker : workers) worker.join();
    for (std::size_t slot = 0; slot < kSlots; ++slot) shared.of(kMasterOwner).repair(owner_of(slot));
  }
  stop = true;
  reader.join();
  EXPECT_EQ(backwards, 0);
  EXPECT_EQ(shared.of(kMasterOwner).value(), 50U * kSlots * 200 * 2);
}

TEST(SharedCounter, StopsAtTheGreatestNumber) {
  Shared<SharedCounter> shared;
  shared.of(owner_of(0)).add(UINT64_MAX - 1);
  shared.of(owner_of(1)).add(UINT64_MAX - 1);
  EXPECT_EQ(shared.of(owner_of(0)).value(), UINT64_MAX);
}

TEST(SharedGauge, IsTheSumOfTheLiving) {
  Shared<SharedGauge> shared;
  shared.of(owner_of(0)).set(10);
  shared.of(owner_of(1)).add(5);
  shared.of(owner_of(1)).sub(7);
  shared.of(owner_of(2)).sub(20);
  EXPECT_EQ(shared.of(kMasterOwner).value(), 10 - 2 - 20);
  EXPECT_EQ(shared.of(kMasterOwner).repair(owner_of(2)), 1U);
  EXPECT_EQ(shared.of(kMasterOwner).repair(owner_of(2)), 0U);
  EXPECT_EQ(shared.of(kMasterOwner).value(), 8);
  shared.of(kMasterOwner).add(1);
  EXPECT_EQ(shared.of(kMasterOwner).repair(kMasterOwner), 0U);
  EXPECT_EQ(shared.of(kMasterOwner).repair(kNobody), 0U);
  EXPECT_EQ(shared.of(kMasterOwner).value(), 9);
}

TEST(HistogramBuckets, HaveNoGaps) {
  EXPECT_EQ(histogram_bucket(0), 0U);
  EXPECT_EQ(histogram_bucket(7), 7U);
  EXPECT_EQ(histogram_bucket(8), 8U);
  EXPECT_EQ(histogram_bucket(9), 8U);
  EXPECT_EQ(histogram_bucket(UINT64_MAX), kHistogramBuckets - 1);
  EXPECT_EQ(histogram_bound(kHistogramBuckets - 1), UINT64_MAX);
  for (std::size_t i = 0; i + 1 < kHistogramBuckets; ++i) {
    const std::uint64_t bound = histogram_bound(i);
    ASSERT_EQ(histogram_bucket(bound), i);
    ASSERT_EQ(histogram_bucket(bound + 1), i + 1);
  }
}

TEST(SharedHistogram, TellsQuantiles) {
  Shared<SharedHistogram> shared;
  EXPECT_EQ(shared.of(owner_of(0)).quantile(0.5), 0U);
  for (std::uint64_t value = 1; value <= 1000; ++value) shared.of(owner_of(value % kSlots)).record(value);
  const SharedHistogram histogram = shared.of(kMasterOwner);
  EXPECT_EQ(histogram.count(), 1000U);
  EXPECT_EQ(histogram.sum(), 500'500U);
  for (const double q : {0.1, 0.5, 0.9, 0.99, 1.0}) {
    const double exact = q * 1000;
    EXPECT_GE(static_cast<double>(histogram.quantile(q)), exact) << q;
    EXPECT_LE(static_cast<double>(histogram.quantile(q)), exact * 1.25) << q;
  }
  EXPECT_EQ(histogram.quantile(0), 1U);
  EXPECT_EQ(histogram.repair(owner_of(1)), 0U);
  EXPECT_EQ(histogram.count(), 1000U);
  const HistogramValues values = histogram.values();
  EXPECT_EQ(values.buckets[1], 1U);
  EXPECT_EQ(values.quantile(2), histogram.quantile(1));
}

}  // namespace
}  // namespace prefork::ipc
