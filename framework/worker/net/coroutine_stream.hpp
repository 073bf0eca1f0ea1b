#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <string_view>

#include "framework/worker/net/byte_stream.hpp"

#include <prefork/outcome.hpp>

namespace prefork::worker {

/// A stream that coroutines read and write, one each at a time. start_read() and start_write() try the transport at
/// once; only if that gives nothing is the coroutine parked here, until the event loop resumes it.
class CoroutineStream : public ByteStream {
 public:
  struct Limits {
    std::chrono::milliseconds idle{0};   ///< for a waiting read; zero: no limit
    std::chrono::milliseconds write{0};  ///< for a write without progress; zero: no limit
  };
  /// @param counters  as in ByteStream
  CoroutineStream(Runtime& runtime, Transport transport, Limits limits, ipc::WorkerSlot* counters = nullptr);

  /// @param max_line  the most bytes of a line; 0: any bytes
  /// @return true: finish_read() has a result, possibly the end; false: the reader must be parked
  bool start_read(std::size_t max_line);
  Outcome<std::string_view> finish_read() noexcept;
  void park_reader(std::coroutine_handle<> awaiting) noexcept { reader_ = awaiting; }

  /// @param bytes  must stay valid until the write has ended
  /// @return true: it has ended; false: the writer must be parked
  bool start_write(std::string_view bytes);
  bool finish_write() noexcept { return !ended_; }
  void park_writer(std::coroutine_handle<> awaiting) noexcept { writer_ = awaiting; }

  /// @param limit  at least 1 ms; kForever: no limit
  void set_idle_timeout(std::chrono::milliseconds limit) noexcept;
  /// Ends reads and writes; the transport closes in finish().
  /// @param why  what the reads are told
  void end(Reason why = Reason::closed) noexcept;
  /// Closes, and loses nothing that was written. No coroutine may read or write any more.
  void finish() noexcept;

 protected:
  /// Whether a waiting read ends, as if the peer had ended, if nothing has come.
  virtual bool gives_up_reading() const noexcept { return false; }
  /// A waiting coroutine is about to be resumed, or may be.
  virtual void going_on() noexcept {}
  bool is_reading() const noexcept { return reader_ != nullptr; }

 private:
  void on_input() override;
  void on_writable() override;
  void on_timeout() override;
  void on_broken() override;

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
  std::uint32_t length_ = 0;  // of those, what finish_read() returns
  std::uint16_t budget_ = 0;  // reads that may still be answered at once in this turn
  bool has_result_ = false;
  bool ended_ = false;             // nothing more is read or written
  Reason why_ = Reason::draining;  // what a read without a result is told; end() sets another
  bool broken_ = false;            // not everything that was written has been sent
  bool input_ended_ = false;
  bool overlong_ = false;
  Limits limits_;
};

}  // namespace prefork::worker
