#pragma once

#include <string>
#include <string_view>

/// `preforkctl status --check`: a server's health as an exit code and one line, for scripts. Pure.
namespace prefork::cli {

inline constexpr int kHealthWell = 0;
inline constexpr int kHealthDegraded = 1;  ///< all services answer, but clients wait or workers are missing
inline constexpr int kHealthDown = 2;      ///< the services of at least one pool answer nobody

struct Health {
  int exit_code = kHealthDown;
  std::string line;  ///< "well: ...", "degraded: ...", "down: ...", with its line end
};

/// @param status  the line of an answer to `status` that is `ok`
Health health_of(std::string_view status);
/// The health of a server that does not answer.
Health health_down(const std::string& why);

}  // namespace prefork::cli
