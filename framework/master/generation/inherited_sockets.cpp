#include "framework/master/generation/inherited_sockets.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "framework/base/visible.hpp"
#include "framework/master/loop/environment.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "ipc/posix/socket_address.hpp"

namespace prefork::master {

namespace {

using config::ListenScheme;
using config::ListenSpec;

constexpr int kMaxDescriptors = 4096;  // no service manager hands over more
constexpr std::size_t kMaxNameBytes = 255;

std::optional<int> option_of(int fd, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  if (::getsockopt(fd, level, name, &value, &length) == -1) return std::nullopt;
  return value;
}

/// nullopt: a kind that can't be listened on here.
std::optional<ListenScheme> kind_of(int fd) {
  const auto family = option_of(fd, SOL_SOCKET, SO_DOMAIN), type = option_of(fd, SOL_SOCKET, SO_TYPE);
  const auto protocol = option_of(fd, SOL_SOCKET, SO_PROTOCOL);
  if (!family || !type || (*type != SOCK_STREAM && *type != SOCK_DGRAM)) return std::nullopt;
  const bool stream = *type == SOCK_STREAM;
  if (*family == AF_UNIX) return stream ? ListenScheme::unix_stream : ListenScheme::unix_dgram;
  if (*family != AF_INET && *family != AF_INET6) return std::nullopt;
  if (protocol != (stream ? IPPROTO_TCP : IPPROTO_UDP)) return std::nullopt;
  return stream ? ListenScheme::tcp : ListenScheme::udp;
}

bool takes_connections(ListenScheme scheme) {
  return scheme == ListenScheme::tcp || scheme == ListenScheme::unix_stream || scheme == ListenScheme::fd_stream;
}

std::string unix_text(const sockaddr_un& address, socklen_t length) {
  const std::size_t bytes = length - std::min<std::size_t>(length, offsetof(sockaddr_un, sun_path));
  if (bytes < 2 || address.sun_path[0] != '\0') return ipc::format_socket_address(&address, length).substr(5);
  return "@" + std::string(address.sun_path + 1, bytes - 1);
}

std::string text_of(int fd) {
  const auto kind = kind_of(fd);
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (!kind || ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) == -1) {
    return "descriptor " + std::to_string(fd);
  }
  constexpr std::array<const char*, 4> starts{"tcp://", "udp://", "unix:", "unix-dgram:"};
  const std::string start = starts[static_cast<std::size_t>(*kind)];
  if (storage.ss_family != AF_UNIX) return start + ipc::format_socket_address(&storage, length);
  sockaddr_un address{};
  std::memcpy(&address, &storage, std::min<std::size_t>(length, sizeof address));
  return start + base::escape_untrusted(unix_text(address, length), sizeof address.sun_path);
}

[[noreturn]] void refuse(const ListenSpec& spec, const std::string& why) {
  throw StartupError(EX_CONFIG, spec.origin.text + ": " + spec.address + ": " + why);
}

std::vector<std::string> names_in(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find(':', from), text.size());
    names.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return names;
}

/// Checks that the socket is what the configuration takes it for. @throws StartupError
void check_kind(int fd, const std::string& address, const ListenSpec& spec) {
  const std::string subject = "the inherited socket " + address + " ";
  const auto kind = kind_of(fd);
  if (!kind) refuse(spec, subject + "is neither TCP nor UDP nor unix, stream or datagram");
  if (takes_connections(spec.scheme) != takes_connections(*kind)) {
    refuse(spec, subject + (takes_connections(*kind) ? "takes connections, not datagrams"
                                                     : "takes datagrams, not connections"));
  }
  if (takes_connections(*kind) && option_of(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1) {
    refuse(spec, subject + "does not listen: it must be handed over with Accept=no");
  }
  if (spec.reuseport) refuse(spec, subject + "is a single one, but reuseport needs one for each worker");
}

/// nullopt: it is not an IPv6 socket.
std::optional<bool> takes_ipv6_only(int fd) {
  if (option_of(fd, SOL_SOCKET, SO_DOMAIN) != AF_INET6) return std::nullopt;
  return option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 0;
}

std::shared_ptr<ListeningSocket> adopt(ipc::UniqueFd fd, const std::string& name, const ListenSpec& spec) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags == -1 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) == -1) {
    refuse(spec, std::string("fcntl F_SETFL: ") + std::strerror(errno));
  }
  const auto kind = kind_of(fd.get());
  if (kind == ListenScheme::tcp) {
    const int nodelay = spec.nodelay ? 1 : 0;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay);
  }
  if (takes_connections(*kind) && ::listen(fd.get(), spec.backlog) == -1) {
    refuse(spec, std::string("listen: ") + std::strerror(errno));
  }
  return std::make_shared<ListeningSocket>(std::move(fd), name);
}

std::string path_of(const std::string& address) { return address.substr(address.find(':') + 1); }

}  // namespace

void refuse_unknown_name(const ListenSpec& spec) {
  refuse(spec, "no socket of this name was inherited (FileDescriptorName= of the socket unit)");
}

InheritedSockets InheritedSockets::take_environment(int first) {
  const std::string pid = take_variable("LISTEN_PID"), count_text = take_variable("LISTEN_FDS");
  const std::vector<std::string> names = names_in(take_variable("LISTEN_FDNAMES"));
  InheritedSockets inherited;
  if (pid != std::to_string(::getpid())) return inherited;
  int count = 0;
  const char* const end = count_text.data() + count_text.size();
  const auto [stop, error] = std::from_chars(count_text.data(), end, count);
  if (error != std::errc{} || stop != end || count < 0 || count > kMaxDescriptors) {
    throw StartupError(EX_CONFIG,
                       "LISTEN_FDS is not a number of descriptors: " + base::escape_untrusted(count_text, 32));
  }
  for (int i = 0; i < count; ++i) {
    const int fd = first + i;
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
      throw StartupError(
          EX_CONFIG, "LISTEN_FDS=" + count_text + " counts descriptor " + std::to_string(fd) + ", which is not open");
    }
    const auto place = static_cast<std::size_t>(i);
    const std::string name = place < names.size() && !names[place].empty() ? names[place] : "unknown";
    inherited.sockets_.push_back({ipc::UniqueFd(fd), base::escape_untrusted(name, kMaxNameBytes), text_of(fd)});
  }
  return inherited;
}

std::shared_ptr<ListeningSocket> InheritedSockets::take(const ListenSpec& spec, const std::string& address) {
  const bool is_file = !spec.path.empty();
  const std::string path = std::filesystem::path(spec.path).lexically_normal().string();
  const auto found = std::find_if(sockets_.begin(), sockets_.end(), [&](const Socket& socket) {
    return is_file ? socket.address.starts_with("unix") && path_of(socket.address) == path : socket.address == address;
  });
  if (found == sockets_.end()) return nullptr;
  check_kind(found->fd.get(), found->address, spec);
  if (takes_ipv6_only(found->fd.get()).value_or(spec.ipv6only) != spec.ipv6only) {
    refuse(spec, "the inherited socket takes " + std::string(spec.ipv6only ? "IPv4 too" : "IPv6 only") +
                     ": ipv6only and BindIPv6Only= of the socket unit differ");
  }
  const auto socket = adopt(std::move(found->fd), found->name, spec);
  sockets_.erase(found);
  return socket;
}

std::vector<InheritedSockets::Named> InheritedSockets::take_named(const ListenSpec& spec) {
  std::vector<Named> taken;
  std::vector<Socket> others;
  for (Socket& socket : sockets_) {
    if (socket.name != spec.fd_name) {
      others.push_back(std::move(socket));
      continue;
    }
    check_kind(socket.fd.get(), socket.address, spec);
    ListenSpec real = spec;
    real.scheme = *kind_of(socket.fd.get());
    real.ipv6only = takes_ipv6_only(socket.fd.get()).value_or(spec.ipv6only);
    taken.push_back({std::move(real), socket.address, adopt(std::move(socket.fd), socket.name, spec)});
  }
  if (taken.empty()) refuse_unknown_name(spec);
  sockets_ = std::move(others);
  return taken;
}

std::vector<int> InheritedSockets::descriptors() const {
  std::vector<int> all;
  for (const Socket& socket : sockets_) all.push_back(socket.fd.get());
  return all;
}

std::vector<std::string> InheritedSockets::unused() const {
  std::vector<std::string> all;
  for (const Socket& socket : sockets_) all.push_back(socket.address + " (" + socket.name + ")");
  return all;
}

}  // namespace prefork::master
