#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "framework/http/body/body_reader.hpp"
#include "framework/http/wire/chunked.hpp"
#include "framework/http/wire/request_head.hpp"

namespace prefork::http {

/// The connection, as seen by a reader of its body.
class Http1Input {
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
  ~Http1Input() = default;
};

/// A request's body as it comes over HTTP/1: with a known length, or in chunks.
class Http1Body final : public BodyFeed {
 public:
  /// @param limit  of the decoded body, in bytes
  /// @param input  must outlive this object
  Http1Body(const RequestHead& head, std::uint64_t limit, Http1Input& input) noexcept;

  BodyPiece next() override;
  const std::string* trailers() const noexcept override { return chunked_.trailers.get(); }

  /// Bytes of the input that the current piece takes.
  std::size_t held() const noexcept { return raw_; }
  /// Releases the last piece.
  void release();
  /// Its reader has ended without an error. @return whether all of the body has been read, so that the next request can
  /// follow
  bool finish();

 private:
  bool take(std::span<char> input);
  bool take_chunked(std::span<char> input);
  BodyPiece found() const noexcept;

  Http1Input& input_;
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
