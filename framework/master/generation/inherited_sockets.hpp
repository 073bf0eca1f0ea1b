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
  /// Takes LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES out of the environment, and the descriptors that they speak of,
  /// unless they are meant for another process. To be called before any other descriptor is opened.
  /// @param first  the number of the first descriptor: the protocol's, but in tests. @throws StartupError
  static InheritedSockets take_environment(int first = kFirstDescriptor);

  /// The socket that is bound to an address; null: there is none. The options of `spec` are set on it.
  /// @param address  as BoundListener has it; of unix sockets the path of `spec` counts instead
  /// @throws StartupError: it is there, but not as `spec` wants it
  std::shared_ptr<ListeningSocket> take(const config::ListenSpec& spec, const std::string& address);

  struct Named {
    config::ListenSpec spec;  ///< with the scheme and `ipv6only` that the socket has
    std::string address;
    std::shared_ptr<ListeningSocket> socket;
  };
  /// All sockets of the name that `spec` (`fd:` or `fd-dgram:`) gives. @throws StartupError: there is none, or one is
  /// not as `spec` wants it
  std::vector<Named> take_named(const config::ListenSpec& spec);

  /// The descriptors that nobody has taken yet.
  std::vector<int> descriptors() const;
  /// What nobody has taken, for people: "tcp://127.0.0.1:80 (web)".
  std::vector<std::string> unused() const;

 private:
  static constexpr int kFirstDescriptor = 3;  // SD_LISTEN_FDS_START
  struct Socket {
    ipc::UniqueFd fd;
    std::string name;
    std::string address;  ///< "tcp://127.0.0.1:80"; of what is no socket "descriptor 4"
  };

  std::vector<Socket> sockets_;
};

/// `fd:NAME` where no socket of that name was handed over. @throws StartupError
[[noreturn]] void refuse_unknown_name(const config::ListenSpec& spec);

}  // namespace prefork::master
