#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <prefork/http/web_socket.hpp>

#include "framework/http/web_socket/send_queue.hpp"
#include "framework/http/web_socket/web_socket_frames.hpp"
#include "framework/worker/net/stream_connection.hpp"

namespace prefork::http {

/// What the handshake settled, and the session to run.
struct WebSocketTerms {
  WebSocketOptions options;
  WebSocketSession session;
  std::string subprotocol;
  std::string client_address;
};

/// A WebSocket in the event loop: passes bytes from the socket to the frames, and messages to the session. It reads
/// ahead at most one message that the session has not asked for yet.
///
/// Life: made by new; open -> closing (our close frame is on its way) -> gone. The session's coroutine ends by itself.
/// The socket closes when the coroutine has ended and the client's close frame has come, or when its time is up.
class WebSocketConnection final : public worker::StreamConnection, public WebSocket {
 public:
  WebSocketConnection(worker::ServiceHost& host, worker::Transport transport, const worker::PeerAddress& peer,
                      std::shared_ptr<const WebSocketTerms> terms);
  /// Runs the session. @param input  what the client has already sent
  void open_with(std::string_view input);

  using StreamConnection::id;

  bool start_receive();
  void park_receiver(std::coroutine_handle<> awaiting) noexcept { receiver_ = awaiting; }
  std::optional<Message> finish_receive() noexcept;
  bool start_send(bool text, std::string_view data);
  void park_sender(std::coroutine_handle<> awaiting) noexcept { sender_ = awaiting; }
  bool finish_send() const noexcept { return sent_; }
  bool try_send(std::string_view text);
  void begin_close(std::uint16_t code, std::string_view reason);

  bool is_open() const noexcept { return phase_ == Phase::open; }
  std::uint16_t code() const noexcept { return code_; }
  const std::string& reason() const noexcept { return reason_; }
  const WebSocketTerms& terms() const noexcept { return *terms_; }

  /// The session's coroutine has ended.
  void session_ended(bool failed);

 private:
  enum class Phase : std::uint8_t { open, closing, gone };

  // web_socket_connection.cpp: life
  void on_input() override;
  void on_timeout() override;
  void on_broken() override { lose(); }
  void on_drain() override;
  void wake();
  void settle();
  void lose() noexcept;
  void hang_up() noexcept;
  void let_go() noexcept;
  void watch_client();
  bool reading_over() const noexcept { return close_came_ || failed_; }

  // web_socket_transfer.cpp: bytes in and out
  void on_writable() override;
  void read_on();
  bool receive_more();
  void take(WebSocketFrames::Event event);
  void answer_ping();
  enum class Payload : std::uint8_t { copied, lent };
  void send_frame(Opcode opcode, std::string_view payload, Payload kind);
  void send_close(std::uint16_t code, std::string_view reason);
  std::optional<std::size_t> send_at_once(std::string_view header, std::string_view payload);
  void flush();

  std::shared_ptr<const WebSocketTerms> terms_;
  WebSocketFrames frames_;
  std::unique_ptr<SendQueue> unsent_;
  std::unique_ptr<std::string> early_;  // came with the handshake and is not read yet
  std::unique_ptr<std::string> pong_;   // the answer to the last ping, while the client is slow
  std::coroutine_handle<> receiver_;
  std::coroutine_handle<> sender_;
  std::string given_;  // the message that the session may still be looking at
  std::string reason_;
  std::uint64_t heard_ms_;
  std::uint16_t code_ = 0;
  std::uint16_t budget_;  // how many events and receives may still be handled in this turn
  Phase phase_ = Phase::open;
  bool message_ready_ = false;  // in frames_; nothing more is read until it is taken
  bool sent_ = false;           // the result of the send under way
  bool close_came_ = false;     // from the client
  bool failed_ = false;         // what the client sends can't be understood any more
  bool session_over_ = false;
  bool cut_ = false;  // ended before everything was sent
  bool ping_unanswered_ = false;
};

}  // namespace prefork::http
