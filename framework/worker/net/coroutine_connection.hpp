#pragma once

#include <coroutine>
#include <cstddef>
#include <string_view>

#include "framework/worker/net/stream_connection.hpp"

#include <prefork/connection.hpp>

namespace prefork::worker {

/// The Connection of a coroutine service. `await_ready` of its reads and writes tries the socket at once;
/// only where that gives nothing the coroutine is parked here, until the event loop resumes it.
class CoroutineConnection final : public StreamConnection, public Connection {
 public:
  CoroutineConnection(ServiceHost& host, ipc::UniqueFd fd, const PeerAddress& peer);

  using StreamConnection::close;
  using StreamConnection::id;

  bool start_read(std::size_t max_line);
  Outcome<std::string_view> finish_read() noexcept;
  void park_reader(std::coroutine_handle<> awaiting) noexcept { reader_ = awaiting; }

  bool start_write(std::string_view bytes);
  bool finish_write() noexcept { return !ended_; }
  void park_writer(std::coroutine_handle<> awaiting) noexcept { writer_ = awaiting; }

  void set_idle_timeout(std::chrono::milliseconds limit) noexcept;
  /// Ends reads and writes; the socket closes when the service's coroutine has ended.
  void end(Reason why = Reason::closed) noexcept;
  /// The service's coroutine has ended.
  void finish() noexcept;

 private:
  void on_input() override;
  void on_writable() override;
  void on_timeout() override;
  void on_broken() override;
  void on_drain() override;

  bool try_read();
  bool take(std::size_t bytes, std::size_t with_line_end) noexcept;
  bool take_line() noexcept;
  void resume_reader();
  void resume_writer();

  std::coroutine_handle<> reader_;
  std::coroutine_handle<> writer_;
  std::string_view unsent_;
  std::size_t max_line_ = 0;  // of the read under way; 0: read_some
  std::uint32_t given_ = 0;   // bytes at the block's start that the author may be looking at
  std::uint32_t length_ = 0;  // of those, what finish_read() gives
  std::uint16_t budget_ = 0;  // reads that may still be answered at once in this turn
  bool has_result_ = false;
  bool ended_ = false;             // nothing more is read or written
  Reason why_ = Reason::draining;  // what a read without a result is told; the drain is no state of the connection's
  bool broken_ = false;            // what was written did not all go
  bool input_ended_ = false;
  bool overlong_ = false;
  std::chrono::milliseconds idle_timeout_;
};

}  // namespace prefork::worker
