#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::cli {

/// A connection to the control socket of a master. Process: preforkctl.
class CtlClient {
 public:
  using Clock = std::chrono::steady_clock;

  enum class Outcome : std::uint8_t {
    answered,
    closed,  ///< the master ended the connection before a whole line
    timed_out,
  };
  struct Reply {
    Outcome outcome;
    std::string line;  ///< without its end; empty unless answered
  };

  /// Connects to the unix stream socket at `path`. Blocks: for at most `patience` while the master's
  /// backlog is full. @throws std::system_error, ENAMETOOLONG included.
  static CtlClient connect(const std::string& path, std::chrono::milliseconds patience);

  /// Takes a connected stream socket.
  explicit CtlClient(ipc::UniqueFd fd) noexcept : fd_(std::move(fd)) {}

  /// Sends one command (without its line end) and waits for one line. Blocks: until `deadline`; nullopt: no limit.
  /// @throws std::system_error, EMSGSIZE for an answer of more than 64 MiB
  Reply ask(std::string_view command, std::optional<Clock::time_point> deadline);

  /// Waits until the master closes the connection, which after `stop` happens when the master ends; drops what it still
  /// sends. Blocks. @return false: the deadline has passed; nullopt as deadline: no limit
  bool wait_closed(std::optional<Clock::time_point> deadline);

 private:
  enum class Ready : std::uint8_t { yes, timed_out };
  Ready wait_for(short events, std::optional<Clock::time_point> deadline) const;
  Outcome send_line(std::string_view command, std::optional<Clock::time_point> deadline);

  ipc::UniqueFd fd_;
  std::string rest_;  ///< what came after the last answer
};

}  // namespace prefork::cli
