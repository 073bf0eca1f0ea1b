#pragma once

#include <chrono>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prefork/api.hpp>
#include <prefork/forever.hpp>
#include <prefork/http/request.hpp>
#include <prefork/http/response.hpp>
#include <prefork/task.hpp>

namespace prefork {
class Context;
}

namespace prefork::http {

struct WebSocketOptions {
  /// A longer message ends the connection with code 1009.
  std::size_t max_message_bytes = std::size_t{1024} * 1024;
  /// A client that has sent nothing for this long gets a ping; kForever: never.
  std::chrono::milliseconds ping_interval{30'000};
  /// A client that does not answer within this time counts as gone: code 1011.
  std::chrono::milliseconds pong_timeout{10'000};
  /// How long to wait for the client's close frame.
  std::chrono::milliseconds close_timeout{5'000};
  /// How many bytes `try_send_text` may leave waiting for a slow client.
  std::size_t max_queued_bytes = std::size_t{1024} * 1024;
  /// Origins whose pages may connect: "https://example.org", or "*" for all. Empty: only the server's own, that is,
  /// host and port of Origin equal those of Host. Clients that send no Origin are not browsers and may always connect.
  std::vector<std::string> origins{};
  /// The subprotocols that the session supports. The first of the client's list that is also in this one is chosen (RFC
  /// 6455 1.9); if there is none, the connection has no subprotocol.
  std::vector<std::string> subprotocols{};
};

/// For the check of an option (Manifest::text) or a service's start(), so that a server or worker with invalid options
/// does not start. web_socket() also checks them at each request.
/// @throws std::invalid_argument with a sentence about the first invalid origin or subprotocol
PREFORK_API void check(const WebSocketOptions& options);

/// A WebSocket connection (RFC 6455), given to the session function. It lives as long as that coroutine runs. At most
/// one receive and one send may be under way at a time; they may be in two coroutines. Worker's thread only.
///
/// Pings are answered, and the client's close is noticed, whether the session receives or not. But while a message
/// waits to be received nothing further is read, so that a client can't fill the worker's memory.
class PREFORK_API WebSocket {
 public:
  struct Message {
    bool text;  ///< valid UTF-8; else binary
    std::string_view data;
  };

  class [[nodiscard]] Receive {
   public:
    explicit Receive(WebSocket& socket) noexcept : socket_(socket) {}
    bool await_ready() { return socket_.start_receive(); }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept { socket_.park_receiver(awaiting); }
    std::optional<Message> await_resume() noexcept { return socket_.finish_receive(); }

   private:
    WebSocket& socket_;
  };

  class [[nodiscard]] Send {
   public:
    Send(WebSocket& socket, bool text, std::string_view data) noexcept : socket_(socket), data_(data), text_(text) {}
    Send(WebSocket& socket, bool text, std::string&& data) noexcept
        : socket_(socket), owned_(std::move(data)), data_(owned_), text_(text) {}
    Send(const Send&) = delete;
    Send& operator=(const Send&) = delete;
    bool await_ready() { return socket_.start_send(text_, data_); }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept { socket_.park_sender(awaiting); }
    bool await_resume() noexcept { return socket_.finish_send(); }

   private:
    WebSocket& socket_;
    std::string owned_;
    std::string_view data_;
    bool text_;
  };

  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  /// Waits for a message. It is valid until the next receive.
  /// @return nullopt: the connection is closed, by either side; close_code() says why
  Receive receive() noexcept { return Receive(*this); }

  /// Sends a message; waits only while the client is slow to take it, at most `write-timeout` without progress. `data`
  /// must stay valid until then; a temporary std::string is kept.
  /// @return false: the connection is closed, and the message may not have arrived
  /// @throws std::invalid_argument if a text is not UTF-8
  Send send_text(std::string_view data) noexcept { return Send(*this, true, data); }
  Send send_binary(std::string_view data) noexcept { return Send(*this, false, data); }
  /// Sends text or binary data.
  Send send(bool text, std::string_view data) noexcept { return Send(*this, text, data); }
  template <std::same_as<std::string> S>
  Send send_text(S&& data) noexcept {
    return Send(*this, true, std::move(data));
  }
  template <std::same_as<std::string> S>
  Send send_binary(S&& data) noexcept {
    return Send(*this, false, std::move(data));
  }
  template <std::same_as<std::string> S>
  Send send(bool text, S&& data) noexcept {
    return Send(*this, text, std::move(data));
  }

  /// Sends a message without waiting; what the client does not take at once is copied. May be called while a send is
  /// under way. @return false: closed, or more than `max_queued_bytes` would wait. @throws as send_text
  [[nodiscard]] bool try_send_text(std::string_view data);

  /// Begins the close: what was sent before still goes out; receives and sends end. Has no effect on a closed
  /// connection. When a session ends, its connection closes automatically: with 1000, or with 1011 after an exception.
  /// @param code  1000 to 1003, 1007 to 1014, 3000 to 4999
  /// @param reason  UTF-8, at most 123 bytes
  /// @throws std::invalid_argument for any other
  void close(std::uint16_t code = 1000, std::string_view reason = {});

  /// Whether messages can be sent.
  bool open() const noexcept;
  /// The code of the first close frame, whichever side sent it. 1005: the client's had no code, 1006: the connection
  /// broke, 0: it is open.
  std::uint16_t close_code() const noexcept;
  const std::string& close_reason() const noexcept;

  /// The negotiated subprotocol; empty: none.
  std::string_view subprotocol() const noexcept;
  /// As Request::client_address.
  const std::string& client_address() const noexcept;
  /// The other end of the connection, which may be a proxy: "192.0.2.7:51234", "unix"
  std::string peer_address() const;
  /// Unique among this worker's connections, from 1.
  std::uint64_t id() const noexcept;
  Context& context() const noexcept;

 protected:
  WebSocket() = default;
  ~WebSocket() = default;

 private:
  bool start_receive();
  void park_receiver(std::coroutine_handle<> awaiting) noexcept;
  std::optional<Message> finish_receive() noexcept;
  bool start_send(bool text, std::string_view data);
  void park_sender(std::coroutine_handle<> awaiting) noexcept;
  bool finish_send() noexcept;
};

/// What to do with a connection. An exception is logged and closes the connection with code 1011.
using WebSocketSession = std::function<Task<void>(WebSocket&)>;

/// Answers a request for a WebSocket: 101, after which `session` runs. If the request is not as RFC 6455 4.2.1
/// requires, an error page: 426 (no upgrade, another version), 400 (malformed), 403 (foreign origin).
///
/// The session runs after the handler has ended: it must own what it uses of the request.
/// @throws std::invalid_argument where check() does
PREFORK_API Response web_socket(Request& request, WebSocketSession session, WebSocketOptions options = {});

}  // namespace prefork::http
