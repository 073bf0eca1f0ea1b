#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ipc/memory/scoreboard.hpp"

namespace prefork::worker {

/// When a worker has served enough and should be replaced. Zero: never.
struct RecycleLimits {
  std::uint64_t requests = 0;
  std::uint64_t lifetime_ms = 0;
  std::uint64_t rss_bytes = 0;
};

/// Watches one worker's limits. Only the first limit that is reached is reported, and only once.
class Recycling {
 public:
  /// @param statm  from open_statm(), if there is a memory limit
  /// @param now_ms  of the event loop's clock: the worker's birth
  Recycling(const RecycleLimits& limits, int statm, std::uint64_t now_ms);
  /// Opens the file that tells the process's own memory, for the life of the worker. Must be called before isolation,
  /// which may hide /proc. @return -1: no memory limit, so it is not needed. @throws std::system_error
  static int open_statm(const RecycleLimits& limits);

  /// Called in every turn of the loop: whether the limit of requests is reached. Datagrams count as requests, and so do
  /// connections if services count no requests.
  bool served_enough(const ipc::WorkerSlot& slot) const noexcept {
    const auto value = [&](ipc::Counter counter) {
      return slot.counters[static_cast<std::size_t>(counter)].load(std::memory_order_relaxed);
    };
    const std::uint64_t requests = value(ipc::Counter::requests);
    const std::uint64_t connections = value(ipc::Counter::accepted);
    return (requests > connections ? requests : connections) + value(ipc::Counter::datagrams) >= requests_left_;
  }
  /// @return the reason, as one word and its figure; nullopt: already reported
  std::optional<std::string> served_out();
  /// Called every second: checks age and memory. @return the reason, or nullopt
  std::optional<std::string> outlived(std::uint64_t now_ms);

 private:
  std::optional<std::string> tell(std::string reason);

  RecycleLimits limits_;
  std::uint64_t requests_left_;  ///< UINT64_MAX: no limit, or already reported
  std::uint64_t born_ms_;
  int statm_;  ///< -1: no limit
  bool told_ = false;
};

}  // namespace prefork::worker
