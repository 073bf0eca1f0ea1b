#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include <prefork/api.hpp>
#include <prefork/forever.hpp>
#include <prefork/http/request.hpp>
#include <prefork/http/response.hpp>
#include <prefork/task.hpp>

namespace prefork {
class Context;
}

namespace prefork::http {

/// One event of a stream. The page gets it as an `Event` of the type `event` ("message" if that is empty).
struct ServerEvent {
  std::string_view data;     ///< text in UTF-8; its line ends arrive as LF
  std::string_view event{};  ///< its name; no line end, no NUL
  std::string_view id{};     ///< sent as Last-Event-ID after a reconnect; empty: as before. No line end, no NUL
};

struct EventStreamOptions {
  /// How long the client should wait before it reconnects; zero: not sent, the client's own default.
  std::chrono::milliseconds retry{0};
  /// After this time without an event a comment is sent, so that proxies keep the connection and a client that is gone
  /// is noticed; kForever: none.
  std::chrono::milliseconds heartbeat{15'000};
};

/// Server-sent events (WHATWG HTML, 9.2), given to the function of `event_stream`. The object lives as long as that
/// coroutine runs. At most one send may be under way at a time. Worker's thread only.
class PREFORK_API EventStream {
 public:
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  /// Sends an event; waits only while the client is slow to take it, at most `write-timeout` without progress. The
  /// event is copied at once. The task returns false if the client is gone: the function should end.
  /// @throws std::invalid_argument for an event name or an id with a line end or NUL
  [[nodiscard]] Task<bool> send(const ServerEvent& event);
  /// Sends a comment in the same way; pages do not see comments.
  [[nodiscard]] Task<bool> send_comment(std::string_view text);

  /// The id of the last event that the client got before it reconnected; empty on its first connection.
  const std::string& last_event_id() const noexcept;
  /// False as soon as the client has closed its side or the connection broke: a send would fail.
  bool open() const noexcept;
  /// Calls `callback` once, when the client is gone, or when the server stops and wants streams to end. For functions
  /// that wait for something other than this stream. Not called after the function has ended.
  void on_close(std::function<void()> callback);

  Context& context() const noexcept;

 protected:
  EventStream() = default;
  ~EventStream() = default;
};

using EventFunction = std::function<Task<void>(EventStream&)>;

/// Answers with a stream of events, written by a coroutine that runs after the handler has ended: it must own what it
/// uses of the request. An exception is logged and breaks the stream off; a browser then reconnects, as it does when
/// the function simply ends.
PREFORK_API Response event_stream(Request& request, EventFunction function, EventStreamOptions options = {});

}  // namespace prefork::http
