#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ipc/memory/scoreboard.hpp"

namespace prefork::worker {

/// When a worker has served enough and is to be replaced. Zero: never.
struct RecycleLimits {
  std::uint64_t requests = 0;
  std::uint64_t lifetime_ms = 0;
  std::uint64_t rss_bytes = 0;
};

/// Watches one worker's limits. Each is told once at most, and only the first.
class Recycling {
 public:
  /// @param statm  of open_statm(), where there is a limit of memory
  /// @param now_ms  of the event loop's clock: the worker's birth
  Recycling(const RecycleLimits& limits, int statm, std::uint64_t now_ms);
  /// Opens what tells of the process's own memory, for its life. To be called before isolation, which may leave it
  /// without a /proc. @return -1: without a limit there is no need. @throws std::system_error
  static int open_statm(const RecycleLimits& limits);

  /// For every turn of the loop: whether the limit of requests is reached now. Datagrams count as requests, and so do
  /// connections where services count no requests.
  bool served_enough(const ipc::WorkerSlot& slot) const noexcept {
    const auto value = [&](ipc::Counter counter) {
      return slot.counters[static_cast<std::size_t>(counter)].load(std::memory_order_relaxed);
    };
    const std::uint64_t requests = value(ipc::Counter::requests);
    const std::uint64_t connections = value(ipc::Counter::accepted);
    return (requests > connections ? requests : connections) + value(ipc::Counter::datagrams) >= requests_left_;
  }
  /// @return the reason, in one word and its figure; nullopt: told already
  std::optional<std::string> served_out();
  /// For every second: age and memory. @return the reason, or nullopt
  std::optional<std::string> outlived(std::uint64_t now_ms);

 private:
  std::optional<std::string> tell(std::string reason);

  RecycleLimits limits_;
  std::uint64_t requests_left_;  ///< UINT64_MAX: no limit, or told
  std::uint64_t born_ms_;
  int statm_;  ///< -1: no limit
  bool told_ = false;
};

}  // namespace prefork::worker
