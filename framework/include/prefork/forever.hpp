#pragma once

#include <chrono>

namespace prefork {

/// No limit: a wait that does not time out, a time that is never over. The one word for it in all of this interface.
constexpr std::chrono::milliseconds kForever = std::chrono::milliseconds::max();

}  // namespace prefork
