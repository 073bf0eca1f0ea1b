#pragma once

#include <atomic>
#include <cstdint>

#include "ipc/objects/party.hpp"

namespace prefork::ipc {

/// The lock of a table's bucket: one word in shared memory, [claims:48 | owner:16]. It is held for less than a
/// microsecond. If its holder was killed, the master's repair frees it, so that nobody waits longer than until then or
/// until the deadline.
class TableLock {
 public:
  using Word = std::atomic<std::uint64_t>;

  /// Holds nothing.
  TableLock() = default;
  TableLock(TableLock&& other) noexcept : word_(other.word_), held_(other.held_) { other.word_ = nullptr; }
  TableLock& operator=(TableLock&&) = delete;
  ~TableLock();

  /// Blocks: until the lock is held, at most `patience_ns`. Process: worker.
  static TableLock acquire(Word& word, Owner self, std::uint64_t patience_ns);
  /// Blocks: never.
  static TableLock try_acquire(Word& word, Owner self) noexcept;

  explicit operator bool() const noexcept { return word_ != nullptr; }

  static Owner owner(std::uint64_t word) noexcept { return static_cast<Owner>(word & 0xffff); }
  static std::uint64_t claims(std::uint64_t word) noexcept { return word >> 16; }
  /// Frees the word if `dead` holds it. Process: master. @return whether it did
  static bool repair(Word& word, Owner dead) noexcept;

 private:
  TableLock(Word& word, std::uint64_t held) noexcept : word_(&word), held_(held) {}

  Word* word_ = nullptr;
  std::uint64_t held_ = 0;
};

}  // namespace prefork::ipc
