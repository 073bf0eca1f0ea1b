#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "framework/http/wire/refusal.hpp"

namespace prefork::http {

/// The result of a BodyFeed.
struct BodyPiece {
  enum class Kind : std::uint8_t {
    none,     ///< nothing has arrived: the reader waits
    bytes,    ///< valid until the next call
    end,      ///< all of the body has been returned
    refused,  ///< it is malformed or too long, or its client is gone
  };
  Kind kind = Kind::none;
  std::string_view bytes;
  const Refusal* refusal = nullptr;
};

/// Returns the body of one request piece by piece, decoded: its connection, later a stream of HTTP/2.
class BodyFeed {
 public:
  /// Releases the last piece and looks for the next one. Receives only for this call.
  virtual BodyPiece next() = 0;
  /// The lines of the trailer section, each with its CR LF, once all of the body has been returned; null: none.
  virtual const std::string* trailers() const noexcept = 0;

 protected:
  ~BodyFeed() = default;
};

/// Reads the body of one request on a route with a streamed body. Receives only while a reader waits.
class BodyReader {
 public:
  /// @param feed  must outlive this object
  explicit BodyReader(BodyFeed& feed) noexcept : feed_(feed) {}

  /// Releases the last piece and looks for the next one. @return whether there is a piece, the end or an error
  bool start() { return look(); }
  void park(std::coroutine_handle<> awaiting) noexcept { awaiting_ = awaiting; }
  bool waiting() const noexcept { return awaiting_ != nullptr; }
  /// REQUIRES that start() or look() returned true. @throws Error
  std::optional<std::string_view> result();

  /// Called by the connection when something has arrived. The reader may be destroyed when it returns.
  void on_input() {
    if (waiting() && look()) resume();
  }
  /// The waiting read, and all later ones, fail with this. The reader may be destroyed when it returns.
  void fail(const Refusal& why);
  /// Whether a read has ended, or would end, with an error.
  bool failed() const noexcept { return refusal_ != nullptr; }
  /// The waiting coroutine is gone.
  void forget_reader() noexcept { awaiting_ = {}; }

  const std::string* trailers() const noexcept { return feed_.trailers(); }

 private:
  bool look();
  void resume();

  BodyFeed& feed_;
  std::coroutine_handle<> awaiting_;
  const Refusal* refusal_ = nullptr;
  std::string_view piece_;
};

}  // namespace prefork::http
