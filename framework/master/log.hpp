#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "framework/master/event_ring.hpp"
#include "ipc/unique_fd.hpp"

namespace prefork::master {

enum class LogLevel : std::uint8_t { debug, info, notice, warning, error };
LogLevel log_level(std::string_view name);  ///< as the configuration spells it; info for anything else
std::string_view log_level_name(LogLevel level) noexcept;

/// The server's log, written by the master alone: one write a line, to stderr or to a file. A line that
/// can't be written (a full disk, a pipe that nobody reads) is dropped and counted; the master goes on.
class Log {
 public:
  /// @param target  "stderr" or a path, opened for appending, 0640. @throws std::system_error
  Log(const std::string& target, LogLevel threshold);

  /// Writes a line of the master's own. From `info` on it is an event too, also where the log does not take it.
  void write(LogLevel level, std::string_view line);
  /// Writes a line of a worker's, which is an event from `notice` on: what services have to say of each request must
  /// not push out what became of the server.
  void pass_on(LogLevel level, std::string_view line);
  void debug(std::string_view line) { write(LogLevel::debug, line); }
  void info(std::string_view line) { write(LogLevel::info, line); }
  void notice(std::string_view line) { write(LogLevel::notice, line); }
  void warning(std::string_view line) { write(LogLevel::warning, line); }
  void error(std::string_view line) { write(LogLevel::error, line); }

  void set_threshold(LogLevel threshold) noexcept { threshold_ = threshold; }
  /// Opens the file anew (after rotation). On failure the old one stays in use. @throws std::system_error
  void reopen();

  std::uint64_t dropped() const noexcept { return dropped_; }
  const EventRing& events() const noexcept { return events_; }

 private:
  static ipc::UniqueFd open(const std::string& target);
  void write_line(LogLevel level, std::string_view line);

  std::string target_;
  LogLevel threshold_;
  ipc::UniqueFd file_;
  std::uint64_t dropped_ = 0;
  std::uint64_t dropped_unsaid_ = 0;
  EventRing events_;
};

}  // namespace prefork::master
