#include "framework/worker/net/stream_connection.hpp"

#include <algorithm>

namespace prefork::worker {

namespace {
constexpr std::chrono::milliseconds kLastMoment{1000};
}  // namespace

void StreamConnection::await_first_bytes(std::chrono::milliseconds limit) {
  const bool stops = host().runtime().drain == DrainMode::closing;
  set_deadline(stops && (limit.count() <= 0 || limit > kLastMoment) ? kLastMoment : limit);
}

void StreamConnection::hurry_first_bytes() {
  const auto left = deadline_left();
  await_first_bytes(left ? std::max(*left, std::chrono::milliseconds(1)) : std::chrono::milliseconds(0));
}

}  // namespace prefork::worker
