#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "ipc/objects/party.hpp"
#include "ipc/objects/waiting_set.hpp"

namespace prefork::ipc {

/// Lets nobody pass until a given number have arrived; then all of them pass, and it starts anew. A view over shared
/// memory: it may be copied freely.
///
/// A generation passes with exactly as many arrivals as there are parties, none of them withdrawn. An arrival that has
/// given up, or whose process died and was repaired before the last one came, does not count, and another may take its
/// place. The caller does the waiting: arrive(), then try passed() and sleep on waiting(), then possibly give_up(). The
/// steps and their proof: tests/ipc/models/barrier_model.cpp.
class Barrier {
 public:
  struct Shape {
    std::uint32_t parties = 0;  ///< 1 to 65534
  };

  /// @throws std::invalid_argument: one sentence without the object's name
  static void check(const Shape& shape);
  /// `shape` must be checked. @param slots  slots that may wait
  static std::size_t bytes(const Shape& shape, std::size_t slots);
  /// Makes a barrier in bytes() zeroed bytes, 64-byte aligned. Process: master, before anybody attaches.
  static void format(void* memory, const Shape& shape, std::size_t slots);
  /// Attaches to what format() made.
  Barrier(void* memory, const Shape& shape, std::size_t slots, Party self) noexcept;

  /// A place among those that wait for a generation to pass. Plain data of the process that arrived.
  struct Arrival {
    std::uint64_t generation = 0;
    std::uint32_t index = 0;
  };

  /// Arrives. The last arrival lets all pass and wakes them. Several threads of a worker may arrive, each for itself.
  /// @return nullopt: all places of this generation are taken; wait on waiting() and try again. Process: worker.
  /// Blocks: never.
  std::optional<Arrival> arrive() const noexcept;
  /// @return whether the generation of an arrival has passed. Completes the generation if the last party died before it
  /// did. Process: that of the arrival. Blocks: never.
  bool passed(const Arrival& arrival) const noexcept;
  /// Withdraws an arrival. Process: that of the arrival. Blocks: never.
  /// @return true: withdrawn, the place is free again. False: the generation has passed, and this arrival counted.
  bool give_up(const Arrival& arrival) const noexcept;

  /// Withdraws the arrivals of the dead. Process: master. The time is bounded by the shape. The caller must then wake
  /// all waiters, even if nothing was freed: the dead may have made a change and woken nobody. @return words freed
  std::size_t repair(Owner dead) const noexcept;

  WaitingSet waiting() const noexcept { return waiting_; }
  /// Arrivals that wait for the generation to pass. Walks the places.
  std::size_t arrived() const noexcept;
  /// Starts at 1.
  std::uint64_t generation() const noexcept;
  const Shape& shape() const noexcept { return shape_; }

 private:
  friend class BarrierProbe;  // tests stop between the steps

  using Word = std::atomic<std::uint64_t>;
  struct Head;

  std::optional<Arrival> claim() const noexcept;
  bool complete(std::uint64_t generation) const noexcept;
  bool withdraw(std::uint32_t index, std::uint64_t generation, Owner owner) const noexcept;
  void wake() const noexcept;

  Shape shape_;
  Party self_;
  WaitingSet waiting_;
  Head* head_;
  Word* places_;
};

}  // namespace prefork::ipc
