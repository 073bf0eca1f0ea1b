#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ipc/objects/sleeper.hpp"
#include "ipc/objects/waiting_set.hpp"

namespace prefork::ipc {

/// Permits in shared memory, each a word that names its holder: [times taken:47 | owner died:1 | owner:16]. A mutex is
/// a semaphore with one permit. A view: each process attaches its own. Not fair: the first to come when a permit is
/// free gets it. The steps match tests/ipc/models/semaphore_model.cpp.
class Semaphore {
 public:
  struct Shape {
    std::uint32_t permits = 0;
  };
  static constexpr std::uint32_t kMaxPermits = 65536;

  struct Permit {
    std::uint32_t index;
    std::uint64_t word;  ///< as its holder wrote it
    bool owner_died;     ///< its last holder died while holding it: what the permit guards may be half-changed
  };

  static void check(const Shape& shape);
  static std::size_t bytes(const Shape& shape, std::size_t slots);
  static void format(void*, const Shape&, std::size_t) {}

  Semaphore(void* memory, const Shape& shape, std::size_t slots, Party self) noexcept;

  /// Blocks: never.
  std::optional<Permit> try_acquire() noexcept;
  /// Blocks until a permit is free or the deadline has passed. @return nullopt: the deadline has passed
  std::optional<Permit> acquire(Sleeper& sleeper, std::uint64_t wait_until_ns);
  /// This process must hold `permit`.
  void release(const Permit& permit) noexcept;

  /// Free permits.
  std::uint32_t value() const noexcept;
  std::uint32_t permits() const noexcept { return permits_; }
  const WaitingSet& waiting() const noexcept { return waiting_; }

  /// The rest is for the master only.
  std::size_t repair(Owner dead) noexcept;
  std::vector<Hold> holds() const;

 private:
  using Word = std::atomic<std::uint64_t>;
  static constexpr std::uint64_t kOwnerMask = 0xffff;
  static constexpr std::uint64_t kDied = 0x10000;
  static constexpr std::uint64_t kOnce = 0x20000;

  std::uint32_t permits_;
  WaitingSet waiting_;
  Word* words_;
  Party self_;
};

}  // namespace prefork::ipc
