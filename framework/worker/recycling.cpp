#include "framework/worker/recycling.hpp"

#include <fcntl.h>

#include <utility>

#include "ipc/posix/resident_memory.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

Recycling::Recycling(const RecycleLimits& limits, int statm, std::uint64_t now_ms)
    : limits_(limits),
      requests_left_(limits.requests > 0 ? limits.requests : UINT64_MAX),
      born_ms_(now_ms),
      statm_(limits.rss_bytes > 0 ? statm : -1) {}

int Recycling::open_statm(const RecycleLimits& limits) {
  if (limits.rss_bytes == 0) return -1;
  return ipc::check_syscall(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC), "open /proc/self/statm");
}

std::optional<std::string> Recycling::tell(std::string reason) {
  requests_left_ = UINT64_MAX;
  return std::exchange(told_, true) ? std::nullopt : std::optional(std::move(reason));
}

std::optional<std::string> Recycling::served_out() { return tell("max-requests " + std::to_string(limits_.requests)); }

std::optional<std::string> Recycling::outlived(std::uint64_t now_ms) {
  if (told_) return std::nullopt;
  if (limits_.lifetime_ms > 0 && now_ms - born_ms_ >= limits_.lifetime_ms) {
    return tell("max-lifetime " + std::to_string(limits_.lifetime_ms) + " ms");
  }
  if (statm_ == -1) return std::nullopt;
  const std::uint64_t bytes = ipc::resident_bytes_of(statm_);
  if (bytes < limits_.rss_bytes) return std::nullopt;
  return tell("max-rss " + std::to_string(limits_.rss_bytes) + ": it has " + std::to_string(bytes) + " bytes");
}

}  // namespace prefork::worker
