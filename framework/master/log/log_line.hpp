#pragma once

#include <sys/types.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <prefork/log_level.hpp>

/// What a line of the server's log says, and how it is formatted. Pure.
namespace prefork::master {

LogLevel log_level(std::string_view name);  ///< by its name in the configuration; info for anything else
std::string_view log_level_name(LogLevel level) noexcept;
/// @return the severity of syslog(3), from 3 (error) to 7 (debug)
int severity(LogLevel level) noexcept;

enum class LogFormat : std::uint8_t { text, json };

/// The longest line with its line end: PIPE_BUF, so that a pipe takes it whole or not at all. Longer lines are cut.
inline constexpr std::size_t kMaxLogLine = 4096;

/// The process that a line is about, as far as it is known.
struct LogSubject {
  pid_t pid = 0;          ///< zero: the master
  std::string_view pool;  ///< empty: not a worker
  unsigned index = 0;     ///< index within the pool
  unsigned generation = 0;
  std::string_view service;  ///< empty: no particular service
};

struct LogRecord {
  LogLevel level = LogLevel::info;
  timespec time{};  ///< CLOCK_REALTIME
  std::string_view message;
  LogSubject subject;
  bool passed_on = false;  ///< the subject said it: any bytes
};

/// @return the line without a line end, escaped as base::visible() does. A passed-on line begins with its speaker,
/// `worker main/0 (pid 4711) web: ...`, and is printable ASCII.
std::string log_text(const LogRecord& record);

/// @return one JSON object without a line end, at most max_bytes. It is always valid UTF-8: other bytes are written as
/// \xNN. {"time":"2026-01-31T12:00:00.000Z","level":"info","pid":4711,"pool":"main","worker":"main/0","generation":1,
/// "service":"web","message":"..."}
std::string log_json(const LogRecord& record, std::size_t max_bytes);

/// @return "2026-01-31T12:00:00.000Z": RFC 3339, UTC
std::string log_time(const timespec& time);

/// @return a line for a file or a terminal, with its line end
std::string log_line(const LogRecord& record, LogFormat format);
/// @return a line for the journal, with its line end: preceded by a priority "<6>" and, as text, without time and
/// level, which the journal already has. Source: sd-daemon(3).
std::string journal_line(const LogRecord& record, LogFormat format);

}  // namespace prefork::master
