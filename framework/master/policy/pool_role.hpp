#pragma once

#include <cstdint>

namespace prefork::master {

/// The role of a pool of one generation.
enum class PoolRole : std::uint8_t {
  serving,   ///< has the workers that the pool should have
  incoming,  ///< belongs to the generation that is being rolled in
  outgoing,  ///< belongs to the generation that makes room for it
  leaving,   ///< its last workers drain
};

}  // namespace prefork::master
