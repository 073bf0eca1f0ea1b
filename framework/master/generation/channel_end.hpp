#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace prefork::master {

/// One end of a channel between workers.
struct ChannelEnd {
  std::string pool;
  std::optional<unsigned> index;  ///< nullopt: any worker of the pool

  bool operator==(const ChannelEnd&) const = default;
};

/// "main/0", "jobs/*"
std::string channel_end_text(const ChannelEnd& end);

/// Reads the option NAME-ends: two of "N", "*", "POOL/N" and "POOL/*", separated by a blank. Pure.
/// @param own_pool  the service's pool, for an end without a pool
/// @throws std::invalid_argument: one sentence, without a place
std::pair<ChannelEnd, ChannelEnd> parse_channel_ends(std::string_view text, const std::string& own_pool,
                                                     const std::vector<std::string>& pools);

}  // namespace prefork::master
