#pragma once

#include <string>

namespace prefork {
class Json;
}

namespace admin {

/// Why the server, by its own status, should get no clients now: it is being stopped, or a pool that should have
/// workers has none that is ready. Empty: it is ready. Pure.
/// @throws prefork::JsonError if the text is not a status
std::string why_not_ready(const prefork::Json& status);

}  // namespace admin
