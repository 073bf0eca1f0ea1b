#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace prefork::cli {

/// Ends this process if an errand (config::begin_errand) of its start takes too long, with code 75 and a sentence that
/// names the errand. A process has at most one; it uses SIGALRM.
class StartDeadline {
 public:
  /// Makes the message that is written to `fd`, from "reading /x takes too long".
  using Words = std::function<std::string(const std::string& sentence)>;

  StartDeadline(std::chrono::seconds patience, int fd, Words words);
  StartDeadline(const StartDeadline&) = delete;
  StartDeadline& operator=(const StartDeadline&) = delete;
  ~StartDeadline();

 private:
  void begin(const std::string& what) const;

  unsigned seconds_;
  Words words_;
};

}  // namespace prefork::cli
