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

/// The state of a shared object, for display.
struct SharedReport {
  std::int64_t fill = 0;  ///< queue: messages; semaphore, mutex: permits held; barrier: arrivals; table: rows; ...
  std::uint64_t limit = 0;
  std::uint64_t waiters = 0;                                  ///< workers that sleep on it
  std::vector<std::pair<Owner, std::uint64_t>> holders;       ///< who holds how many of its words
  std::vector<std::pair<std::string, std::uint64_t>> losses;  ///< "expired", "dead letters", ...; only those that are
                                                              ///< not zero
};

/// What a survey has seen of an object's words so far, piece by piece.
struct SharedSurvey {
  HolderCounts holders;
  std::uint64_t rows = 0;
  std::uint64_t dead_letters = 0;
};

/// A shared object as the master has it: made before the fork, walked at each death. Workers write its memory, so the
/// master relies on nothing in it: sizes come from the shape, which the master keeps.
class SharedObject {
 public:
  /// Process: master. @throws std::invalid_argument (check_shape), std::system_error (ENOMEM)
  /// @param slots  those of the scoreboard
  static SharedObject create(std::string name, SharedShape shape, std::size_t slots);

  /// What remains of an object after this process has executed another program (upgrade).
  struct Left {
    UniqueFd memory;
    UniqueFd notes;  ///< closed: no notes are kept
    std::uint64_t repairs = 0;
  };
  /// Maps what create() made. Process: master.
  /// @throws std::invalid_argument (check_shape); std::runtime_error if it is not the memory of such an object;
  /// std::system_error
  static SharedObject adopt(std::string name, SharedShape shape, std::size_t slots, Left left);

  /// How much memory an object takes. `shape` must be checked.
  static std::size_t bytes_of(const SharedShape& shape, std::size_t slots);

  const std::string& name() const noexcept { return name_; }
  const SharedShape& shape() const noexcept { return shape_; }
  std::size_t slots() const noexcept { return slots_; }
  void* memory() const noexcept { return memory_.data(); }
  std::size_t bytes() const noexcept { return memory_.size(); }
  int fd() const noexcept { return memory_.fd(); }

  /// Closes the descriptors: a worker, which calls this, passes the object on to nobody.
  void keep_mapping_only() noexcept {
    memory_.keep_mapping_only();
    if (notes_ != nullptr) notes_->keep_mapping_only();
  }

  /// Makes holders note what they serve, from the next fork on. @throws std::system_error
  void keep_notes();
  /// @return nullptr: no notes are kept
  const HoldNotes* notes() const noexcept { return notes_.get(); }

  /// How many places a walk over the object looks at, from 0 on. A walk takes them in this order, some at a time, and
  /// other work is done in between. An object of few words is one place.
  std::size_t spots() const;

  /// Frees whatever dead workers held, before their slots are used again. Once all of the object has been repaired, the
  /// caller must ring every bell (wake_all(), and then that of each living worker): the dead may have chosen a sleeper
  /// without waking it. Process: master. Blocks: never; the time is bounded by the piece.
  /// @return words freed
  std::size_t repair(const OwnerSet& dead, Spots piece);
  std::size_t repair(std::size_t slot) { return repair(OwnerSet(owner_of(slot)), Spots::all()); }
  /// Wakes everyone announced as sleeping on this object.
  void wake_all(const Bells& bells) const;
  /// How many words repair() has freed so far.
  std::uint64_t repairs() const noexcept { return repairs_; }

  /// Surveys a piece. The time is bounded by the piece.
  void survey(Spots piece, SharedSurvey& survey) const;
  /// @param survey  one of all places
  SharedReport report(const SharedSurvey& survey) const;
  /// Surveys all places at once.
  SharedReport report() const;
  /// The words held now, in the order of their indexes: of a queue the messages taken, of a semaphore or mutex the
  /// permits.
  std::vector<Hold> holds(Spots piece = Spots::all()) const;

 private:
  SharedObject(std::string name, SharedShape shape, std::size_t slots, SharedMemory memory);

  std::size_t words() const noexcept;  ///< that have notes

  std::string name_;
  SharedShape shape_;
  std::size_t slots_;
  SharedMemory memory_;
  std::unique_ptr<HoldNotes> notes_;
  std::uint64_t repairs_ = 0;
};

}  // namespace prefork::ipc
