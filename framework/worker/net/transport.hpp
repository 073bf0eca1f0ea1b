#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "ipc/posix/syscall.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::worker {

/// A layer between a stream and its socket that changes the bytes, such as TLS. It reads and writes the socket itself
/// and has buffers of its own.
///
/// Each call gets the stream's socket, never blocks and never throws. Results are those of the system calls: -1 and
/// errno for an error; -1 and EAGAIN until the socket is ready for awaited(). When recv() or peek() returns EAGAIN the
/// socket must be empty too, since the event loop is edge-triggered.
class TransportLayer {
 public:
  virtual ~TransportLayer() = default;

  /// Returns the next bytes of the stream; 0: the peer has ended it.
  virtual ssize_t recv(int socket, std::span<char> room) noexcept = 0;
  /// Returns all bytes that have arrived and fit, from the first on, and keeps them for recv().
  virtual ssize_t peek(int socket, std::span<char> room) noexcept = 0;
  /// Takes bytes. May keep some of the result (has_unsent()), and takes none while it does. Takes everything if the
  /// socket is ready: after a short send the caller waits for the socket.
  /// @param more_follows  as MSG_MORE
  virtual ssize_t send(int socket, std::string_view bytes, bool more_follows) noexcept = 0;
  /// Marks the end of the stream, after everything that was taken. May keep some of that too. No send() follows; a
  /// second call does nothing.
  virtual void finish(int socket) noexcept = 0;

  /// Whether it keeps bytes for which the socket had no room.
  virtual bool has_unsent() const noexcept = 0;
  /// Sends the kept bytes to the socket. @return false: the connection is broken
  virtual bool flush(int socket) noexcept = 0;
  /// Hands the kept bytes over, in the form in which the socket must get them. Only the destructor is called after
  /// this.
  virtual std::string take_unsent() noexcept = 0;

  /// How many bytes it has for recv() without asking the socket.
  virtual std::size_t pending() const noexcept = 0;
  /// After EAGAIN: what the socket must be ready for, POLLIN, POLLOUT or both. A recv() may have to write first, and a
  /// send() to read.
  virtual short awaited() const noexcept = 0;
};

/// The bytes of one connection: its socket, usually without a layer above it. Every stream reads and writes through it.
/// Owns both. Never blocks: the socket is non-blocking. Without a layer each call is one system call behind one
/// predictable branch.
class Transport {
 public:
  Transport() noexcept = default;
  /// Implicit: a socket by itself is a transport.
  /// @param socket  connected, non-blocking
  Transport(ipc::UniqueFd socket, std::unique_ptr<TransportLayer> layer = nullptr) noexcept
      : socket_(std::move(socket)), layer_(std::move(layer)) {}
  Transport(Transport&&) noexcept = default;
  Transport& operator=(Transport&&) noexcept = default;

  bool is_open() const noexcept { return socket_.is_open(); }
  /// For the event loop, poll(2) and questions to the kernel; never for reading or writing bytes.
  int descriptor() const noexcept { return socket_.get(); }
  /// With a layer, a short recv() does not mean that nothing is left, and each event may let both directions continue.
  bool has_layer() const noexcept { return layer_ != nullptr; }

  /// As recv(2). -1 and EAGAIN: nothing is there.
  ssize_t recv(std::span<char> room) noexcept {
    if (has_layer()) [[unlikely]]
      return layer_->recv(descriptor(), room);
    return ipc::retry_eintr([&] { return ::recv(descriptor(), room.data(), room.size(), 0); });
  }
  /// As recv(2) with MSG_PEEK.
  ssize_t peek(std::span<char> room) noexcept;
  /// As send(2). -1 and EAGAIN: no room.
  /// @param more_follows  the kernel may wait for what is sent next, and put both into one packet (MSG_MORE)
  ssize_t send(std::string_view bytes, bool more_follows = false) noexcept {
    if (has_layer()) [[unlikely]]
      return layer_->send(descriptor(), bytes, more_follows);
    const int flags = more_follows ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
    return ipc::retry_eintr([&] { return ::send(descriptor(), bytes.data(), bytes.size(), flags); });
  }
  /// As sendfile(2): 0 if the file ends at `offset` or before. A layer sends a piece of it at a time.
  ssize_t send_file(int file, std::uint64_t offset, std::size_t bytes) noexcept;

  /// How many bytes have arrived and are not received yet. With a layer it is an estimate, which is zero only if there
  /// are none.
  std::size_t unread() const noexcept;

  /// Whether a layer keeps bytes that it has taken.
  bool has_unsent() const noexcept { return has_layer() && layer_->has_unsent(); }
  /// Sends the bytes that a layer keeps; must be called when the socket has room. @return false: broken
  bool flush() noexcept;
  /// What poll(2) should wait for after EAGAIN from a call that, without a layer, waits for `events`.
  short awaited(short events) const noexcept { return has_layer() ? layer_->awaited() : events; }

  /// Ends both directions at once, whatever is on its way; the socket stays.
  void shut_down() noexcept { ::shutdown(descriptor(), SHUT_RDWR); }
  /// Ends the sending side after what was sent; the socket stays.
  void finish_sending() noexcept;
  /// Closes at once.
  void close() noexcept;

  /// A socket that must be closed, and the bytes that it must get before that.
  struct Remains {
    ipc::UniqueFd socket;
    std::string unsent;
  };
  /// Ends the stream after what was sent. The sending side of the socket is still open.
  Remains finish() && noexcept;

 private:
  ipc::UniqueFd socket_;
  bool shut_when_flushed_ = false;
  std::unique_ptr<TransportLayer> layer_;
};

}  // namespace prefork::worker
