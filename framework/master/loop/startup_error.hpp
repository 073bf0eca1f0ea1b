#pragma once

#include <sysexits.h>

#include <string>

#include "framework/config/config_error.hpp"

namespace prefork::master {

/// Why the master can't start or a generation can't be made: one sentence for people, and the exit code for the shell
/// (sysexits.h).
class StartupError : public config::ConfigError {
 public:
  StartupError(int exit_code, const std::string& sentence) : ConfigError(sentence, exit_code) {}
};

}  // namespace prefork::master
