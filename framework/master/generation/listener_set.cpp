#include "framework/master/generation/listener_set.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "framework/config/errand.hpp"
#include "framework/config/worker_count.hpp"
#include "framework/master/generation/inherited_sockets.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "ipc/posix/privileges.hpp"
#include "ipc/posix/socket_address.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {

namespace {

using config::ListenScheme;
using config::ListenSpec;

constexpr auto kBindPatience = std::chrono::seconds(1);
constexpr auto kBindPause = std::chrono::milliseconds(20);

bool any_port(const ListenSpec& spec) {
  return !spec.port.empty() && spec.port.find_first_not_of('0') == std::string::npos;
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
  hints.ai_socktype = config::is_stream(spec.scheme) ? SOCK_STREAM : SOCK_DGRAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* result = nullptr;
  const std::string host = spec.host == "*" ? "0.0.0.0" : spec.host;
  config::begin_errand("resolving " + spec.address);
  const int error = ::getaddrinfo(host.c_str(), spec.port.c_str(), &hints, &result);
  if (error == 0) return AddressList(result, &::freeaddrinfo);
  const std::string reason = error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(error);
  throw StartupError(error == EAI_SYSTEM ? EX_OSERR : EX_CONFIG,
                     spec.origin.text + ": can't resolve " + spec.address + ": " + reason);
}

ipc::UniqueFd open_socket(int family, const ListenSpec& spec, bool reuseport) {
  const int type = config::is_stream(spec.scheme) ? SOCK_STREAM : SOCK_DGRAM;
  ipc::UniqueFd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) refuse(spec, errno, "socket");
  if (family == AF_UNIX) return fd;
  // For datagram sockets this option would share the port with any other process.
  if (type == SOCK_STREAM) set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, spec);
  if (reuseport) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1, spec);
  if (family == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, spec.ipv6only ? 1 : 0, spec);
  // Accepted connections inherit it, which saves a call for each.
  if (type == SOCK_STREAM && spec.nodelay) set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1, spec);
  return fd;
}

void start_listening(int fd, const ListenSpec& spec) {
  if (config::is_stream(spec.scheme) && ::listen(fd, spec.backlog) == -1) refuse(spec, errno, "listen");
}

// The workers of a killed master hold its ports until they notice its end.
void bind_patiently(int fd, const sockaddr* address, socklen_t length, const ListenSpec& spec) {
  const auto deadline = std::chrono::steady_clock::now() + kBindPatience;
  while (::bind(fd, address, length) == -1) {
    if (errno != EADDRINUSE || std::chrono::steady_clock::now() >= deadline) refuse(spec, errno, "bind");
    std::this_thread::sleep_for(kBindPause);
  }
}

in_port_t& port_of(sockaddr* address) {
  return address->sa_family == AF_INET ? reinterpret_cast<sockaddr_in*>(address)->sin_port
                                       : reinterpret_cast<sockaddr_in6*>(address)->sin6_port;
}

/// Whether this machine lacks the address: the error of bind(2); zero: it has the address.
int absence_of(const addrinfo& wanted) {
  const ipc::UniqueFd probe(::socket(wanted.ai_family, wanted.ai_socktype | SOCK_CLOEXEC, 0));
  if (!probe.is_open()) return errno == EAFNOSUPPORT ? EAFNOSUPPORT : 0;
  sockaddr_storage address{};
  std::memcpy(&address, wanted.ai_addr, std::min<std::size_t>(wanted.ai_addrlen, sizeof address));
  port_of(reinterpret_cast<sockaddr*>(&address)) = 0;
  const int result = ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), wanted.ai_addrlen);
  return result == -1 && errno == EADDRNOTAVAIL ? EADDRNOTAVAIL : 0;
}

std::string text_of(const sockaddr* address, socklen_t length, const ListenSpec& spec) {
  sockaddr_storage copy{};
  std::memcpy(&copy, address, std::min<std::size_t>(length, sizeof copy));
  return (config::is_stream(spec.scheme) ? "tcp://" : "udp://") + ipc::format_socket_address(&copy, length);
}

SocketAccess access_of(const ListenSpec& spec) {
  SocketAccess access{spec.mode};
  try {
    if (!spec.owner.empty()) access.owner = ipc::resolve_user(spec.owner);
    if (!spec.group.empty()) access.group = ipc::resolve_group(spec.group);
  } catch (const std::system_error& error) {
    throw StartupError(EX_OSERR, spec.origin.text + ": " + spec.address + ": " + error.what());
  } catch (const std::runtime_error& error) {
    throw StartupError(EX_NOUSER, spec.origin.text + ": " + spec.address + ": " + error.what());
  }
  return access;
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
  if (!path_.empty() && ::getpid() == owner_) remove_own(path_, file_);
}

void ListeningSocket::owns_file(const std::string& path, pid_t owner, const FileIdentity& file) {
  path_ = path;
  owner_ = owner;
  file_ = file;
}

void ListeningSocket::give_access(const SocketAccess& access) const noexcept {
  master::give_access(path_, file_, access);
}

bool ListeningSocket::lost_file() const noexcept { return !path_.empty() && identity_of(path_) != file_; }

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
      if (config::is_stream(spec.scheme)) ::listen(socket->get(), spec.backlog);
    }
    if (is_unix(spec.scheme)) listener.sockets.front()->give_access(listener.access);
  }
}

bool ListenerSet::has(const ListeningSocket& socket) const noexcept {
  return std::any_of(listeners_.begin(), listeners_.end(), [&](const BoundListener& listener) {
    return std::any_of(listener.sockets.begin(), listener.sockets.end(),
                       [&](const auto& one) { return one.get() == &socket; });
  });
}

// A socket from the service manager belongs to it and keeps listening for the next server. Source: shutdown(2), which
// ends the listening of TCP and unix sockets.
void ListenerSet::shut_down() noexcept {
  for (const BoundListener& listener : listeners_) {
    for (const auto& socket : listener.sockets) {
      if (socket->name().empty() && config::is_stream(listener.spec.scheme)) ::shutdown(socket->get(), SHUT_RDWR);
    }
  }
  listeners_.clear();
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
    if (is_unix(spec.scheme)) listener.access = access_of(spec);
    if (is_fd(spec.scheme)) {
      take_named(listener, sources);
    } else if (is_unix(spec.scheme)) {
      if (!take_bound(listener, sources)) bind_unix(std::move(listener));
    } else if (!any_port(spec) || sources.previous == nullptr || !take_over(listener, *sources.previous)) {
      bind_inet(std::move(listener), spec.reuseport ? workers_of(options, wanted.pool) : 1, sources);
    }
  }
}

// `wanted` names the address to bind to, or has port 0 and the service whose port may be kept.
bool ListenerSet::take_over(const BoundListener& wanted, const ListenerSet& previous) {
  for (const BoundListener& known : previous.listeners_) {
    const bool same_address = any_port(wanted.spec)
                                  ? known.spec.address == wanted.spec.address &&
                                        known.first_service == wanted.first_service && !holds(*known.sockets.front())
                                  : known.address == wanted.address;
    const bool same_kind = known.spec.reuseport == wanted.spec.reuseport && known.spec.ipv6only == wanted.spec.ipv6only;
    if (!same_address || !same_kind || known.spec.scheme != wanted.spec.scheme) continue;
    if (known.sockets.front()->lost_file()) {
      remarks_.push_back(known.address + " was removed by somebody: it is made again");
      continue;
    }
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
    if (config::is_stream(known.spec.scheme) != config::is_stream(wanted.spec.scheme)) continue;
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

// A name may stand for several addresses: each becomes a listener. If the system chooses the port, only the first
// address does, since the others would get other ports.
void ListenerSet::bind_inet(BoundListener listener, std::size_t sockets, const Sources& sources) {
  const AddressList addresses = resolve(listener.spec);
  int missing = 0;
  bool any = false;
  for (addrinfo* at = addresses.get(); at != nullptr; at = at->ai_next) {
    if (at->ai_family != AF_INET && at->ai_family != AF_INET6) continue;
    BoundListener bound = listener;
    const bool chosen_by_system = port_of(at->ai_addr) == 0;
    bound.address = text_of(at->ai_addr, at->ai_addrlen, listener.spec);
    if (!chosen_by_system && take_bound(bound, sources)) {
      any = true;
      continue;
    }
    if (const int error = absence_of(*at); error != 0) {
      missing = error;
      remarks_.push_back(listener.spec.origin.text + ": " + listener.spec.address + " is not listened on at " +
                         bound.address + ": " + std::strerror(error));
      continue;
    }
    any = true;
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
  if (!any) refuse(listener.spec, missing, "bind");
}

void ListenerSet::bind_unix(BoundListener listener) {
  const ListenSpec& spec = listener.spec;
  config::begin_errand("binding " + spec.address);
  const auto socket = std::make_shared<ListeningSocket>(open_socket(AF_UNIX, spec, false));
  try {
    const int type = config::is_stream(spec.scheme) ? SOCK_STREAM : SOCK_DGRAM;
    socket->owns_file(spec.path, ::getpid(), bind_unix_socket(socket->get(), type, spec.path, listener.access));
  } catch (const UnixSocketError& error) {
    refuse(spec, error.error(), error.call());
  }
  start_listening(socket->get(), spec);
  listener.sockets.push_back(socket);
  listeners_.push_back(std::move(listener));
}

}  // namespace prefork::master
