#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <prefork/http/response.hpp>

#include "framework/http/wire/field_list.hpp"

namespace prefork::http {

/// What follows the head of an answer.
enum class Rest : std::uint8_t {
  none,  ///< nothing: a body that lies in the response goes with the head, and the answer has ended
  data,  ///< data and an end, or a reset; an upgrade instead takes the connection over
};

struct HeadShape {
  bool head_only = false;  ///< HEAD: the answer has no body, RFC 9110 9.3.2
  Rest rest = Rest::none;
};

/// Where the answer of one exchange goes: an HTTP/1 connection, later a stream of HTTP/2. The calls come in this order:
/// head(); after Rest::data any number of data(), then end(); reset() in place of whatever is missing. Never blocks.
class ExchangeSink {
 public:
  virtual void head(const Response& response, HeadShape shape) = 0;

  /// Takes all of a piece; what the client has no room for waits in the sink, which is then blocked().
  /// @return false: the client is gone
  virtual bool data(std::string_view piece) = 0;
  virtual bool blocked() const noexcept = 0;

  /// Both take as much of a part as the client has room for. @return how many bytes; nullopt: the client is gone, or
  /// the file has ended early
  virtual std::optional<std::size_t> some_data(std::string_view bytes, bool more_follows) = 0;
  virtual std::optional<std::size_t> some_data(const FilePart& part) = 0;

  /// The body is complete. @return false: the client is gone
  virtual bool end(FieldList trailers) = 0;
  /// The answer stays unfinished, which the client must notice.
  virtual void reset() = 0;

 protected:
  ~ExchangeSink() = default;
};

}  // namespace prefork::http
