#include "framework/master/log/syslog.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ipc/posix/syscall.hpp"

namespace prefork::master {
namespace {

struct Facility {
  std::string_view name;
  int number;
};
constexpr std::array kFacilities{Facility{"daemon", LOG_DAEMON}, Facility{"user", LOG_USER},
                                 Facility{"local0", LOG_LOCAL0}, Facility{"local1", LOG_LOCAL1},
                                 Facility{"local2", LOG_LOCAL2}, Facility{"local3", LOG_LOCAL3},
                                 Facility{"local4", LOG_LOCAL4}, Facility{"local5", LOG_LOCAL5},
                                 Facility{"local6", LOG_LOCAL6}, Facility{"local7", LOG_LOCAL7}};

}  // namespace

int syslog_facility(std::string_view name) noexcept {
  for (const Facility& facility : kFacilities) {
    if (facility.name == name) return facility.number;
  }
  return -1;
}

std::string syslog_datagram(const LogRecord& record, LogFormat format, int facility) {
  tm parts{};
  ::localtime_r(&record.time.tv_sec, &parts);
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::string text = fmt::format("<{}>{} {:2} {:%H:%M:%S} prefork-master[{}]: ", facility | severity(record.level),
                                 kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_mday, parts, ::getpid());
  text += format == LogFormat::json ? log_json(record, kMaxLogLine - text.size()) : log_text(record);
  if (text.size() > kMaxLogLine) text.resize(kMaxLogLine);
  return text;
}

Syslog::Syslog(std::string path) : path_(std::move(path)) {
  if (!connect()) ipc::throw_errno("connect " + path_);
}

bool Syslog::connect() noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  std::memcpy(address.sun_path, path_.data(), path_.size());
  ipc::UniqueFd next(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!next.is_open() || ::connect(next.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == -1) {
    const int error = errno;
    next.reset();
    errno = error;
    return false;
  }
  socket_ = std::move(next);
  return true;
}

bool Syslog::send(std::string_view datagram) noexcept {
  const auto sent = [&] {
    return ipc::retry_eintr([&] { return ::send(socket_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL); }) ==
           static_cast<ssize_t>(datagram.size());
  };
  if (sent()) return true;
  // A full queue means that the daemon does not keep up; any other error means that nobody has the socket any more.
  return errno != EAGAIN && errno != ENOBUFS && connect() && sent();
}

}  // namespace prefork::master
