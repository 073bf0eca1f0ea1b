#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <prefork/api.hpp>
#include <prefork/http/method.hpp>

namespace prefork {
class Context;
}

namespace prefork::http {

struct RequestState;
class BodyReader;

/// One line of a request's header section; the value without surrounding white space.
struct Header {
  std::string_view name;
  std::string_view value;
};

/// One request, given to a handler. It and every view that it returns are valid until the handler (or its coroutine)
/// has ended; copy what must outlive that. Worker's thread only; nothing here blocks.
class PREFORK_API Request {
 public:
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  Method method() const noexcept;
  /// The method as it was sent.
  std::string_view method_name() const noexcept;
  /// The request target as it was sent: "/a%20b?c=d", "http://host/path" or "*" (RFC 9112 3.2).
  std::string_view raw_target() const noexcept;
  /// The path as it was sent, with its escapes, without the query. It begins with '/' and has no dot segment, escaped
  /// or not: those are resolved before anything uses it (RFC 3986 5.2.4).
  std::string_view path() const noexcept;
  /// What follows '?', with its escapes; empty if there is none.
  std::string_view query() const noexcept;
  /// The first parameter with that name in the query, percent-decoded, '+' as space.
  /// @return nullopt: there is none, or its escapes are malformed
  std::optional<std::string> query_param(std::string_view name) const;
  /// The 1 of HTTP/1.1 or the 0 of HTTP/1.0.
  unsigned minor_version() const noexcept;

  /// The value of `{name}` in the route's pattern, percent-decoded. It comes from the client: it may contain '/', "..",
  /// line ends, anything but NUL.
  /// @throws std::out_of_range if the route has no such parameter
  std::string_view param(std::string_view name) const;

  /// The value of the first field line with that name, in any case.
  std::optional<std::string_view> header(std::string_view name) const noexcept;
  /// All field lines in the order in which they were sent. REQUIRES index < header_count().
  std::size_t header_count() const noexcept;
  Header header_at(std::size_t index) const noexcept;

  /// The authority of the request, "example.org:8080": from an absolute target, else from Host (RFC 9112 3.2.2). Empty
  /// if an HTTP/1.0 client named none.
  std::string_view host() const noexcept;
  /// The first cookie with that name, as it was sent (RFC 6265 4.2).
  std::optional<std::string_view> cookie(std::string_view name) const noexcept;

  /// The whole body; empty if there is none, and on a route with a streamed body.
  std::string_view body() const noexcept;
  /// Whether the route's body is streamed, to be read with `read`.
  bool is_streamed() const noexcept;
  /// On a route with a streamed body: waits for the next piece, at most `body-timeout` for each. Nothing is read from
  /// the client unless somebody waits for it. The piece is valid until the next read.
  /// @return nullopt at the end of the body
  /// @throws Error 408 (too slow), 413 (too long), 400 (malformed, or the client is gone); if it is not caught it is
  /// the answer. std::logic_error on another route.
  class [[nodiscard]] Read {
   public:
    explicit Read(BodyReader& reader) noexcept : reader_(reader) {}
    PREFORK_API bool await_ready();
    PREFORK_API void await_suspend(std::coroutine_handle<> awaiting) noexcept;
    PREFORK_API std::optional<std::string_view> await_resume();

   private:
    BodyReader& reader_;
  };
  Read read();
  /// The length that the client announced; nullopt for a chunked body, 0 without one.
  std::optional<std::uint64_t> content_length() const noexcept;
  /// A field of a chunked body's trailer section, once all of the body has been read.
  std::optional<std::string_view> trailer(std::string_view name) const noexcept;

  /// The client: the other end of the connection or, if that is a trusted proxy (`trusted-proxies`), the client that it
  /// names in Forwarded or X-Forwarded-For. "192.0.2.7:51234", "[2001:db8::1]:51234", "192.0.2.7", "unix"
  std::string client_address() const;
  /// Whether a trusted proxy says that its client uses https.
  bool secure() const;
  /// The other end of the connection.
  std::string peer_address() const;
  Context& context() const noexcept;

 private:
  friend struct RequestState;
  explicit Request(const RequestState& state) noexcept : state_(state) {}

  const RequestState& state_;
};

}  // namespace prefork::http
