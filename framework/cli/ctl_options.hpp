#pragma once

#include <string>
#include <variant>
#include <vector>

namespace prefork::cli {

enum class CtlVerb { status, workers, ipc, dead_letters, metrics, events, top, reload, upgrade, stop, other };

/// What preforkctl was asked to do.
struct CtlRequest {
  std::string socket;
  std::string command;  ///< the line for the master, checked
  CtlVerb verb = CtlVerb::other;
  bool json = false;
  bool follow = false;  ///< events: continue until interrupted
  bool once = false;    ///< for top
  bool check = false;   ///< status: only the health, as exit code and line
};

/// preforkctl has nothing to ask a master: help, version or a mistake.
struct CtlMessage {
  std::string text;
  int exit_code = 0;  ///< zero: write to standard output; else to standard error
};

/// Parses preforkctl's arguments (without its name). Pure.
/// @param env_socket  the value of PREFORK_CONTROL; null or empty: not set
std::variant<CtlRequest, CtlMessage> parse_ctl_arguments(const std::vector<std::string>& arguments,
                                                         const char* env_socket);

}  // namespace prefork::cli
