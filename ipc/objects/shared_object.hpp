#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ipc/memory/hold_notes.hpp"
#include "ipc/memory/shared_memory.hpp"
#include "ipc/objects/party.hpp"
#include "ipc/objects/shared_shape.hpp"
#include "ipc/objects/walk.hpp"

namespace prefork::ipc {

/// What a shared object tells of itself, for people.
struct SharedReport {
  std::int64_t fill = 0;  ///< queue: messages; semaphore, mutex: permits held; barrier: arrived; table: rows; ...
  std::uint64_t limit = 0;
  std::uint64_t waiters = 0;                                  ///< workers that sleep on it
  std::vector<std::pair<Owner, std::uint64_t>> holders;       ///< who holds how many words of it
  std::vector<std::pair<std::string, std::uint64_t>> losses;  ///< "expired", "dead letters", ...: only what is not zero
};

/// What was seen of an object's words so far, piece by piece.
struct SharedSurvey {
  HolderCounts holders;
  std::uint64_t rows = 0;
  std::uint64_t dead_letters = 0;
};

/// A shared object as the master has it: made before the fork, walked at each death. Its memory is written
/// by workers, so that nothing in it is believed: sizes are those of the shape, which the master keeps.
class SharedObject {
 public:
  /// Process: master. @throws std::invalid_argument (check_shape), std::system_error (ENOMEM)
  /// @param slots  of the scoreboard
  static SharedObject create(std::string name, SharedShape shape, std::size_t slots);

  /// What another program of this process left of an object, which executed this one (upgrade).
  struct Left {
    UniqueFd memory;
    UniqueFd notes;  ///< closed: none are kept
    std::uint64_t repairs = 0;
  };
  /// Maps what create() made. Process: master.
  /// @throws std::invalid_argument (check_shape); std::runtime_error: not the memory of such an object;
  /// std::system_error
  static SharedObject adopt(std::string name, SharedShape shape, std::size_t slots, Left left);

  /// How much memory an object takes. The shape is a checked one.
  static std::size_t bytes_of(const SharedShape& shape, std::size_t slots);

  const std::string& name() const noexcept { return name_; }
  const SharedShape& shape() const noexcept { return shape_; }
  std::size_t slots() const noexcept { return slots_; }
  void* memory() const noexcept { return memory_.data(); }
  std::size_t bytes() const noexcept { return memory_.size(); }
  int fd() const noexcept { return memory_.fd(); }

  /// For a worker, which passes it on to nobody: closes the descriptors.
  void keep_mapping_only() noexcept {
    memory_.keep_mapping_only();
    if (notes_ != nullptr) notes_->keep_mapping_only();
  }

  /// From the next fork on, holders note what they serve. @throws std::system_error
  void keep_notes();
  /// @return nullptr: none are kept
  const HoldNotes* notes() const noexcept { return notes_.get(); }

  /// The places that a walk over the object looks at, from 0 on; a walk takes them in that order, some at a time, and
  /// other things happen in between. Those of few words are one place.
  std::size_t spots() const;

  /// Frees whatever dead workers held, before their slots are used again. When all of the object has been repaired,
  /// every bell must be rung (wake_all(), and then each living worker's): the dead may have chosen a sleeper
  /// and not have woken it. Process: master. Blocks: never; the time is bounded by the piece.
  /// @return words freed
  std::size_t repair(const OwnerSet& dead, Spots piece);
  std::size_t repair(std::size_t slot) { return repair(OwnerSet(owner_of(slot)), Spots::all()); }
  /// Wakes everyone who is announced as sleeping on this object.
  void wake_all(const Bells& bells) const;
  /// All that repair() has freed so far.
  std::uint64_t repairs() const noexcept { return repairs_; }

  /// Looks at a piece of it. The time is bounded by the piece.
  void survey(Spots piece, SharedSurvey& survey) const;
  /// @param survey  of all its places
  SharedReport report(const SharedSurvey& survey) const;
  /// All at once.
  SharedReport report() const;
  /// The words that are held now. Of queues: the messages taken; of semaphores and mutexes: the permits. In the order
  /// of their indexes.
  std::vector<Hold> holds(Spots piece = Spots::all()) const;

 private:
  SharedObject(std::string name, SharedShape shape, std::size_t slots, SharedMemory memory);

  std::size_t words() const noexcept;  ///< that notes are kept of

  std::string name_;
  SharedShape shape_;
  std::size_t slots_;
  SharedMemory memory_;
  std::unique_ptr<HoldNotes> notes_;
  std::uint64_t repairs_ = 0;
};

}  // namespace prefork::ipc
