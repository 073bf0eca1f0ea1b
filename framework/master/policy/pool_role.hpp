#pragma once

#include <cstdint>

namespace prefork::master {

/// What a pool of one generation is there for.
enum class PoolRole : std::uint8_t {
  serving,   ///< the workers that there shall be
  incoming,  ///< of the generation that is being rolled in
  outgoing,  ///< of the one that makes room for it
  leaving,   ///< its last workers drain
};

}  // namespace prefork::master
