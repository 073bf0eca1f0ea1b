#pragma once

#include <sysexits.h>

#include <stdexcept>
#include <string>

namespace prefork::master {

/// Why the master can't start or a generation can't be made: one sentence for people and the exit code
/// for the shell (sysexits.h).
class StartupError : public std::runtime_error {
 public:
  StartupError(int exit_code, const std::string& sentence) : std::runtime_error(sentence), exit_code_(exit_code) {}
  int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

}  // namespace prefork::master
