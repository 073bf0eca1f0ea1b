#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <prefork/http/body_writer.hpp>

#include "framework/http/body/exchange_sink.hpp"

namespace prefork::http {

/// The BodyWriter of an exchange: passes the pieces of a body to the exchange's sink.
class StreamedBody final : public BodyWriter {
 public:
  /// Both must outlive this object.
  StreamedBody(ExchangeSink& sink, Context& context) noexcept : sink_(sink), context_(context) {}

  bool start_write(std::string_view bytes);
  void park(std::coroutine_handle<> awaiting) noexcept { writer_ = awaiting; }
  bool finish_write() const noexcept { return !gone_; }
  void add_trailer(std::string_view name, std::string_view value);
  bool open() const noexcept { return !gone_; }
  void set_on_close(std::function<void()> callback) { on_close_ = std::move(callback); }
  Context& context() const noexcept { return context_; }

  /// The sink is no longer blocked: the function may continue writing. This object may be destroyed when it returns;
  /// likewise in the next three.
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

  /// Bytes that the function has written.
  std::uint64_t written() const noexcept { return written_; }
  /// The function has ended. @return false: the client is gone
  bool end() { return sink_.end(FieldList(trailers_)); }
  /// The function has failed, or was cancelled: the body stays unfinished.
  void reset() { sink_.reset(); }

 private:
  void resume();

  ExchangeSink& sink_;
  Context& context_;
  std::coroutine_handle<> writer_;
  std::function<void()> on_close_;
  std::string trailers_;  // a FieldList
  std::uint64_t written_ = 0;
  bool gone_ = false;
  bool client_ended_ = false;
};

}  // namespace prefork::http
