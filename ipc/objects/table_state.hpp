#pragma once

#include <cstddef>
#include <cstdint>

#include "ipc/objects/party.hpp"

/// The state word of a table's slot: [version:32 | tag:12 | phase:4 | owner:16]. The version goes up at every
/// publication and never back, so an equal word means that nothing has happened.
namespace prefork::ipc::table_state {

enum Phase : std::uint64_t { kEmpty = 0, kClaimed = 1, kLive0 = 2, kLive1 = 3 };

constexpr std::uint64_t kPhaseShift = 16, kTagShift = 20, kVersionShift = 32;
constexpr std::uint64_t kLiveBit = std::uint64_t{2} << kPhaseShift;    ///< set in both live phases only
constexpr std::uint64_t kSecondBit = std::uint64_t{1} << kPhaseShift;  ///< in a live phase: the second copy is current
constexpr std::uint64_t kTagMask = std::uint64_t{0xfff} << kTagShift;
constexpr std::uint64_t kVersionMask = ~std::uint64_t{0} << kVersionShift;

constexpr std::uint64_t phase(std::uint64_t state) noexcept { return state >> kPhaseShift & 0xf; }
constexpr Owner owner(std::uint64_t state) noexcept { return static_cast<Owner>(state & 0xffff); }
constexpr bool live(std::uint64_t state) noexcept { return (state & kLiveBit) != 0; }
constexpr std::uint64_t next_version(std::uint64_t state) noexcept {
  return (state & kVersionMask) + (std::uint64_t{1} << kVersionShift);
}
/// Row::version()
constexpr std::uint64_t row_version(std::size_t slot, std::uint64_t state) noexcept {
  return std::uint64_t{slot} << 32 | state >> kVersionShift;
}

}  // namespace prefork::ipc::table_state
