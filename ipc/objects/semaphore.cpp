#include "ipc/objects/semaphore.hpp"

#include <stdexcept>
#include <string>

#include "ipc/posix/check.hpp"

namespace prefork::ipc {

void Semaphore::check(const Shape& shape) {
  if (shape.permits == 0 || shape.permits > kMaxPermits) {
    throw std::invalid_argument("permits is " + std::to_string(shape.permits) + ": take 1 to " +
                                std::to_string(kMaxPermits));
  }
}

std::size_t Semaphore::bytes(const Shape& shape, std::size_t slots) {
  return WaitingSet::bytes(slots) + (shape.permits * sizeof(Word) + 63) / 64 * 64;
}

Semaphore::Semaphore(void* memory, const Shape& shape, std::size_t slots, Party self) noexcept
    : permits_(shape.permits),
      waiting_(memory, slots),
      words_(reinterpret_cast<Word*>(static_cast<std::byte*>(memory) + WaitingSet::bytes(slots))),
      self_(self) {}

// Each worker begins at a word of its own, so that workers rarely meet.
std::optional<Semaphore::Permit> Semaphore::try_acquire() noexcept {
  const std::uint32_t first = self_.owner % permits_;
  for (std::uint32_t i = 0; i < permits_; ++i) {
    const std::uint32_t index = first + i < permits_ ? first + i : first + i - permits_;
    std::uint64_t word = words_[index].load();
    if ((word & kOwnerMask) != kNobody) continue;
    const std::uint64_t mine = ((word & ~kDied) + kOnce) | self_.owner;
    if (!words_[index].compare_exchange_strong(word, mine)) continue;
    if (waiting_.any() && value() > 0) waiting_.wake_one(*self_.bells, self_.owner);
    return Permit{index, mine, (word & kDied) != 0};
  }
  return std::nullopt;
}

std::optional<Semaphore::Permit> Semaphore::acquire(Sleeper& sleeper, std::uint64_t wait_until_ns) {
  std::optional<Permit> permit;
  wait_for(waiting_, self_, sleeper, wait_until_ns, [&] {
    permit = try_acquire();
    return permit.has_value();
  });
  return permit;
}

void Semaphore::release(const Permit& permit) noexcept {
  const std::uint64_t before = words_[permit.index].exchange(permit.word & ~kOwnerMask);
  PREFORK_CHECK(before == permit.word);
  if (waiting_.any()) waiting_.wake_one(*self_.bells, self_.owner);
}

std::uint32_t Semaphore::value() const noexcept {
  std::uint32_t free = 0;
  for (std::uint32_t i = 0; i < permits_; ++i) free += (words_[i].load() & kOwnerMask) == kNobody ? 1 : 0;
  return free;
}

std::size_t Semaphore::repair(Owner dead) noexcept {
  std::size_t freed = 0;
  for (std::uint32_t i = 0; i < permits_; ++i) {
    std::uint64_t word = words_[i].load();
    if ((word & kOwnerMask) != dead) continue;
    if (words_[i].compare_exchange_strong(word, (word & ~kOwnerMask) | kDied)) ++freed;
  }
  return freed;
}

std::vector<Hold> Semaphore::holds() const {
  std::vector<Hold> holds;
  for (std::uint32_t i = 0; i < permits_; ++i) {
    const std::uint64_t word = words_[i].load(std::memory_order_relaxed);
    const auto owner = static_cast<Owner>(word & kOwnerMask);
    if (owner != kNobody) holds.push_back({owner, i, word / kOnce});
  }
  return holds;
}

}  // namespace prefork::ipc
