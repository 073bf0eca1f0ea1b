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

/// The control socket: mode 0600, and only root and the master's own user are listened to. A client can
/// hold nothing but a bounded buffer, and that not for long. Nothing here blocks.
class ControlSocket {
 public:
  struct Reply {
    std::string line;   ///< empty: the answer comes later, by answer()
    bool stay = false;  ///< the connection stays open until the master is gone, which is what the client awaits
  };
  using ClientId = std::uint64_t;
  /// Carries a command out.
  using Handler = std::function<Reply(const ControlCommand&, ClientId)>;

  struct Held {
    ipc::UniqueFd listener;  ///< closed: no socket
    pid_t owner;
    FileIdentity file;
  };

  /// An empty path: no socket. A file that a killed master left is replaced.
  /// @throws StartupError: another master answers there, or it can't be made.
  /// @param held  what another program of this process has bound (upgrade), which then is gone on with
  ControlSocket(const std::string& path, Reactor& reactor, Handler handler, std::optional<Held> held = std::nullopt);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  ~ControlSocket();

  /// Where somebody has removed the file, or put another one there, makes it anew; who is connected stays so. @return
  /// whether it did. @throws StartupError: it can't, and nothing has changed
  bool restore();

  /// Takes a connected, non-blocking stream socket, whose other end may say what `access` allows. It may be silent for
  /// as long as it likes.
  void adopt(ipc::UniqueFd socket, ControlAccess access);

  /// The answer that a client waits for. One that has gone is no error.
  void answer(ClientId client, const std::string& line);

  /// What an upgrade hands over: the listening socket (-1: none) and the connections.
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
  /// Goes on with a connection, whose descriptor it takes. @return its new name
  ClientId go_on(Kept kept);
  /// Carries out what clients had said to the other program. Called once all is ready for commands.
  void serve_kept();

  /// Closes the connections whose time is over. @return when to call it again.
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
  std::size_t adopted_ = 0;  ///< of them
  ClientId next_id_ = 0;
  std::optional<TimePoint> resume_at_;  ///< the listener is not watched until then
};

}  // namespace prefork::master
