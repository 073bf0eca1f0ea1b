#pragma once

#include <span>
#include <string>
#include <string_view>

#include "framework/config/options.hpp"

namespace prefork::config {

/// One of the limits that a pool can set. Source: getrlimit(2).
struct LimitKind {
  std::string_view key;  ///< "limit-nofile"
  int resource;          ///< RLIMIT_NOFILE
  bool bytes;            ///< whether it is a size, not a number
  std::string_view help;
};

/// Every kind, in the order of the help.
std::span<const LimitKind> limit_kinds();

/// Reads `SOFT` or `SOFT:HARD`, each a number, or a size for a limit in bytes, or `unlimited`. A single value is both.
/// @throws std::invalid_argument, one sentence that quotes the text
ResourceLimit parse_limit(const LimitKind& kind, std::string_view text);

/// Writes what parse_limit reads.
std::string format_limit(const ResourceLimit& limit);

}  // namespace prefork::config
