#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "framework/base/utf8_check.hpp"
#include "framework/http/web_socket/web_socket_connection.hpp"
#include "ipc/posix/check.hpp"

namespace prefork::http {

namespace {

// Up to this size copying is cheaper than a second system call.
constexpr std::size_t kSentTogether = std::size_t{8} * 1024;

void require_utf8(std::string_view text) {
  if (!base::is_utf8(text)) throw std::invalid_argument("a WebSocket's text message must be UTF-8");
}

}  // namespace

// Bytes in.

/// Reads up to the next message, or as far as bytes have come.
void WebSocketConnection::read_on() {
  while (!message_ready_ && !reading_over() && phase_ != Phase::gone) {
    if (budget_ == 0) return resume_later();
    --budget_;
    const std::string_view all = early_ ? std::string_view(*early_) : block_bytes();
    std::string_view rest = all;
    const WebSocketFrames::Event event = frames_.next(rest);
    if (!early_) {
      consume(all.size() - rest.size());
    } else if (early_->erase(0, all.size() - rest.size()).empty()) {
      early_.reset();
    }
    if (event != WebSocketFrames::Event::none) {
      take(event);
    } else if (!receive_more()) {
      return;
    }
  }
}

bool WebSocketConnection::receive_more() {
  switch (StreamConnection::receive()) {
    case Received::would_block:
      return false;
    case Received::end:
      lose();
      return false;
    case Received::data:
      break;
  }
  heard_ms_ = host().runtime().loop.ran_ms();
  if (std::exchange(ping_unanswered_, false)) watch_client();
  return true;
}

void WebSocketConnection::take(WebSocketFrames::Event event) {
  switch (event) {
    case WebSocketFrames::Event::none:
    case WebSocketFrames::Event::pong:
      return;
    case WebSocketFrames::Event::message:
      message_ready_ = phase_ == Phase::open;  // what comes after our close frame is ignored
      return;
    case WebSocketFrames::Event::ping:
      return answer_ping();
    case WebSocketFrames::Event::close:
      close_came_ = true;
      if (phase_ != Phase::open) return;
      send_close(frames_.code(), {});
      reason_ = frames_.control_payload();
      return;
    case WebSocketFrames::Event::failed:
      failed_ = true;
      if (phase_ == Phase::open) send_close(frames_.code(), {});
      return;
  }
}

/// RFC 6455 5.5.3: if several pings wait for an answer, answering the last one is enough.
void WebSocketConnection::answer_ping() {
  if (phase_ != Phase::open) return;
  if (!unsent_) return send_frame(Opcode::pong, frames_.control_payload(), Payload::copied);
  pong_ = std::make_unique<std::string>(frames_.control_payload());
}

// Bytes out.

bool WebSocketConnection::start_send(bool text, std::string_view data) {
  PREFORK_CHECK(!sender_);
  if (text) require_utf8(data);
  sent_ = phase_ == Phase::open;
  if (sent_) send_frame(text ? Opcode::text : Opcode::binary, data, Payload::lent);
  return !unsent_ || !unsent_->lent();
}

bool WebSocketConnection::try_send(std::string_view text) {
  require_utf8(text);
  if (phase_ != Phase::open) return false;
  const std::size_t waiting = unsent_ ? unsent_->copied_bytes() : 0;
  const std::size_t limit = terms_->options.max_queued_bytes;
  if (waiting > limit || text.size() > limit - waiting) return false;
  send_frame(Opcode::text, text, Payload::copied);
  return phase_ == Phase::open;
}

void WebSocketConnection::send_frame(Opcode opcode, std::string_view payload, Payload kind) {
  std::array<char, kMaxFrameHeader> bytes;
  const std::string_view header(bytes.data(), write_frame_header(opcode, payload.size(), bytes.data()));
  std::size_t sent = 0;
  if (!unsent_) {
    const auto at_once = send_at_once(header, payload);
    if (!at_once) return lose();
    sent = *at_once;
    if (sent == header.size() + payload.size()) return;
    unsent_ = std::make_unique<SendQueue>();
    if (phase_ == Phase::open) set_deadline(host().limits().write_timeout);
  }
  if (sent < header.size()) {
    unsent_->append(header.substr(sent));
    sent = header.size();
  }
  const std::string_view rest = payload.substr(sent - header.size());
  kind == Payload::lent ? unsent_->lend(rest) : unsent_->append(rest);
}

std::optional<std::size_t> WebSocketConnection::send_at_once(std::string_view header, std::string_view payload) {
  if (payload.size() <= kSentTogether) {
    std::array<char, kMaxFrameHeader + kSentTogether> frame;
    std::memcpy(frame.data(), header.data(), header.size());
    if (!payload.empty()) std::memcpy(frame.data() + header.size(), payload.data(), payload.size());
    return send_some({frame.data(), header.size() + payload.size()});
  }
  const auto first = send_some(header, true);
  if (!first || *first < header.size()) return first;
  const auto second = send_some(payload);
  if (!second) return second;
  return *first + *second;
}

/// Our last frame: it is sent after whatever waits.
void WebSocketConnection::send_close(std::uint16_t code, std::string_view reason) {
  code_ = code;
  reason_ = reason;
  phase_ = Phase::closing;
  pong_.reset();
  std::string payload;
  if (code != close_codes::kNone) payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  send_frame(Opcode::close, payload.append(reason), Payload::copied);
  if (phase_ == Phase::closing) set_deadline(terms_->options.close_timeout);
}

void WebSocketConnection::flush() {
  bool moved = false;
  while (!unsent_->empty()) {
    const std::string_view bytes = unsent_->front();
    const auto sent = send_some(bytes);
    if (!sent) return lose();
    unsent_->drop(*sent);
    moved = moved || *sent > 0;
    if (*sent == bytes.size()) continue;
    if (moved && phase_ == Phase::open) set_deadline(host().limits().write_timeout);
    return;
  }
  unsent_.reset();
  if (phase_ != Phase::open) return;
  if (pong_) send_frame(Opcode::pong, *std::exchange(pong_, nullptr), Payload::copied);
  watch_client();
}

void WebSocketConnection::on_writable() {
  if (unsent_) flush();
  settle();
}

}  // namespace prefork::http
