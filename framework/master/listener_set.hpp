#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "framework/config/options.hpp"
#include "ipc/unique_fd.hpp"

namespace prefork::master {

/// One bound address and who serves it.
struct BoundListener {
  std::vector<std::size_t> services;  ///< indices in Options::services; more than one only for HTTP
  config::ListenSpec spec;
  std::string address;  ///< as bound: "tcp://127.0.0.1:41873"
  std::string pool;
  std::vector<ipc::UniqueFd> sockets;  ///< one; with `reuseport` as many as the pool has workers
};

/// The listening sockets of a generation. Destroying it closes them and removes the unix ones' files, in
/// the process that made them.
class ListenerSet {
 public:
  /// Resolves and binds all that the services listen on. A port that another process is just letting go
  /// of is tried again for a second. Blocks (name resolution). @throws StartupError, and then nothing is
  /// left bound.
  explicit ListenerSet(const config::Options& options);
  ListenerSet(const ListenerSet&) = delete;
  ListenerSet& operator=(const ListenerSet&) = delete;
  ~ListenerSet();

  const std::vector<BoundListener>& listeners() const noexcept { return listeners_; }
  /// Closes everything now: the server stops.
  void close() noexcept;

 private:
  struct UnixPath {
    std::string path;
    dev_t device;
    ino_t inode;
  };

  void bind_service(const config::Options& options, std::size_t service);
  void bind_inet(BoundListener listener, std::size_t sockets);
  void bind_unix(BoundListener listener);

  pid_t owner_;
  std::vector<BoundListener> listeners_;
  std::vector<UnixPath> paths_;
};

}  // namespace prefork::master
