#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "framework/config/config_error.hpp"

namespace prefork::config {

/// Collects everything that is wrong, so that all of it can be fixed at once.
class Findings {
 public:
  /// Calls it. @return whether it threw no ConfigError; a ConfigError is kept
  template <typename Call>
  bool note(Call call) {
    try {
      call();
      return true;
    } catch (const ConfigError& error) {
      add(error);
      return false;
    }
  }
  void add(const ConfigError& error) {
    if (errors_.empty()) exit_code_ = error.exit_code();
    if (std::find(errors_.begin(), errors_.end(), error.what()) != errors_.end()) return;
    if (errors_.size() < kMost) {
      errors_.emplace_back(error.what());
    } else {
      ++more_;
    }
  }
  /// Keeps a warning: the configuration is usable all the same.
  void warn(std::string sentence) { warnings_.push_back(std::move(sentence)); }

  bool empty() const noexcept { return errors_.empty(); }
  const std::vector<std::string>& errors() const noexcept { return errors_; }
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }

  /// @throws ConfigError if anything was found: one sentence per line, in the order in which they were found, with the
  /// exit code of the first
  void throw_if_any() const {
    if (errors_.empty()) return;
    std::string all;
    for (const auto& error : errors_) all += (all.empty() ? "" : "\n") + error;
    if (more_ > 0) all += "\nand " + std::to_string(more_) + " more";
    throw ConfigError(all, exit_code_);
  }

 private:
  static constexpr std::size_t kMost = 20;  ///< a file that is no configuration would have thousands

  std::vector<std::string> errors_;
  std::size_t more_ = 0;
  std::vector<std::string> warnings_;
  int exit_code_ = EX_CONFIG;
};

/// Turns the message of throw_if_any() into one line, for a log line or an answer.
inline std::string in_one_line(std::string sentences) {
  for (std::size_t at = 0; (at = sentences.find('\n', at)) != std::string::npos;) sentences.replace(at, 1, "; ");
  return sentences;
}

}  // namespace prefork::config
