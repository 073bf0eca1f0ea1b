#include "ipc/objects/barrier.hpp"

#include <stdexcept>
#include <string>

// The steps have the same names as in tests/ipc/models/barrier_model.cpp.
namespace prefork::ipc {

namespace {

constexpr std::uint32_t kMostParties = 65534;

// A place: [generation:44 | phase:4 | owner:16]. A place's generation never goes back, so a claim made with a
// generation read long ago fails. 2^44 generations last half a year at a million a second. Place and generation are
// compared by their difference, so wrapping does not matter.
//
// Withdrawing goes through `leaving`, which is neither counted nor free to take. The epoch makes whoever has already
// counted the place count again, and only then may another take it. Places of generations that have passed stay as they
// are until somebody arrives for a later one: they hold nobody.
enum class Phase : std::uint64_t { vacant, arrived, leaving };

constexpr int kGenerationBits = 44;
constexpr std::uint64_t kGenerationMask = (std::uint64_t{1} << kGenerationBits) - 1;
/// The head word: [epoch:20 | generation:44]. The epoch is at the top, so that incrementing it is one addition that
/// cannot fail and touches nothing else.
constexpr std::uint64_t kOneEpoch = std::uint64_t{1} << kGenerationBits;

constexpr std::uint64_t place_of(std::uint64_t generation, Phase phase, Owner owner) noexcept {
  return generation << 20 | static_cast<std::uint64_t>(phase) << 16 | owner;
}
constexpr std::uint64_t generation_of(std::uint64_t place) noexcept { return place >> 20; }
constexpr Phase phase_of(std::uint64_t place) noexcept { return static_cast<Phase>(place >> 16 & 15); }
constexpr Owner owner_in(std::uint64_t place) noexcept { return static_cast<Owner>(place & 0xffff); }
/// How far a place is ahead of a generation: only the sign has a meaning.
constexpr std::int64_t ahead_of(std::uint64_t place, std::uint64_t generation) noexcept {
  return static_cast<std::int64_t>((place >> 20 << 20) - (generation << 20));
}
/// The next generation, with the same epoch.
constexpr std::uint64_t next_generation(std::uint64_t head) noexcept {
  return (head & ~kGenerationMask) | ((head + 1) & kGenerationMask);
}

}  // namespace

struct alignas(64) Barrier::Head {
  Word word;
};

void Barrier::check(const Shape& shape) {
  if (shape.parties >= 1 && shape.parties <= kMostParties) return;
  throw std::invalid_argument("parties is " + std::to_string(shape.parties) + ", which is not from 1 to " +
                              std::to_string(kMostParties));
}

std::size_t Barrier::bytes(const Shape& shape, std::size_t slots) {
  return sizeof(Head) + WaitingSet::bytes(slots) + (shape.parties * sizeof(Word) + 63) / 64 * 64;
}

// Zeroed places are vacant and of generation 0; the first generation is 1.
void Barrier::format(void* memory, const Shape&, std::size_t) { static_cast<Head*>(memory)->word.store(1); }

Barrier::Barrier(void* memory, const Shape& shape, std::size_t slots, Party self) noexcept
    : shape_(shape),
      self_(self),
      waiting_(static_cast<std::byte*>(memory) + sizeof(Head), slots),
      head_(static_cast<Head*>(memory)),
      places_(reinterpret_cast<Word*>(static_cast<std::byte*>(memory) + sizeof(Head) + WaitingSet::bytes(slots))) {}

std::optional<Barrier::Arrival> Barrier::arrive() const noexcept {
  const std::optional<Arrival> arrival = claim();
  if (arrival && complete(arrival->generation)) wake();
  return arrival;
}

std::optional<Barrier::Arrival> Barrier::claim() const noexcept {
  // Each party begins at a place of its own, which is usually free.
  const auto first = static_cast<std::uint32_t>(slot_of(self_.owner) % shape_.parties);
  for (;;) {
    // kReadGeneration
    const std::uint64_t now = generation();
    for (std::uint32_t i = 0; i < shape_.parties;) {
      const std::uint32_t index = (first + i) % shape_.parties;
      // kLookAtPlace
      std::uint64_t seen = places_[index].load();
      const std::int64_t ahead = ahead_of(seen, now);
      if (ahead > 0) break;  // the generation has moved on
      if (ahead == 0 && phase_of(seen) != Phase::vacant) {
        ++i;
        continue;
      }
      // kClaim; if it fails, look again. It succeeds only while the generation has not passed: no place that is vacant,
      // or of an earlier generation, was ever counted for it.
      if (places_[index].compare_exchange_strong(seen, place_of(now, Phase::arrived, self_.owner))) {
        return Arrival{now, index};
      }
    }
    if (generation() == now) return std::nullopt;
  }
}

// @return whether this call made it pass
bool Barrier::complete(std::uint64_t generation) const noexcept {
  for (;;) {
    // kReadEpoch comes before counting, so that a withdrawal since then makes the last step fail.
    std::uint64_t seen = head_->word.load();
    if ((seen & kGenerationMask) != generation) return false;
    // kCount
    for (std::uint32_t i = 0; i < shape_.parties; ++i) {
      const std::uint64_t place = places_[i].load();
      if (generation_of(place) != generation || phase_of(place) != Phase::arrived) return false;
    }
    // kComplete; if it fails, count again: the withdrawal may have been of an earlier generation.
    if (head_->word.compare_exchange_strong(seen, next_generation(seen))) return true;
  }
}

bool Barrier::passed(const Arrival& arrival) const noexcept {
  if (generation() != arrival.generation) return true;
  if (complete(arrival.generation)) wake();
  return generation() != arrival.generation;
}

bool Barrier::give_up(const Arrival& arrival) const noexcept {
  if (!withdraw(arrival.index, arrival.generation, self_.owner)) return false;
  wake();  // somebody may be waiting for a place
  return true;
}

// @return false: the generation has passed, and the place counted
bool Barrier::withdraw(std::uint32_t index, std::uint64_t generation, Owner owner) const noexcept {
  Word& place = places_[index];
  const std::uint64_t leaving = place_of(generation, Phase::leaving, owner);
  // kLeave. A repair may find this step done already.
  std::uint64_t seen = place_of(generation, Phase::arrived, owner);
  if (!place.compare_exchange_strong(seen, leaving) && seen != leaving) return false;
  // kBump
  if ((head_->word.fetch_add(kOneEpoch) & kGenerationMask) != generation) return false;
  // kFree. It cannot fail: the generation cannot pass without this place, so nobody takes it for a later one.
  seen = leaving;
  place.compare_exchange_strong(seen, place_of(generation, Phase::vacant, kNobody));
  return true;
}

void Barrier::wake() const noexcept {
  if (self_.bells != nullptr && waiting_.any()) waiting_.wake_all(*self_.bells);
}

std::size_t Barrier::repair(Owner dead) const noexcept {
  std::size_t freed = 0;
  for (std::uint32_t i = 0; i < shape_.parties; ++i) {
    const std::uint64_t seen = places_[i].load();
    if (phase_of(seen) == Phase::vacant || owner_in(seen) != dead || generation_of(seen) != generation()) continue;
    if (withdraw(i, generation_of(seen), dead)) ++freed;
  }
  return freed;
}

std::size_t Barrier::arrived() const noexcept {
  const std::uint64_t now = generation();
  std::size_t arrived = 0;
  for (std::uint32_t i = 0; i < shape_.parties; ++i) {
    const std::uint64_t place = places_[i].load(std::memory_order_relaxed);
    arrived += generation_of(place) == now && phase_of(place) == Phase::arrived ? 1 : 0;
  }
  return arrived;
}

std::uint64_t Barrier::generation() const noexcept { return head_->word.load() & kGenerationMask; }

}  // namespace prefork::ipc
