#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace prefork::ipc {

/// Who holds something in shared memory: a worker (its slot in the scoreboard plus one) or the master.
using Owner = std::uint16_t;
constexpr Owner kNobody = 0;
constexpr Owner kMasterOwner = 65535;
/// How many slots an Owner can name.
constexpr std::size_t kMaxOwnerSlots = 65534;

constexpr Owner owner_of(std::size_t slot) noexcept { return static_cast<Owner>(slot + 1); }
/// `owner` must be a worker.
constexpr std::size_t slot_of(Owner owner) noexcept { return owner - std::size_t{1}; }

/// The bells of all slots, as whoever rings them has them: the ringing end of each. Empty: nobody is woken, and
/// sleepers look again by themselves.
class Bells {
 public:
  Bells() = default;
  /// The descriptors stay the caller's and must outlive this object.
  explicit Bells(std::vector<int> fds) : fds_(std::move(fds)) {}

  std::size_t slots() const noexcept { return fds_.size(); }
  /// Wakes the worker of a slot; a slot out of range is ignored. Blocks: never.
  void ring(std::size_t slot) const noexcept;

 private:
  std::vector<int> fds_;
};

/// A process as the shared objects know it: who it is, and how it wakes others.
struct Party {
  Owner owner = kNobody;
  const Bells* bells = nullptr;
};

/// One word that somebody holds. `token` differs from one holding to the next: whoever reads the same pair twice knows
/// that the word was held all the time.
struct Hold {
  Owner owner;
  std::uint32_t index;
  std::uint64_t token;
};

}  // namespace prefork::ipc
