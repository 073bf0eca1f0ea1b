#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <prefork/http/body_writer.hpp>

namespace prefork::http {

/// Sends the pieces of a streamed body: the connection.
class StreamSink {
 public:
  /// @return false: the client is gone
  virtual bool send_piece(std::string_view bytes) = 0;
  /// Whether the client is slow and pieces wait. StreamedBody::on_flushed() follows when they have been sent.
  virtual bool is_blocked() const noexcept = 0;

 protected:
  ~StreamSink() = default;
};

/// The BodyWriter of a connection.
class StreamedBody final : public BodyWriter {
 public:
  StreamedBody(StreamSink& sink, Context& context, bool chunked) noexcept
      : sink_(sink), context_(context), chunked_(chunked) {}

  bool start_write(std::string_view bytes);
  void park(std::coroutine_handle<> awaiting) noexcept { writer_ = awaiting; }
  bool finish_write() const noexcept { return !gone_; }
  void add_trailer(std::string_view name, std::string_view value);
  bool open() const noexcept { return !gone_; }
  void set_on_close(std::function<void()> callback) { on_close_ = std::move(callback); }
  Context& context() const noexcept { return context_; }

  /// The function may continue writing. This object may be destroyed when it returns; likewise in the next three.
  void on_flushed() { resume(); }
  /// The server wants streams to end: calls the callback.
  void announce_end();
  /// The client has closed its side: calls the callback. The client may still read, if it has only shut down its
  /// sending side.
  void on_client_end();
  /// Records it before the function is called.
  void note_client_end() noexcept { client_ended_ = true; }
  bool client_ended() const noexcept { return client_ended_; }
  /// Writes fail from now on.
  void on_gone();

  /// Bytes that the function has written, without chunk framing.
  std::uint64_t written() const noexcept { return written_; }
  /// The end of the body: its last chunk and the trailers.
  std::string_view ending();

 private:
  void resume();

  StreamSink& sink_;
  Context& context_;
  std::coroutine_handle<> writer_;
  std::function<void()> on_close_;
  std::string buffer_;
  std::string trailers_;
  std::uint64_t written_ = 0;
  bool chunked_;
  bool gone_ = false;
  bool client_ended_ = false;
};

}  // namespace prefork::http
