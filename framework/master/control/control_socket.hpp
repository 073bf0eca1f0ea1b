#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "framework/master/control/control_command.hpp"
#include "framework/master/control/control_session.hpp"
#include "framework/master/generation/file_identity.hpp"
#include "framework/master/loop/clock.hpp"
#include "framework/master/loop/reactor.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// The control socket: mode 0600, and it accepts only root and the master's own user. A client can hold only a bounded
/// buffer, and only for a limited time. Nothing here blocks.
class ControlSocket {
 public:
  struct Reply {
    std::string line;   ///< empty: the answer comes later, by answer()
    bool stay = false;  ///< the connection stays open until the master is gone, which is what the client waits for
  };
  using ClientId = std::uint64_t;
  /// Carries a command out.
  using Handler = std::function<Reply(const ControlCommand&, ClientId)>;

  struct Held {
    ipc::UniqueFd listener;  ///< closed: no socket
    pid_t owner;
    FileIdentity file;
  };

  /// With an empty path there is no socket. A file that a killed master left behind is replaced.
  /// @throws StartupError: another master answers there, or the socket can't be made
  /// @param held  a socket that another program of this process has bound (upgrade), which is then used
  ControlSocket(const std::string& path, Reactor& reactor, Handler handler, std::optional<Held> held = std::nullopt);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  ~ControlSocket();

  /// Makes the file anew if somebody has removed or replaced it; existing connections stay. @return whether it did.
  /// @throws StartupError: it can't, and nothing has changed
  bool restore();

  /// Takes a connected, non-blocking stream socket, whose other end may do what `access` allows. It has no time limit.
  void adopt(ipc::UniqueFd socket, ControlAccess access);

  /// Sends the answer that a client waits for. A client that has gone is no error.
  void answer(ClientId client, const std::string& line);

  /// For an upgrade: the listening socket (-1: none) and the connections.
  int listener() const noexcept { return listener_.get(); }
  const FileIdentity& file() const noexcept { return file_; }
  struct Kept {
    int fd;
    ClientId id;
    ControlAccess access;
    bool adopted;
    ControlSession::Kept session;
  };
  std::vector<Kept> keep() const;
  /// Continues a handed-over connection, whose descriptor it takes. @return its new id
  ClientId go_on(Kept kept);
  /// Carries out what clients had sent to the other program. Must be called once everything is ready for commands.
  void serve_kept();

  /// Closes the connections whose time is up. @return when to call it again
  std::optional<TimePoint> expire(TimePoint now);

 private:
  struct Client {
    ipc::UniqueFd fd;
    ClientId id;
    ControlSession session;
    ControlAccess access = ControlAccess::full;
    bool adopted = false;
  };

  void open();
  void accept();
  void add(Client client);
  void serve(int fd, std::uint32_t events);
  void answer_next(Client& client);
  bool read_from(Client& client);
  bool write_to(Client& client);
  void drop(int fd);

  static constexpr std::size_t kMaxClients = 32;

  std::string path_;
  pid_t owner_;
  Reactor& reactor_;
  Handler handler_;
  ipc::UniqueFd listener_;
  FileIdentity file_;
  std::map<int, Client> clients_;
  std::size_t adopted_ = 0;  ///< how many of them
  ClientId next_id_ = 0;
  std::optional<TimePoint> resume_at_;  ///< the listener is not watched until then
};

}  // namespace prefork::master
