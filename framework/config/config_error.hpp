#pragma once

#include <sysexits.h>

#include <stdexcept>
#include <string>

namespace prefork::config {

/// The configuration can't be used. what() is one sentence that starts with the place of the mistake ("prefork.conf:12:
/// ..."). exit_code() is the program's exit code from sysexits.h: EX_CONFIG (78) for the contents, EX_NOINPUT (66) and
/// EX_NOPERM (77) for files that can't be read, EX_USAGE (64) for the command line.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(const std::string& sentence, int exit_code = EX_CONFIG)
      : std::runtime_error(sentence), exit_code_(exit_code) {}

  int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

}  // namespace prefork::config
