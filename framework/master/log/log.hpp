#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "framework/master/log/event_ring.hpp"
#include "framework/master/log/log_file.hpp"
#include "framework/master/log/log_line.hpp"
#include "framework/master/log/syslog.hpp"
#include "framework/master/loop/clock.hpp"

namespace prefork::master {

/// Where the server's log goes, and in which form.
struct LogSettings {
  std::string target = "stderr";  ///< "stderr", "syslog" or a path
  LogLevel threshold = LogLevel::info;
  LogFormat format = LogFormat::text;
  std::string facility = "daemon";         ///< of syslog
  std::string syslog_socket = "/dev/log";  ///< of the syslog daemon
};

/// The server's log, which only the master writes: to stderr, a file or the syslog daemon. A line that can't be written
/// now (a full disk, a pipe that nobody reads) is dropped and counted; the master goes on. The next line that can be
/// written is preceded by a line that says how many were lost. Blocks: never, except on a file whose disk blocks.
class Log {
 public:
  /// Opens the file with mode 0640, or connects to the daemon. @throws std::system_error
  explicit Log(const LogSettings& settings);
  Log(const std::string& target, LogLevel threshold) : Log(LogSettings{target, threshold}) {}

  /// Writes a line of the master. From `info` on it is also an event, even if the log does not take it.
  void write(LogLevel level, std::string_view line, const LogSubject& about = {});
  void debug(std::string_view line, const LogSubject& about = {}) { write(LogLevel::debug, line, about); }
  void info(std::string_view line, const LogSubject& about = {}) { write(LogLevel::info, line, about); }
  void notice(std::string_view line, const LogSubject& about = {}) { write(LogLevel::notice, line, about); }
  void warning(std::string_view line, const LogSubject& about = {}) { write(LogLevel::warning, line, about); }
  void error(std::string_view line, const LogSubject& about = {}) { write(LogLevel::error, line, about); }
  /// Writes a line of a worker, of any bytes. It is an event from `notice` on: what services log about each request
  /// must not push out what happened to the server.
  /// @param threshold  that of its service; nullopt: that of the log
  void pass_on(LogLevel level, std::string_view line, const LogSubject& speaker, std::optional<LogLevel> threshold);

  /// Sets what a reload may change.
  void set(LogLevel threshold, LogFormat format) noexcept;
  /// Reopens the file (after rotation). On failure the old one stays in use. @throws std::system_error
  void reopen();
  /// Tries again to write what is due: the number of lost lines, or the rest of a line.
  void tend(TimePoint now) noexcept;
  std::optional<TimePoint> next_deadline() const noexcept { return next_try_; }

  std::uint64_t dropped() const noexcept { return dropped_; }
  const EventRing& events() const noexcept { return events_; }

 private:
  void put(const LogRecord& record) noexcept;
  bool put_once(const LogRecord& record) noexcept;
  bool settle() noexcept;
  LogRecord losses(std::string& sentence) const;
  std::string made(const LogRecord& record) const;

  LogLevel threshold_;
  LogFormat format_;
  int facility_;
  bool journal_;
  LogFile file_;
  std::optional<Syslog> syslog_;
  std::uint64_t dropped_ = 0;
  std::uint64_t unsaid_ = 0;  ///< dropped lines that the log does not mention yet
  std::optional<TimePoint> next_try_;
  EventRing events_;
};

}  // namespace prefork::master
