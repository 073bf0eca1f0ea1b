#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "ipc/memory/shared_memory.hpp"
#include "ipc/objects/party.hpp"
#include "ipc/objects/sleeper.hpp"
#include "ipc/objects/wakeup.hpp"

/// Shared objects and their users, as threads or forked children of one test.
namespace prefork::test {

/// Bells of some worker slots.
class Parties {
 public:
  explicit Parties(std::size_t slots = 64) : wakeups_(ipc::Wakeups::create(slots)) {}

  std::size_t slots() const noexcept { return wakeups_.slots(); }
  const ipc::Bells& bells() const noexcept { return wakeups_.bells(); }
  ipc::Party party(std::size_t slot) const noexcept { return {ipc::owner_of(slot), &bells()}; }
  ipc::BellSleeper sleeper(std::size_t slot) const { return ipc::BellSleeper(wait_fd(slot)); }
  int wait_fd(std::size_t slot) const { return wakeups_.wait_fd(slot); }
  /// What the master does once all objects have been repaired.
  void ring_all() const noexcept {
    for (std::size_t i = 0; i < slots(); ++i) bells().ring(i);
  }

 private:
  ipc::Wakeups wakeups_;
};

/// Memory formatted as one object of class T.
template <class T>
class Made {
 public:
  using Shape = typename T::Shape;
  Made(const Shape& shape, const Parties& parties)
      : shape_(shape), parties_(parties), memory_(ipc::SharedMemory::create("test", T::bytes(shape, parties.slots()))) {
    T::check(shape);
    T::format(memory_.data(), shape, parties.slots());
  }
  template <class... More>
  T at(std::size_t slot, More... more) const {
    return T(memory_.data(), shape_, parties_.slots(), parties_.party(slot), more...);
  }
  void* memory() const noexcept { return memory_.data(); }

 private:
  Shape shape_;
  const Parties& parties_;
  ipc::SharedMemory memory_;
};

}  // namespace prefork::test
