#pragma once

#include <chrono>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <prefork/api.hpp>
#include <prefork/forever.hpp>
#include <prefork/outcome.hpp>

namespace prefork {

class Context;

/// A client's stream connection (TCP or unix), given to `Service::on_connection`. It closes when that coroutine ends.
/// At most one read and one write may be under way at a time.
///
/// Deadlines close the connection automatically: `idle-timeout` while a read waits, `write-timeout` while a write makes
/// no progress. The coroutine sees this as the end of the stream.
class PREFORK_API Connection {
 public:
  class [[nodiscard]] Read {
   public:
    explicit Read(Connection& peer) noexcept : peer_(peer) {}
    bool await_ready() { return peer_.start_read(); }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept { peer_.park_reader(awaiting); }
    Outcome<std::string_view> await_resume() noexcept { return peer_.finish_read(); }

   private:
    Connection& peer_;
  };

  class [[nodiscard]] ReadLine {
   public:
    ReadLine(Connection& peer, std::size_t max_bytes) noexcept : peer_(peer), max_bytes_(max_bytes) {}
    bool await_ready() { return peer_.start_read_line(max_bytes_); }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept { peer_.park_reader(awaiting); }
    Outcome<std::string_view> await_resume() noexcept { return peer_.finish_read(); }

   private:
    Connection& peer_;
    std::size_t max_bytes_;
  };

  class [[nodiscard]] Write {
   public:
    Write(Connection& peer, std::string_view bytes) noexcept : peer_(peer), bytes_(bytes) {}
    Write(Connection& peer, std::string&& bytes) noexcept : peer_(peer), owned_(std::move(bytes)), bytes_(owned_) {}
    Write(const Write&) = delete;
    Write& operator=(const Write&) = delete;
    bool await_ready() { return peer_.start_write(bytes_); }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept { peer_.park_writer(awaiting); }
    /// @return false: the connection is gone, and what was written may not have arrived
    bool await_resume() noexcept { return peer_.finish_write(); }

   private:
    Connection& peer_;
    std::string owned_;
    std::string_view bytes_;
  };

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Waits for bytes. They are valid until the next read on this connection.
  /// Without bytes: `closed`, by either side, or broken; `timed_out`, its deadline passed; `draining`, the worker
  /// drains and nothing was on its way. Further reads return the same.
  Read read_some() noexcept { return Read(*this); }

  /// Waits for a whole line and returns it without its CR LF or LF. At the end of the stream a last line without LF is
  /// returned as it is. A line of more than `max_bytes` ends the stream: `too_long`.
  ReadLine read_line(std::size_t max_bytes = 8192) noexcept { return ReadLine(*this, max_bytes); }

  /// Sends bytes; waits only while the client is slow to take them. `bytes` must stay valid until then; a temporary
  /// std::string is kept.
  Write write(std::string_view bytes) noexcept { return Write(*this, bytes); }
  template <std::same_as<std::string> S>
  Write write(S&& bytes) noexcept {
    return Write(*this, std::move(bytes));
  }

  /// Closes at once; a read or a write under way ends.
  void close() noexcept;

  /// "192.0.2.7:51234", "[2001:db8::1]:51234", "unix"
  std::string peer_address() const;
  /// Unique among this worker's connections, from 1.
  std::uint64_t id() const noexcept;
  Context& context() const noexcept;
  /// Replaces the service's `idle-timeout` for this connection; at least 1 ms; kForever: no limit.
  void idle_timeout(std::chrono::milliseconds limit) noexcept;

 protected:
  Connection() = default;
  ~Connection() = default;

 private:
  bool start_read();
  bool start_read_line(std::size_t max_bytes);
  Outcome<std::string_view> finish_read() noexcept;
  bool start_write(std::string_view bytes);
  bool finish_write() noexcept;
  void park_reader(std::coroutine_handle<> awaiting) noexcept;
  void park_writer(std::coroutine_handle<> awaiting) noexcept;
};

}  // namespace prefork
