#include "framework/master/listener_set.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "framework/config/worker_count.hpp"
#include "framework/master/inherited_sockets.hpp"
#include "framework/master/startup_error.hpp"
#include "ipc/socket_address.hpp"
#include "ipc/syscall.hpp"

namespace prefork::master {

namespace {

using config::ListenScheme;
using config::ListenSpec;

constexpr auto kBindPatience = std::chrono::seconds(1);
constexpr auto kBindPause = std::chrono::milliseconds(20);

bool any_port(const ListenSpec& spec) {
  return !spec.port.empty() && spec.port.find_first_not_of('0') == std::string::npos;
}

bool is_stream(ListenScheme scheme) {
  return scheme == ListenScheme::tcp || scheme == ListenScheme::unix_stream || scheme == ListenScheme::fd_stream;
}
bool is_fd(ListenScheme scheme) { return scheme == ListenScheme::fd_stream || scheme == ListenScheme::fd_dgram; }
bool is_unix(ListenScheme scheme) { return scheme == ListenScheme::unix_stream || scheme == ListenScheme::unix_dgram; }

[[noreturn]] void refuse(const ListenSpec& spec, int error, const std::string& call) {
  const int code = error == EACCES || error == EPERM ? EX_NOPERM : EX_UNAVAILABLE;
  throw StartupError(code, spec.origin.text + ": " + call + " " + spec.address + ": " + std::strerror(error));
}

void set_option(int fd, int level, int name, int value, const ListenSpec& spec) {
  if (::setsockopt(fd, level, name, &value, sizeof value) == -1) refuse(spec, errno, "setsockopt");
}

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

AddressList resolve(const ListenSpec& spec) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = is_stream(spec.scheme) ? SOCK_STREAM : SOCK_DGRAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* result = nullptr;
  const std::string host = spec.host == "*" ? "0.0.0.0" : spec.host;
  const int error = ::getaddrinfo(host.c_str(), spec.port.c_str(), &hints, &result);
  if (error == 0) return AddressList(result, &::freeaddrinfo);
  const std::string reason = error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(error);
  throw StartupError(error == EAI_SYSTEM ? EX_OSERR : EX_CONFIG,
                     spec.origin.text + ": can't resolve " + spec.address + ": " + reason);
}

ipc::UniqueFd open_socket(int family, const ListenSpec& spec, bool reuseport) {
  const int type = is_stream(spec.scheme) ? SOCK_STREAM : SOCK_DGRAM;
  ipc::UniqueFd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) refuse(spec, errno, "socket");
  if (family == AF_UNIX) return fd;
  // Datagram sockets would share the port with any other process by it.
  if (type == SOCK_STREAM) set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, spec);
  if (reuseport) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1, spec);
  if (family == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, spec.ipv6only ? 1 : 0, spec);
  // Accepted connections inherit it, which saves a call for each.
  if (type == SOCK_STREAM && spec.nodelay) set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1, spec);
  return fd;
}

void start_listening(int fd, const ListenSpec& spec) {
  if (is_stream(spec.scheme) && ::listen(fd, spec.backlog) == -1) refuse(spec, errno, "listen");
}

// A master that was killed leaves workers that hold its ports until they have seen its end.
void bind_patiently(int fd, const sockaddr* address, socklen_t length, const ListenSpec& spec) {
  const auto deadline = std::chrono::steady_clock::now() + kBindPatience;
  while (::bind(fd, address, length) == -1) {
    if (errno != EADDRINUSE || std::chrono::steady_clock::now() >= deadline) refuse(spec, errno, "bind");
    std::this_thread::sleep_for(kBindPause);
  }
}

std::string text_of(const sockaddr* address, socklen_t length, const ListenSpec& spec) {
  sockaddr_storage copy{};
  std::memcpy(&copy, address, std::min<std::size_t>(length, sizeof copy));
  return (is_stream(spec.scheme) ? "tcp://" : "udp://") + ipc::format_socket_address(&copy, length);
}

in_port_t& port_of(sockaddr* address) {
  return address->sa_family == AF_INET ? reinterpret_cast<sockaddr_in*>(address)->sin_port
                                       : reinterpret_cast<sockaddr_in6*>(address)->sin6_port;
}

sockaddr_un unix_address(const ListenSpec& spec) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (spec.path.size() >= sizeof address.sun_path) refuse(spec, ENAMETOOLONG, "bind");
  spec.path.copy(address.sun_path, spec.path.size());
  return address;
}

bool is_answered(const ListenSpec& spec, const sockaddr_un& address) {
  const int type = is_stream(spec.scheme) ? SOCK_STREAM : SOCK_DGRAM;
  ipc::UniqueFd probe(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe.is_open()) refuse(spec, errno, "socket");
  const int result = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return result == 0 || errno != ECONNREFUSED;
}

// A socket file that nobody answers at was left behind by a killed master. Its workers may hold the socket
// until they have seen its end.
void remove_stale(const ListenSpec& spec, const sockaddr_un& address) {
  const auto deadline = std::chrono::steady_clock::now() + kBindPatience;
  for (;;) {
    struct stat status {};
    if (::lstat(spec.path.c_str(), &status) == -1) return;
    if (!S_ISSOCK(status.st_mode)) refuse(spec, EEXIST, "bind");
    if (!is_answered(spec, address)) break;
    if (std::chrono::steady_clock::now() >= deadline) refuse(spec, EADDRINUSE, "bind");
    std::this_thread::sleep_for(kBindPause);
  }
  ::unlink(spec.path.c_str());
}

unsigned workers_of(const config::Options& options, const std::string& pool) {
  const auto found =
      std::find_if(options.pools.begin(), options.pools.end(), [&](const auto& p) { return p.name == pool; });
  return found == options.pools.end() ? 1 : std::max(config::most_workers(*found), 1U);
}

}  // namespace

std::optional<ipc::SocketQueue> BoundListener::queue() const noexcept {
  const bool accepts = spec.scheme == config::ListenScheme::tcp || spec.scheme == config::ListenScheme::unix_stream;
  ipc::SocketQueue all;
  for (const auto& socket : sockets) {
    const auto queue = accepts ? ipc::accept_queue(socket->get()) : ipc::datagram_queue(socket->get());
    if (!queue) return std::nullopt;
    all = {all.waiting + queue->waiting, all.limit + queue->limit, all.dropped + queue->dropped};
  }
  return all;
}

ListeningSocket::~ListeningSocket() {
  if (path_.empty() || ::getpid() != owner_) return;
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

void ListeningSocket::owns_file(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == -1) return;
  path_ = path;
  owner_ = ::getpid();
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

void ListeningSocket::owns_file(const std::string& path, pid_t owner, dev_t device, ino_t inode) {
  path_ = path;
  owner_ = owner;
  device_ = device;
  inode_ = inode;
}

// Who may write to the folder could put a link to any file where the socket was: the file is looked at before it is
// changed, by the same descriptor. chmod(2) takes no O_PATH descriptor, but its name in /proc.
void ListeningSocket::set_mode(mode_t mode) const noexcept {
  const ipc::UniqueFd file(::open(path_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.get(), &status) == -1) return;
  if (status.st_dev != device_ || status.st_ino != inode_) return;
  ::chmod(("/proc/self/fd/" + std::to_string(file.get())).c_str(), mode);
}

ListenerSet::ListenerSet(const config::Options& options, const ListenerSet* previous, InheritedSockets* inherited) {
  for (std::size_t i = 0; i < options.services.size(); ++i) bind_service(options, i, {previous, inherited});
}

void ListenerSet::apply_options() const noexcept {
  for (const BoundListener& listener : listeners_) {
    const ListenSpec& spec = listener.spec;
    const int nodelay = spec.nodelay ? 1 : 0;
    for (const auto& socket : listener.sockets) {
      if (spec.scheme == ListenScheme::tcp) {
        ::setsockopt(socket->get(), IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay);
      }
      if (is_stream(spec.scheme)) ::listen(socket->get(), spec.backlog);
    }
    if (is_unix(spec.scheme)) listener.sockets.front()->set_mode(spec.mode);
  }
}

bool ListenerSet::has(const ListeningSocket& socket) const noexcept {
  return std::any_of(listeners_.begin(), listeners_.end(), [&](const BoundListener& listener) {
    return std::any_of(listener.sockets.begin(), listener.sockets.end(),
                       [&](const auto& one) { return one.get() == &socket; });
  });
}

void ListenerSet::keep_only(const std::set<std::string>& pools) noexcept {
  std::erase_if(listeners_, [&](const BoundListener& listener) { return !pools.contains(listener.pool); });
}

void ListenerSet::bind_service(const config::Options& options, std::size_t service, const Sources& sources) {
  const auto& wanted = options.services[service];
  for (const auto& spec : wanted.listeners) {
    const auto same = std::find_if(listeners_.begin(), listeners_.end(), [&](const BoundListener& listener) {
      return listener.spec.address == spec.address && listener.pool == wanted.pool && !any_port(spec);
    });
    if (same != listeners_.end()) {
      for (auto at = same; at != listeners_.end(); ++at) {
        if (at->spec.address == spec.address) at->services.push_back(service);
      }
      continue;
    }
    BoundListener listener{{service}, spec, spec.address, wanted.pool, wanted.name, {}};
    if (is_fd(spec.scheme)) {
      take_named(listener, sources);
    } else if (is_unix(spec.scheme)) {
      if (!take_bound(listener, sources)) bind_unix(std::move(listener));
    } else if (!any_port(spec) || sources.previous == nullptr || !take_over(listener, *sources.previous)) {
      bind_inet(std::move(listener), spec.reuseport ? workers_of(options, wanted.pool) : 1, sources);
    }
  }
}

// `wanted` names what it shall be bound to, or has port 0 and the service that may keep its port.
bool ListenerSet::take_over(const BoundListener& wanted, const ListenerSet& previous) {
  for (const BoundListener& known : previous.listeners_) {
    const bool same_address = any_port(wanted.spec)
                                  ? known.spec.address == wanted.spec.address &&
                                        known.first_service == wanted.first_service && !holds(*known.sockets.front())
                                  : known.address == wanted.address;
    const bool same_kind = known.spec.reuseport == wanted.spec.reuseport && known.spec.ipv6only == wanted.spec.ipv6only;
    if (!same_address || !same_kind || known.spec.scheme != wanted.spec.scheme) continue;
    listeners_.push_back(wanted);
    listeners_.back().address = known.address;
    listeners_.back().sockets = known.sockets;
    return true;
  }
  return false;
}

bool ListenerSet::take_bound(BoundListener wanted, const Sources& sources) {
  if (sources.previous != nullptr && take_over(wanted, *sources.previous)) return true;
  if (sources.inherited == nullptr) return false;
  const auto socket = sources.inherited->take(wanted.spec, wanted.address);
  if (socket == nullptr) return false;
  wanted.sockets.push_back(socket);
  listeners_.push_back(std::move(wanted));
  return true;
}

// A name may stand for several sockets: each becomes a listener.
void ListenerSet::take_named(const BoundListener& wanted, const Sources& sources) {
  if (sources.inherited != nullptr) {
    for (auto& found : sources.inherited->take_named(wanted.spec)) {
      listeners_.push_back(wanted);
      listeners_.back().spec = std::move(found.spec);
      listeners_.back().address = std::move(found.address);
      listeners_.back().sockets.push_back(std::move(found.socket));
    }
    return;
  }
  if (sources.previous == nullptr) refuse_unknown_name(wanted.spec);
  bool taken = false;
  for (const BoundListener& known : sources.previous->listeners_) {
    if (known.sockets.front()->name() != wanted.spec.fd_name || holds(*known.sockets.front())) continue;
    if (is_stream(known.spec.scheme) != is_stream(wanted.spec.scheme)) continue;
    listeners_.push_back(wanted);
    listeners_.back().spec.scheme = known.spec.scheme;
    listeners_.back().spec.ipv6only = known.spec.ipv6only;
    listeners_.back().address = known.address;
    listeners_.back().sockets = known.sockets;
    taken = true;
  }
  if (!taken) refuse_unknown_name(wanted.spec);
}

bool ListenerSet::holds(const ListeningSocket& socket) const noexcept {
  return std::any_of(listeners_.begin(), listeners_.end(),
                     [&](const BoundListener& listener) { return listener.sockets.front().get() == &socket; });
}

// A name may stand for several addresses: each becomes a listener. Where the system chooses the port,
// only the first does, since another would get another port.
void ListenerSet::bind_inet(BoundListener listener, std::size_t sockets, const Sources& sources) {
  const AddressList addresses = resolve(listener.spec);
  for (addrinfo* at = addresses.get(); at != nullptr; at = at->ai_next) {
    if (at->ai_family != AF_INET && at->ai_family != AF_INET6) continue;
    BoundListener bound = listener;
    const bool chosen_by_system = port_of(at->ai_addr) == 0;
    bound.address = text_of(at->ai_addr, at->ai_addrlen, listener.spec);
    if (!chosen_by_system && take_bound(bound, sources)) continue;
    for (std::size_t i = 0; i < sockets; ++i) {
      ipc::UniqueFd fd = open_socket(at->ai_family, listener.spec, listener.spec.reuseport);
      bind_patiently(fd.get(), at->ai_addr, at->ai_addrlen, listener.spec);
      start_listening(fd.get(), listener.spec);
      if (i == 0) {
        sockaddr_storage chosen{};
        socklen_t length = sizeof chosen;
        ipc::check_syscall(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&chosen), &length), "getsockname");
        port_of(at->ai_addr) = port_of(reinterpret_cast<sockaddr*>(&chosen));
        bound.address = text_of(reinterpret_cast<sockaddr*>(&chosen), length, listener.spec);
      }
      bound.sockets.push_back(std::make_shared<ListeningSocket>(std::move(fd)));
    }
    listeners_.push_back(std::move(bound));
    if (chosen_by_system) break;
  }
}

void ListenerSet::bind_unix(BoundListener listener) {
  const ListenSpec& spec = listener.spec;
  const sockaddr_un address = unix_address(spec);
  remove_stale(spec, address);
  const auto socket = std::make_shared<ListeningSocket>(open_socket(AF_UNIX, spec, false));
  // The umask is the one way to give the file its mode at the instant that it appears.
  const mode_t before = ::umask(static_cast<mode_t>(~spec.mode & 0777));
  const int result = ::bind(socket->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(before);
  if (result == -1) refuse(spec, error, "bind");
  socket->owns_file(spec.path);
  start_listening(socket->get(), spec);
  listener.sockets.push_back(socket);
  listeners_.push_back(std::move(listener));
}

}  // namespace prefork::master
