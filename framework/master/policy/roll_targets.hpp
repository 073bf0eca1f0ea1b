#pragma once

#include <algorithm>

/// How workers of one generation replace those of another. Pure.
namespace prefork::master {

/// How many workers each side of a roll should have now.
struct RollTargets {
  unsigned incoming;
  unsigned outgoing;
  friend bool operator==(const RollTargets&, const RollTargets&) = default;
};

/// How many workers are started at once beyond a pool's size while its workers are replaced.
constexpr unsigned roll_surge(unsigned goal) noexcept { return std::max(1U, goal / 4); }

/// New before old: for each ready worker of the incoming side one of the outgoing side may leave, and the incoming side
/// may have up to the surge more than are ready. If an incoming worker dies on the way, the outgoing one that it
/// replaced comes back.
/// @param incoming_goal, outgoing_goal  how many workers each side would have alone
/// @param incoming_ready  ready workers of the incoming side
constexpr RollTargets roll_targets(unsigned incoming_goal, unsigned incoming_ready, unsigned outgoing_goal) noexcept {
  const unsigned stay = outgoing_goal > incoming_ready ? outgoing_goal - incoming_ready : 0;
  return {std::min(incoming_goal, incoming_ready + roll_surge(incoming_goal)),
          incoming_ready >= incoming_goal ? 0 : stay};
}

}  // namespace prefork::master
