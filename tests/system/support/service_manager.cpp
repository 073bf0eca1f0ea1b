#include "tests/system/support/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace prefork::system_test {

Manager::Manager(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int on = 1;
  ::setsockopt(fd_, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == -1) {
    throw std::system_error(errno, std::generic_category(), "bind " + path);
  }
}

Manager::~Manager() { ::close(fd_); }

const std::vector<std::string>& Manager::heard() {
  for (;;) {
    char text[4096];
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(ucred))];
    iovec into{text, sizeof text};
    msghdr message{};
    message.msg_iov = &into;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    const ssize_t n = ::recvmsg(fd_, &message, 0);
    if (n < 0) return heard_;
    heard_.emplace_back(text, static_cast<std::size_t>(n));
    const cmsghdr* const head = CMSG_FIRSTHDR(&message);
    if (head == nullptr || head->cmsg_type != SCM_CREDENTIALS) continue;
    ucred speaker{};
    std::memcpy(&speaker, CMSG_DATA(head), sizeof speaker);
    speakers_.insert(speaker.pid);
  }
}

std::size_t Manager::times(const std::string& start) {
  const auto& all = heard();
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const auto& text) { return text.starts_with(start); }));
}

testing::AssertionResult Manager::hears(const std::string& start, std::size_t wanted) {
  if (eventually([&] { return times(start) >= wanted; })) return testing::AssertionSuccess();
  return testing::AssertionFailure() << start << " was said " << times(start) << " times, not " << wanted << ": "
                                     << testing::PrintToString(heard_);
}

std::vector<std::string> Manager::states() {
  std::vector<std::string> all;
  for (const auto& text : heard()) {
    if (!text.starts_with("STATUS=") && text != "WATCHDOG=1") all.push_back(text);
  }
  return all;
}

}  // namespace prefork::system_test
