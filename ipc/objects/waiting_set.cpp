#include "ipc/objects/waiting_set.hpp"

#include <bit>

namespace prefork::ipc {

std::size_t WaitingSet::count() const noexcept {
  std::size_t sleepers = 0;
  for (const Word& word : words_) sleepers += static_cast<std::size_t>(std::popcount(word.load()));
  return sleepers;
}

bool WaitingSet::wake_one(const Bells& bells, std::size_t after) const noexcept {
  const std::size_t n = words_.size();
  const std::size_t first = n == 0 ? 0 : (after + 1) / 64 % n;
  // The first word is looked at twice: its upper part first, its lower part last.
  for (std::size_t i = 0; i <= n; ++i) {
    const std::size_t at = n == 0 ? 0 : (first + i) % n;
    std::uint64_t mask = ~std::uint64_t{0};
    if (i == 0) mask <<= (after + 1) % 64;
    if (n == 0) return false;
    for (std::uint64_t word = words_[at].load(); (word & mask) != 0;) {
      const auto index = static_cast<unsigned>(std::countr_zero(word & mask));
      const std::uint64_t chosen = std::uint64_t{1} << index;
      word = words_[at].fetch_and(~chosen);
      if ((word & chosen) != 0) {
        bells.ring(at * 64 + index);
        return true;
      }
      word &= ~chosen;
    }
  }
  return false;
}

void WaitingSet::wake_all(const Bells& bells) const noexcept {
  for (std::size_t at = 0; at < words_.size(); ++at) {
    if (words_[at].load() == 0) continue;
    for (std::uint64_t word = words_[at].exchange(0); word != 0; word &= word - 1) {
      bells.ring(at * 64 + static_cast<unsigned>(std::countr_zero(word)));
    }
  }
}

}  // namespace prefork::ipc
