#include "framework/master/control/control_socket.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <variant>
#include <vector>

#include "framework/master/generation/unix_socket.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {

namespace {

constexpr unsigned kLinesPerTurn = 8;  // of one client, before the others and the workers get their turn

constexpr std::chrono::milliseconds kExhaustedMoment{500};  // until descriptors or memory are tried again

[[noreturn]] void refuse(const std::string& path, const std::string& call, int error) {
  const int code = error == EACCES || error == EPERM ? EX_NOPERM : EX_CANTCREAT;
  throw StartupError(code, call + " control socket " + path + ": " + std::strerror(error));
}

bool peer_allowed(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == -1) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

}  // namespace

ControlSocket::ControlSocket(const std::string& path, Reactor& reactor, Handler handler, std::optional<Held> held)
    : path_(path), owner_(held ? held->owner : ::getpid()), reactor_(reactor), handler_(std::move(handler)) {
  if (path_.empty()) return;
  if (held) {
    listener_ = std::move(held->listener);
    file_ = held->file;
    reactor_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
    return;
  }
  open();
}

ControlSocket::~ControlSocket() {
  if (listener_.is_open() && ::getpid() == owner_) remove_own(path_, file_);
}

// All or nothing: if no new socket can be made, the old one, if any, stays.
void ControlSocket::open() {
  ipc::UniqueFd next(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!next.is_open()) refuse(path_, "socket", errno);
  FileIdentity file;
  try {
    file = bind_unix_socket(next.get(), SOCK_STREAM, path_, {0600});
  } catch (const UnixSocketError& error) {
    if (error.error() != EADDRINUSE) refuse(path_, error.call(), error.error());
    throw StartupError(EX_UNAVAILABLE, "another prefork-master answers at control socket " + path_);
  }
  try {
    if (::listen(next.get(), 16) == -1) refuse(path_, "listen", errno);
    reactor_.watch(next.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
  } catch (...) {
    remove_own(path_, file);
    throw;
  }
  if (listener_.is_open()) reactor_.forget(listener_.get());
  listener_ = std::move(next);
  file_ = file;
  resume_at_.reset();
}

bool ControlSocket::restore() {
  if (path_.empty() || identity_of(path_) == file_) return false;
  open();
  return true;
}

void ControlSocket::accept() {
  ipc::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.is_open()) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    // Short of descriptors, or refused by a security module: the client stays in the backlog, and its event would fire
    // again at once.
    reactor_.change(listener_.get(), 0);
    resume_at_ = Clock::now() + kExhaustedMoment;
    return;
  }
  if (!peer_allowed(fd.get()) || clients_.size() - adopted_ >= kMaxClients) {
    const bool full = clients_.size() - adopted_ >= kMaxClients;
    const std::string answer = full ? answer_error("too many connections to the control socket", kExitUnavailable)
                                    : answer_error("only root and the master's user may give commands", EX_NOPERM);
    [[maybe_unused]] const ssize_t n = ::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    return;
  }
  add(Client{std::move(fd), next_id_++, ControlSession(Clock::now())});
}

void ControlSocket::adopt(ipc::UniqueFd socket, ControlAccess access) {
  go_on({socket.release(), 0, access, true, {}});
}

void ControlSocket::add(Client client) {
  const int number = client.fd.get();
  clients_.emplace(number, std::move(client));
  reactor_.watch(number, EPOLLIN, [this, number](std::uint32_t events) { serve(number, events); });
}

std::vector<ControlSocket::Kept> ControlSocket::keep() const {
  std::vector<Kept> kept;
  for (const auto& [fd, client] : clients_) {
    kept.push_back({fd, client.id, client.access, client.adopted, client.session.keep()});
  }
  return kept;
}

ControlSocket::ClientId ControlSocket::go_on(Kept kept) {
  ControlSession::Limits limits;
  if (kept.adopted) limits.input = std::chrono::milliseconds(0);
  adopted_ += kept.adopted ? 1 : 0;
  const ClientId id = next_id_++;
  ControlSession session(Clock::now(), limits, std::move(kept.session));
  add(Client{ipc::UniqueFd(kept.fd), id, std::move(session), kept.access, kept.adopted});
  return id;
}

void ControlSocket::serve_kept() {
  std::vector<int> fds;
  for (const auto& [fd, client] : clients_) fds.push_back(fd);
  for (const int fd : fds) serve(fd, 0);
}

void ControlSocket::drop(int fd) {
  reactor_.forget(fd);
  if (clients_.at(fd).adopted) --adopted_;
  clients_.erase(fd);
}

// @return false: the connection is broken
bool ControlSocket::read_from(Client& client) {
  char chunk[4096];
  while (client.session.wants_input()) {
    const ssize_t n = ::recv(client.fd.get(), chunk, sizeof chunk, 0);
    if (n == -1) return errno == EAGAIN || errno == EINTR;
    if (n == 0) {
      client.session.input_ended();
      return true;
    }
    if (client.session.feed({chunk, static_cast<std::size_t>(n)}) == ControlSession::Fed::too_long) {
      client.session.answer(answer_error("the line is longer than 1024 bytes", kExitUsage), Clock::now());
      client.session.close_when_written();
    }
    if (static_cast<std::size_t>(n) < sizeof chunk) return true;
  }
  return true;
}

bool ControlSocket::write_to(Client& client) {
  while (!client.session.output().empty()) {
    const auto output = client.session.output();
    const ssize_t n = ::send(client.fd.get(), output.data(), output.size(), MSG_NOSIGNAL);
    if (n == -1) return errno == EAGAIN || errno == EINTR;
    client.session.wrote(static_cast<std::size_t>(n), Clock::now());
  }
  return true;
}

void ControlSocket::answer_next(Client& client) {
  const auto line = client.session.next_line(Clock::now());
  const auto parsed = parse_command(line.value_or(std::string()));
  if (const auto* error = std::get_if<CommandError>(&parsed)) {
    return client.session.answer(answer_error(error->text, kExitUsage), Clock::now());
  }
  const auto& command = std::get<ControlCommand>(parsed);
  if (needed_access(command) > client.access) {
    return client.session.answer(answer_error("this needs more than the pool's master-access", EX_NOPERM),
                                 Clock::now());
  }
  const Reply reply = handler_(command, client.id);
  if (!reply.line.empty()) client.session.answer(reply.line, Clock::now());
  if (reply.line.empty() || reply.stay) client.session.wait();
}

void ControlSocket::serve(int fd, std::uint32_t events) {
  Client& client = clients_.at(fd);
  if (!read_from(client) || !write_to(client)) return drop(fd);
  for (unsigned lines = 0; lines < kLinesPerTurn && client.session.has_line(); ++lines) {
    answer_next(client);
    if (!write_to(client)) return drop(fd);
  }
  // Hung up: its command has been carried out, and nobody reads the answer.
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) return drop(fd);
  if (!write_to(client) || client.session.finished()) return drop(fd);
  // A client with more lines waits its turn: its socket is writable, which calls again.
  const bool pending = !client.session.output().empty() || client.session.has_line();
  const std::uint32_t input = client.session.wants_input() ? std::uint32_t{EPOLLIN} : 0;
  reactor_.change(fd, input | (pending ? std::uint32_t{EPOLLOUT} : 0));
}

void ControlSocket::answer(ClientId id, const std::string& line) {
  const auto at = std::find_if(clients_.begin(), clients_.end(), [&](const auto& c) { return c.second.id == id; });
  if (at == clients_.end()) return;
  at->second.session.answer(line, Clock::now());
  serve(at->first, 0);
}

std::optional<TimePoint> ControlSocket::expire(TimePoint now) {
  std::vector<int> late;
  if (resume_at_ && *resume_at_ <= now) {
    resume_at_.reset();
    reactor_.change(listener_.get(), EPOLLIN);
  }
  std::optional<TimePoint> next = resume_at_;
  for (auto& [fd, client] : clients_) {
    const auto deadline = client.session.deadline();
    if (!deadline) continue;
    if (*deadline <= now) {
      late.push_back(fd);
    } else if (!next || *deadline < *next) {
      next = deadline;
    }
  }
  for (const int fd : late) drop(fd);
  return next;
}

}  // namespace prefork::master
