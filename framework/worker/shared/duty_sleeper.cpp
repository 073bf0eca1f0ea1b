#include "framework/worker/shared/duty_sleeper.hpp"

#include <poll.h>

#include <algorithm>

#include "framework/worker/net/blocking_stream.hpp"
#include "ipc/posix/check.hpp"

namespace prefork::worker {

namespace {
constexpr std::uint64_t kDutyPeriodMs = 500;
}

DutySleeper::DutySleeper(Runtime& runtime, std::chrono::milliseconds timeout) noexcept
    : runtime_(runtime), endless_(timeout == kForever) {}

bool DutySleeper::sleep(std::uint64_t deadline_ns) {
  PREFORK_CHECK(runtime_.duties != nullptr);
  if (endless_ && runtime_.drain != DrainMode::none) return false;
  const std::uint64_t now = ipc::sleeper_clock_ns();
  const std::uint64_t left_ms = deadline_ns > now ? (deadline_ns - now + 999'999) / 1'000'000 : 0;
  pollfd duty{runtime_.duties->duty_fd(), POLLIN, 0};
  runtime_.loop.begin_wait();
  const std::uint64_t wait_ms = std::min(left_ms, kDutyPeriodMs);
  ::poll(&duty, 1, static_cast<int>(wait_ms));
  runtime_.loop.refresh_clock(wait_ms);
  runtime_.loop.begin_work();
  runtime_.duties->attend();
  return true;
}

}  // namespace prefork::worker
