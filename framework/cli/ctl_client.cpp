#include "framework/cli/ctl_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "ipc/posix/syscall.hpp"

namespace prefork::cli {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxAnswerBytes = 64U << 20;

// connect(2) to a unix socket whose backlog is full waits this long.
void limit_connect(int fd, milliseconds patience) {
  timeval limit{};
  limit.tv_sec = static_cast<time_t>(patience.count() / 1000);
  limit.tv_usec = static_cast<suseconds_t>(patience.count() % 1000 * 1000);
  ipc::check_syscall(::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), "setsockopt SO_SNDTIMEO");
}

bool peer_is_gone(int error) noexcept { return error == EPIPE || error == ECONNRESET; }

}  // namespace

CtlClient CtlClient::connect(const std::string& path, milliseconds patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) ipc::throw_errno(ENAMETOOLONG, "connect " + path);
  std::memcpy(address.sun_path, path.data(), path.size());

  ipc::UniqueFd fd(ipc::check_syscall(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket AF_UNIX"));
  limit_connect(fd.get(), patience);
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  const int result = ipc::retry_eintr([&] { return ::connect(fd.get(), generic, sizeof address); });
  if (result == -1) ipc::throw_errno("connect " + path);
  return CtlClient(std::move(fd));
}

CtlClient::Ready CtlClient::wait_for(short events, std::optional<Clock::time_point> deadline) const {
  for (;;) {
    int timeout = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<milliseconds>(*deadline - Clock::now()).count();
      if (left <= 0) return Ready::timed_out;
      timeout = static_cast<int>(std::min<milliseconds::rep>(left, INT_MAX));
    }
    pollfd poll_fd{fd_.get(), events, 0};
    const int count = ipc::retry_eintr([&] { return ::poll(&poll_fd, 1, timeout); });
    ipc::check_syscall(count, "poll control socket");
    if (count > 0) return Ready::yes;
  }
}

CtlClient::Outcome CtlClient::send_line(std::string_view command, std::optional<Clock::time_point> deadline) {
  const std::string line = std::string(command) + '\n';
  std::string_view left = line;
  while (!left.empty()) {
    if (wait_for(POLLOUT, deadline) == Ready::timed_out) return Outcome::timed_out;
    const ssize_t sent = ::send(fd_.get(), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      left.remove_prefix(static_cast<std::size_t>(sent));
    } else if (peer_is_gone(errno)) {
      return Outcome::closed;
    } else if (errno != EAGAIN && errno != EINTR) {
      ipc::throw_errno("send to the control socket");
    }
  }
  return Outcome::answered;
}

CtlClient::Reply CtlClient::ask(std::string_view command, std::optional<Clock::time_point> deadline) {
  // A master that refuses a client may answer and close before it reads, so look for its answer in any case.
  if (send_line(command, deadline) == Outcome::timed_out) return {Outcome::timed_out, {}};
  std::string text = std::exchange(rest_, {});
  std::size_t searched = 0;
  for (;;) {
    const auto end = text.find('\n', searched);
    if (end != std::string::npos) {
      rest_ = text.substr(end + 1);
      text.resize(end);
      return {Outcome::answered, std::move(text)};
    }
    searched = text.size();
    if (searched > kMaxAnswerBytes) ipc::throw_errno(EMSGSIZE, "read an answer from the control socket");
    if (wait_for(POLLIN, deadline) == Ready::timed_out) return {Outcome::timed_out, {}};
    std::array<char, 16384> chunk;
    const ssize_t got = ::recv(fd_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (got > 0) {
      text.append(chunk.data(), static_cast<std::size_t>(got));
    } else if (got == 0 || peer_is_gone(errno)) {
      return {Outcome::closed, {}};
    } else if (errno != EAGAIN && errno != EINTR) {
      ipc::throw_errno("receive from the control socket");
    }
  }
}

bool CtlClient::wait_closed(std::optional<Clock::time_point> deadline) {
  for (;;) {
    if (wait_for(POLLIN, deadline) == Ready::timed_out) return false;
    std::array<char, 4096> chunk;
    const ssize_t got = ::recv(fd_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (got == 0 || (got == -1 && peer_is_gone(errno))) return true;
    if (got == -1 && errno != EAGAIN && errno != EINTR) ipc::throw_errno("receive from the control socket");
  }
}

}  // namespace prefork::cli
