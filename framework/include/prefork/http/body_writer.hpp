#pragma once

#include <concepts>
#include <coroutine>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <prefork/api.hpp>
#include <prefork/task.hpp>

namespace prefork {
class Context;
}

namespace prefork::http {

/// The body of a streamed response, given to the function of `Response::stream`. What it writes is sent at once:
/// chunked to HTTP/1.1 clients, and until the connection closes to HTTP/1.0 clients. It lives as long as that function
/// runs. At most one write may be under way at a time. Worker's thread only.
class PREFORK_API BodyWriter {
 public:
  class [[nodiscard]] Write {
   public:
    Write(BodyWriter& body, std::string_view bytes) noexcept : body_(body), bytes_(bytes) {}
    Write(BodyWriter& body, std::string&& bytes) noexcept : body_(body), owned_(std::move(bytes)), bytes_(owned_) {}
    Write(const Write&) = delete;
    Write& operator=(const Write&) = delete;
    bool await_ready() { return body_.start_write(bytes_); }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept { body_.park(awaiting); }
    /// @return false: the client is gone, and the function should end
    bool await_resume() noexcept { return body_.finish_write(); }

   private:
    BodyWriter& body_;
    std::string owned_;
    std::string_view bytes_;
  };

  BodyWriter(const BodyWriter&) = delete;
  BodyWriter& operator=(const BodyWriter&) = delete;

  /// Sends bytes; waits only while the client is slow to take them, at most `write-timeout` without progress.
  /// `bytes` must stay valid until then; a temporary std::string is kept.
  Write write(std::string_view bytes) noexcept { return Write(*this, bytes); }
  template <std::same_as<std::string> S>
  Write write(S&& bytes) noexcept {
    return Write(*this, std::move(bytes));
  }

  /// A field after the body (RFC 9112 7.1.2); sent at the end, and only to HTTP/1.1 clients.
  /// @throws std::invalid_argument as Response::set, and for fields that are not allowed in a trailer (RFC 9110 6.5.1)
  void trailer(std::string_view name, std::string_view value);

  /// False once a write would fail: the client is gone, or its time is up.
  bool open() const noexcept;
  /// Calls `callback` once, when the client closes its side, the connection breaks, or the server stops and wants
  /// streams to end. For functions that wait for something other than this writer. It is not called after the function
  /// has ended.
  void on_close(std::function<void()> callback);

  Context& context() const noexcept;

 protected:
  BodyWriter() = default;
  ~BodyWriter() = default;

 private:
  bool start_write(std::string_view bytes);
  void park(std::coroutine_handle<> awaiting) noexcept;
  bool finish_write() noexcept;
};

/// Writes a body. If it throws, the response ends unfinished, so that the client sees that it is incomplete.
using BodyFunction = std::function<Task<void>(BodyWriter&)>;

}  // namespace prefork::http
