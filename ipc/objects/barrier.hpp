#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "ipc/objects/party.hpp"
#include "ipc/objects/waiting_set.hpp"

namespace prefork::ipc {

/// Lets nobody pass until so many have arrived; then all of them pass, and it starts anew. A view over shared
/// memory: copy it freely.
///
/// A generation passes with exactly as many arrivals as there are parties, none of which was withdrawn: who has
/// given up, or died and been repaired before the last one came, is not counted, and another may arrive instead.
/// Waiting is the caller's: arrive(), then try passed() and sleep on waiting(), then maybe give_up().
/// The steps and their proof: tests/ipc/models/barrier_model.cpp.
class Barrier {
 public:
  struct Shape {
    std::uint32_t parties = 0;  ///< 1 to 65534
  };

  /// @throws std::invalid_argument: one sentence without the object's name
  static void check(const Shape& shape);
  /// Of a checked shape. @param slots  that may wait
  static std::size_t bytes(const Shape& shape, std::size_t slots);
  /// Makes a barrier of bytes() zeroed bytes, 64-byte aligned. Process: master, before anybody attaches.
  static void format(void* memory, const Shape& shape, std::size_t slots);
  /// Attaches to what format() made.
  Barrier(void* memory, const Shape& shape, std::size_t slots, Party self) noexcept;

  /// A place among those who wait for a generation to pass. Plain data of the process that arrived.
  struct Arrival {
    std::uint64_t generation = 0;
    std::uint32_t index = 0;
  };

  /// Arrives; the last one lets all pass and wakes them. Several threads of a worker may arrive, each for itself.
  /// @return nullopt: all places of this generation are taken. Wait on waiting(), try again.
  /// Process: worker. Blocks: never.
  std::optional<Arrival> arrive() const noexcept;
  /// Whether the generation of an arrival has passed; lets it pass if whoever came last did not live to.
  /// Process: the arrival's. Blocks: never.
  bool passed(const Arrival& arrival) const noexcept;
  /// Withdraws an arrival. Process: the arrival's. Blocks: never.
  /// @return true: withdrawn, the place is free again. False: the generation has passed, this arrival counted.
  bool give_up(const Arrival& arrival) const noexcept;

  /// Withdraws the arrivals of the dead. Process: master. The time is bounded by the shape. Whoever waits must be
  /// woken then, also where nothing was freed: the dead may have made a change and told nobody. @return words freed
  std::size_t repair(Owner dead) const noexcept;

  WaitingSet waiting() const noexcept { return waiting_; }
  /// Those who wait for the generation to pass. Walks the places.
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
