#pragma once

#include <string>
#include <string_view>

#include "framework/master/log/log_line.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// @return the number of a facility, spelled as in syslog(3) without LOG_ and in small letters; -1: there is none
int syslog_facility(std::string_view name) noexcept;

/// @return the datagram for a line: "<30>Jan  2 03:04:05 prefork-master[4711]: worker main/0 ...", at most kMaxLogLine
/// bytes. The time is local, as in RFC 3164 section 4.1.2. In text form the message has no time of its own; in JSON it
/// has.
std::string syslog_datagram(const LogRecord& record, LogFormat format, int facility);

/// A connection to the host's syslog daemon: a datagram socket that never blocks, as syslog(3) may.
class Syslog {
 public:
  /// Connects. @param path  the daemon's socket, "/dev/log". @throws std::system_error
  explicit Syslog(std::string path);

  /// Sends one datagram. Reconnects first if the daemon was restarted.
  /// @return false: the datagram is lost; the daemon is not there or does not keep up
  bool send(std::string_view datagram) noexcept;

 private:
  bool connect() noexcept;

  std::string path_;
  ipc::UniqueFd socket_;
};

}  // namespace prefork::master
