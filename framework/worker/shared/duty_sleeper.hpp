#pragma once

#include <chrono>

#include "framework/worker/service/runtime.hpp"
#include "ipc/objects/sleeper.hpp"

namespace prefork::worker {

/// How a blocking service sleeps on a shared object: its worker keeps attending to its duties, one of which is the
/// bell.
class DutySleeper final : public ipc::Sleeper {
 public:
  /// @param timeout  of the whole wait; a wait without one ends when the worker drains
  DutySleeper(Runtime& runtime, std::chrono::milliseconds timeout) noexcept;
  bool sleep(std::uint64_t deadline_ns) override;

 private:
  Runtime& runtime_;
  bool endless_;
};

}  // namespace prefork::worker
