#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "framework/http/wire/chunked.hpp"
#include "framework/http/wire/refusal.hpp"
#include "framework/http/wire/request_head.hpp"

namespace prefork::http {

/// The connection, as seen by a reader of its body.
class BodySource {
 public:
  /// What has arrived and is not consumed yet. The reader may rewrite it in place.
  virtual std::span<char> body_input() = 0;
  virtual void body_consumed(std::size_t bytes) = 0;
  /// Tries to receive more. @return false: nothing is there now, or this turn has used its share
  virtual bool receive_body() = 0;
  /// Whether no more bytes can come.
  virtual bool body_ended() const noexcept = 0;
  /// Sends `100 Continue`.
  virtual void ask_for_body() = 0;

 protected:
  ~BodySource() = default;
};

/// Reads the body of one request on a route with a streamed body. Receives only while a reader waits.
class BodyReader {
 public:
  /// @param limit  of the decoded body, in bytes
  BodyReader(const RequestHead& head, std::uint64_t limit) noexcept;

  void attach(BodySource& source) noexcept { source_ = &source; }

  /// Releases the last piece and looks for the next one. @return whether there is a piece, the end or an error
  bool start();
  void park(std::coroutine_handle<> awaiting) noexcept { awaiting_ = awaiting; }
  /// Bytes of the input that the current piece takes.
  std::size_t held() const noexcept { return raw_; }
  bool waiting() const noexcept { return awaiting_ != nullptr; }
  /// REQUIRES that start() or pump() returned true. @throws Error
  std::optional<std::string_view> result();

  /// Called by the connection when something has arrived. The reader may be destroyed when it returns.
  void on_input() {
    if (waiting() && pump()) resume();
  }
  /// The waiting read, and all later ones, fail with this. The reader may be destroyed when it returns.
  void fail(const Refusal& why);

  /// The handler has ended: releases the last piece. @return whether all of the body has been read, so that the next
  /// request can follow
  bool finish();

  const std::string* trailers() const noexcept { return chunked_.trailers.get(); }

 private:
  bool pump();
  bool take(std::span<char> input);
  bool take_chunked(std::span<char> input);
  void release_piece();
  void resume();

  BodySource* source_ = nullptr;
  std::coroutine_handle<> awaiting_;
  const Refusal* refusal_ = nullptr;
  std::string_view piece_;
  std::size_t raw_ = 0;     // bytes of the input that the piece and its framing take
  std::uint64_t left_ = 0;  // left of the length; for a chunked body, left of the limit
  ChunkedState chunked_;
  bool is_chunked_ = false;
  bool done_ = false;
  bool asks_ = false;  // the client waits for 100 Continue
};

}  // namespace prefork::http
