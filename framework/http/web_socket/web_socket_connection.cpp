#include "framework/http/web_socket/web_socket_connection.hpp"

#include <algorithm>
#include <utility>

#include "framework/worker/service/detached.hpp"
#include "ipc/posix/check.hpp"

namespace prefork::http {

namespace {

// A client that sends without end must not occupy the worker.
constexpr std::uint16_t kStepsPerTurn = 128;

worker::Detached run_session(WebSocketConnection& socket) {
  bool failed = false;
  try {
    co_await socket.terms().session(socket);
  } catch (...) {
    failed = true;
    socket.host().log_exception("WebSocket of " + socket.peer().to_string());
  }
  socket.session_ended(failed);
}

}  // namespace

WebSocketConnection::WebSocketConnection(worker::ServiceHost& host, ipc::UniqueFd fd, const worker::PeerAddress& peer,
                                         std::shared_ptr<const WebSocketTerms> terms)
    : StreamConnection(host, std::move(fd), peer),
      terms_(std::move(terms)),
      frames_(terms_->options.max_message_bytes),
      heard_ms_(host.runtime().loop.ran_ms()),
      budget_(kStepsPerTurn) {}

void WebSocketConnection::open_with(std::string_view input) {
  if (!input.empty()) early_ = std::make_unique<std::string>(input);
  watch_client();
  on_drain();
  run_session(*this);
  if (!closed()) on_input();
  attach();
}

bool WebSocketConnection::start_receive() {
  PREFORK_CHECK(!receiver_);
  given_.clear();
  if (phase_ == Phase::open) read_on();
  if (message_ready_ || phase_ != Phase::open) return true;
  if (frames_.idle()) std::string().swap(given_);
  return false;
}

std::optional<WebSocket::Message> WebSocketConnection::finish_receive() noexcept {
  if (phase_ != Phase::open || !std::exchange(message_ready_, false)) return std::nullopt;
  given_.swap(frames_.message());
  // The session may take long to return: what follows the message must not wait for it.
  if (early_ || !block_bytes().empty() || frames_.holds_input() || may_have_input()) resume_later();
  return Message{frames_.text(), given_};
}

void WebSocketConnection::on_input() {
  budget_ = kStepsPerTurn;
  if (receiver_) host().begin_activity(ipc::ActivityKind::connection, peer().raw());
  read_on();
  settle();
}

/// Resumes the coroutines whose wait is over.
void WebSocketConnection::wake() {
  const bool lent = unsent_ && unsent_->lent();
  if (sender_ && !lent) std::exchange(sender_, nullptr).resume();
  if (receiver_ && (message_ready_ || phase_ != Phase::open)) std::exchange(receiver_, nullptr).resume();
}

/// Called after anything that may have changed what can continue.
void WebSocketConnection::settle() {
  if (closed()) return;
  wake();
  if (closed() || phase_ == Phase::open) return;
  const bool said_all = !unsent_;
  if (session_over_) {
    if (phase_ == Phase::gone && cut_) return StreamConnection::close();
    if (phase_ == Phase::gone || (said_all && reading_over())) close_gracefully();
    return;
  }
  // RFC 6455 7.1.1: the server closes first, however slow the session is.
  if (said_all && close_came_) hang_up();
}

void WebSocketConnection::session_ended(bool failed) {
  session_over_ = true;
  begin_close(failed ? close_codes::kInternalError : close_codes::kNormal, {});
  // Another coroutine must not continue with a socket that is about to close, nor may what it lent be sent on.
  if (sender_) lose();
  settle();
}

void WebSocketConnection::begin_close(std::uint16_t code, std::string_view reason) {
  if (phase_ != Phase::open) return;
  send_close(code, reason);
  if (receiver_) resume_later();
}

void WebSocketConnection::lose() noexcept {
  if (phase_ == Phase::gone) return;
  cut_ = true;
  let_go();
  shut_down();
}

/// Everything is sent: the client sees the end after our close frame, whatever it still sends.
void WebSocketConnection::hang_up() noexcept {
  if (phase_ == Phase::gone) return;
  let_go();
  finish_sending();
}

void WebSocketConnection::let_go() noexcept {
  phase_ = Phase::gone;
  if (code_ == 0) code_ = close_codes::kAbnormal;
  sent_ = false;
  unsent_.reset();
  pong_.reset();
  early_.reset();
  release_block();
  clear_deadline();
  // The loop resumes them, since the caller may be one of the two coroutines.
  if (receiver_ || sender_ || session_over_) resume_later();
}

void WebSocketConnection::on_drain() {
  const worker::DrainMode drain = host().runtime().drain;
  if (drain == worker::DrainMode::none) return;
  const bool stops = drain == worker::DrainMode::closing;
  begin_close(close_codes::kGoingAway, stops ? "the server is shutting down" : "connect again");
}

void WebSocketConnection::on_timeout() {
  if (unsent_) {
    lose();
  } else if (phase_ == Phase::closing) {
    hang_up();
  } else {
    watch_client();
  }
  settle();
}

/// Sets the deadline of an open connection; pings the client.
void WebSocketConnection::watch_client() {
  if (phase_ != Phase::open || unsent_) return;
  if (terms_->options.ping_interval == kForever) return clear_deadline();
  const auto interval = std::max(terms_->options.ping_interval, std::chrono::milliseconds(1));
  const std::chrono::milliseconds silent(static_cast<std::int64_t>(host().runtime().loop.ran_ms() - heard_ms_));
  if (silent < interval) return set_deadline(interval - silent);
  // Its answer may come after something that the session has not taken: then the client is not the slow one.
  if (message_ready_ || may_have_input()) return set_deadline(interval);
  if (ping_unanswered_) {
    send_close(close_codes::kInternalError, "no answer to a ping");
    return unsent_ ? lose() : hang_up();
  }
  ping_unanswered_ = true;
  send_frame(Opcode::ping, {}, Payload::copied);
  if (phase_ != Phase::open || unsent_) return;
  set_deadline(std::max(terms_->options.pong_timeout, std::chrono::milliseconds(1)));
}

}  // namespace prefork::http
