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

/// The connection, as a body that is read piece by piece sees it.
class BodySource {
 public:
  /// What has arrived and is not consumed yet. It may be rewritten in place.
  virtual std::span<char> body_input() = 0;
  virtual void body_consumed(std::size_t bytes) = 0;
  /// Tries to receive more. @return false: nothing is there now, or this turn has had its share
  virtual bool receive_body() = 0;
  /// Nobody will send another byte.
  virtual bool body_ended() const noexcept = 0;
  /// Sends `100 Continue`.
  virtual void ask_for_body() = 0;

 protected:
  ~BodySource() = default;
};

/// The body of one request on a route whose body is streamed. Nothing is received but for a reader that waits.
class BodyReader {
 public:
  /// @param limit  bytes of the decoded body
  BodyReader(const RequestHead& head, std::uint64_t limit) noexcept;

  void attach(BodySource& source) noexcept { source_ = &source; }

  /// Gives the last piece back and looks for the next one. @return whether there is a piece, the end or an error
  bool start();
  void park(std::coroutine_handle<> awaiting) noexcept { awaiting_ = awaiting; }
  /// Bytes of the input that the piece which was given last takes.
  std::size_t held() const noexcept { return raw_; }
  bool waiting() const noexcept { return awaiting_ != nullptr; }
  /// REQUIRES that start() or pump() gave true. @throws Error
  std::optional<std::string_view> result();

  /// For the connection, when something has arrived. The reader may be gone when it returns.
  void on_input() {
    if (waiting() && pump()) resume();
  }
  /// The read that waits, and all later ones, end with this. The reader may be gone when it returns.
  void fail(const Refusal& why);

  /// The handler has ended: gives the last piece back. @return whether all of the body has been read, so that the
  /// next request can follow
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
  std::uint64_t left_ = 0;  // of the length; of a chunked body, what the limit allows
  ChunkedState chunked_;
  bool is_chunked_ = false;
  bool done_ = false;
  bool asks_ = false;  // the client waits for 100 Continue
};

}  // namespace prefork::http
