#include "ipc/objects/table_lock.hpp"

#include <sched.h>
#include <time.h>

#include <algorithm>

#include "ipc/objects/sleeper.hpp"

namespace prefork::ipc {

namespace {

constexpr unsigned kSpins = 64;
constexpr unsigned kYields = 16;
constexpr std::uint64_t kFirstNapNs = 50'000;
constexpr std::uint64_t kLongestNapNs = 1'000'000;

void nap(std::uint64_t ns) noexcept {
  const timespec time{.tv_sec = 0, .tv_nsec = static_cast<long>(ns)};
  ::nanosleep(&time, nullptr);
}

}  // namespace

// Nobody else changes a word while its holder lives.
TableLock::~TableLock() {
  if (word_ != nullptr) word_->store(held_ & ~std::uint64_t{0xffff}, std::memory_order_release);
}

TableLock TableLock::try_acquire(Word& word, Owner self) noexcept {
  std::uint64_t seen = word.load(std::memory_order_relaxed);
  if (owner(seen) != kNobody) return {};
  const std::uint64_t mine = ((claims(seen) + 1) << 16) | self;
  if (!word.compare_exchange_strong(seen, mine, std::memory_order_acq_rel, std::memory_order_relaxed)) return {};
  return {word, mine};
}

TableLock TableLock::acquire(Word& word, Owner self, std::uint64_t patience_ns) {
  for (unsigned i = 0; i < kSpins; ++i) {
    if (TableLock lock = try_acquire(word, self)) return lock;
    SpinBudget::pause();
  }
  for (unsigned i = 0; i < kYields; ++i) {
    if (TableLock lock = try_acquire(word, self)) return lock;
    ::sched_yield();
  }
  const std::uint64_t begun = sleeper_clock_ns();
  for (std::uint64_t nap_ns = kFirstNapNs;; nap_ns = std::min(nap_ns * 2, kLongestNapNs)) {
    if (TableLock lock = try_acquire(word, self)) return lock;
    if (sleeper_clock_ns() - begun >= patience_ns) return {};
    nap(nap_ns);
  }
}

bool TableLock::repair(Word& word, Owner dead) noexcept {
  std::uint64_t seen = word.load();
  return owner(seen) == dead && word.compare_exchange_strong(seen, seen & ~std::uint64_t{0xffff});
}

}  // namespace prefork::ipc
