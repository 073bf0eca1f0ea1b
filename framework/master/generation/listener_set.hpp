#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "framework/config/listen.hpp"
#include "framework/config/options.hpp"
#include "framework/master/generation/unix_socket.hpp"
#include "ipc/posix/datagram_source.hpp"
#include "ipc/posix/socket_queue.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// A socket bound for the server. The last generation that has it closes it and, in the process that made it, removes a
/// unix socket's file.
class ListeningSocket {
 public:
  /// @param name  its name at the service manager that bound it; empty: the server bound it
  explicit ListeningSocket(ipc::UniqueFd fd, std::string name = {}) noexcept
      : fd_(std::move(fd)), name_(std::move(name)) {
    ipc::tell_destinations(fd_.get());  // also for datagrams that wait for the first worker
  }
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;
  ~ListeningSocket();

  int get() const noexcept { return fd_.get(); }
  const std::string& name() const noexcept { return name_; }
  /// Tells the socket that process `owner` (this one, except after an upgrade) bound it to the file and removes the
  /// file with it.
  void owns_file(const std::string& path, pid_t owner, const FileIdentity& file);
  const std::string& path() const noexcept { return path_; }  ///< empty: none
  const FileIdentity& file() const noexcept { return file_; }
  /// Whether the file no longer exists or is another one: no client finds the socket.
  bool lost_file() const noexcept;
  /// Changes only that file, never another one in its place.
  void give_access(const SocketAccess& access) const noexcept;

 private:
  ipc::UniqueFd fd_;
  std::string name_;
  std::string path_;
  pid_t owner_ = 0;
  FileIdentity file_;
};

class InheritedSockets;

/// One bound address and the services behind it.
struct BoundListener {
  std::vector<std::size_t> services;  ///< indices in Options::services; more than one only for HTTP
  config::ListenSpec spec;
  std::string address;  ///< as bound: "tcp://127.0.0.1:41873"
  std::string pool;
  std::string first_service;                              ///< the name of services.front()
  std::vector<std::shared_ptr<ListeningSocket>> sockets;  ///< one; with `reuseport` as many as the pool had workers
  SocketAccess access{};                                  ///< of the unix schemes

  bool is_datagram() const noexcept { return !config::is_stream(spec.scheme); }
  /// What waits in the kernel, for all sockets together; nullopt: it does not say (unix stream sockets).
  std::optional<ipc::SocketQueue> queue() const noexcept;
};

/// The listening sockets of a generation. Two generations that listen on the same address share the socket, so that a
/// client that waits in a backlog is served by a worker of either.
class ListenerSet {
 public:
  /// Resolves and binds everything that the services listen on. An address that `previous` has is taken over from
  /// there, unless `reuseport` or `ipv6only` differ; port 0 keeps the port of the same service. A port that another
  /// process is just releasing is retried for a second. Sockets bound already are taken out of `inherited`. Blocks
  /// (name resolution). @throws StartupError: nothing new is left bound, and `previous` is untouched
  explicit ListenerSet(const config::Options& options, const ListenerSet* previous = nullptr,
                       InheritedSockets* inherited = nullptr);

  /// Takes listeners that were bound before this process executed another program, or by another process for this one.
  explicit ListenerSet(std::vector<BoundListener> listeners, std::vector<std::string> remarks = {}) noexcept
      : listeners_(std::move(listeners)), remarks_(std::move(remarks)) {}

  const std::vector<BoundListener>& listeners() const noexcept { return listeners_; }
  /// Calls `visit(listener, socket)` for all sockets of a pool's listeners, in the order in which its workers get them.
  template <class Visit>
  void for_each_of(const std::string& pool, Visit visit) const {
    for (const BoundListener& listener : listeners_) {
      if (listener.pool != pool) continue;
      for (const std::shared_ptr<ListeningSocket>& socket : listener.sockets) visit(listener, socket);
    }
  }
  /// Whether the socket belongs to one of its listeners.
  bool has(const ListeningSocket& socket) const noexcept;
  /// What is unusual but no error, for the log: addresses of host names that this machine does not have and that are
  /// not listened on, such as ::1 without IPv6; files of sockets that somebody has removed.
  const std::vector<std::string>& remarks() const noexcept { return remarks_; }
  /// Gives taken-over sockets the options of this set: backlog, nodelay, mode. Called once the generation serves; an
  /// option that the system refuses stays as it was.
  void apply_options() const noexcept;
  /// Drops the addresses of all other pools.
  void keep_only(const std::set<std::string>& pools) noexcept;
  /// Drops everything: the server stops. Sockets that the server itself has bound accept nothing any more, whoever
  /// holds them.
  void shut_down() noexcept;

 private:
  /// Where sockets that are already bound may come from; null: not from there.
  struct Sources {
    const ListenerSet* previous;
    InheritedSockets* inherited;
  };
  void bind_service(const config::Options& options, std::size_t service, const Sources& sources);
  bool take_over(const BoundListener& wanted, const ListenerSet& previous);
  bool take_bound(BoundListener wanted, const Sources& sources);
  void take_named(const BoundListener& wanted, const Sources& sources);
  bool holds(const ListeningSocket& socket) const noexcept;
  void bind_inet(BoundListener listener, std::size_t sockets, const Sources& sources);
  void bind_unix(BoundListener listener);

  std::vector<BoundListener> listeners_;
  std::vector<std::string> remarks_;
};

}  // namespace prefork::master
