#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "ipc/memory/scoreboard.hpp"
#include "ipc/memory/shared_memory.hpp"

namespace prefork::ipc {

/// Records, for each word of a shared object that may be held too long, what its holder was serving when it took the
/// word. The holder writes it and the master reads it, for display only: a note may be torn, and nothing relies on it.
class HoldNotes {
 public:
  /// @throws std::system_error
  HoldNotes(const std::string& name, std::size_t words);
  /// Maps notes that were made before this process executed another program.
  /// @throws std::runtime_error if they are not of this size; std::system_error
  HoldNotes(UniqueFd fd, std::size_t words);
  int fd() const noexcept { return memory_.fd(); }
  void keep_mapping_only() noexcept { memory_.keep_mapping_only(); }

  /// `index` is the index of the Hold. An index out of range is ignored.
  void write(std::size_t index, const Activity& activity) const noexcept;
  Activity read(std::size_t index) const;

 private:
  static constexpr std::size_t kText = 112;
  struct Note {
    std::atomic<std::uint64_t> since_ns;
    std::atomic<ActivityKind> kind;
    std::atomic<std::uint8_t> service;
    std::atomic<std::uint16_t> length;
    char text[kText];
  };
  static_assert(sizeof(Note) == 128);

  Note* note(std::size_t index) const noexcept;

  SharedMemory memory_;
  std::size_t words_;
};

}  // namespace prefork::ipc
