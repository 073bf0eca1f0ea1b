#pragma once

#include <string>
#include <string_view>

#include "framework/config/options.hpp"

namespace prefork::config {

/// Reads `61184-65519`: user ids, at least one, without root's.
/// @throws std::invalid_argument, one sentence that quotes the text
UserRange parse_user_range(std::string_view text);

std::string format_user_range(const UserRange& range);

}  // namespace prefork::config
