#pragma once

#include <algorithm>

/// How workers of one generation take the places of another's. Pure.
namespace prefork::master {

/// How many workers each side of a roll shall have now.
struct RollTargets {
  unsigned incoming;
  unsigned outgoing;
  friend bool operator==(const RollTargets&, const RollTargets&) = default;
};

/// How many workers are started at once over a pool's size while others of it are replaced.
constexpr unsigned roll_surge(unsigned goal) noexcept { return std::max(1U, goal / 4); }

/// New before old: for every worker of the incoming side that serves, one of the outgoing side may go, and up to
/// the surge of the incoming side is started over what is there. A worker that dies on the way brings the one
/// back that it stood for.
/// @param incoming_goal, outgoing_goal  what the sides would have alone
/// @param incoming_ready  workers of the incoming side that serve
constexpr RollTargets roll_targets(unsigned incoming_goal, unsigned incoming_ready, unsigned outgoing_goal) noexcept {
  const unsigned stay = outgoing_goal > incoming_ready ? outgoing_goal - incoming_ready : 0;
  return {std::min(incoming_goal, incoming_ready + roll_surge(incoming_goal)),
          incoming_ready >= incoming_goal ? 0 : stay};
}

}  // namespace prefork::master
