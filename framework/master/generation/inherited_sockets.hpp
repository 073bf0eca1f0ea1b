#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/config/options.hpp"
#include "framework/master/generation/listener_set.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// The listening sockets that the service manager has bound and handed over (socket activation), until a `listen` of
/// the configuration takes them. Source: sd_listen_fds(3)
class InheritedSockets {
 public:
  InheritedSockets() = default;
  /// Takes LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES out of the environment, and the descriptors that they name, unless
  /// they are meant for another process. Must be called before any other descriptor is opened.
  /// @param first  the number of the first descriptor: the protocol's, except in tests. @throws StartupError
  static InheritedSockets take_environment(int first = kFirstDescriptor);

  /// @return the socket that is bound to an address, with the options of `spec` set on it; null: there is none
  /// @param address  in the form of BoundListener; for unix sockets the path of `spec` counts instead
  /// @throws StartupError: it exists, but not as `spec` requires
  std::shared_ptr<ListeningSocket> take(const config::ListenSpec& spec, const std::string& address);

  struct Named {
    config::ListenSpec spec;  ///< with the scheme and `ipv6only` of the socket
    std::string address;
    std::shared_ptr<ListeningSocket> socket;
  };
  /// Takes all sockets with the name that `spec` (`fd:` or `fd-dgram:`) gives. @throws StartupError: there is none, or
  /// one is not as `spec` requires
  std::vector<Named> take_named(const config::ListenSpec& spec);

  /// The descriptors that are not yet taken.
  std::vector<int> descriptors() const;
  /// The sockets that are not yet taken, for display: "tcp://127.0.0.1:80 (web)".
  std::vector<std::string> unused() const;

 private:
  static constexpr int kFirstDescriptor = 3;  // SD_LISTEN_FDS_START
  struct Socket {
    ipc::UniqueFd fd;
    std::string name;
    std::string address;  ///< "tcp://127.0.0.1:80"; "descriptor 4" if it is no socket
  };

  std::vector<Socket> sockets_;
};

/// Reports that no socket of the name in `fd:NAME` was handed over. @throws StartupError
[[noreturn]] void refuse_unknown_name(const config::ListenSpec& spec);

}  // namespace prefork::master
