#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "services/chat/peer.hpp"

#include <prefork/http/web_socket.hpp>

namespace chat {

/// A client over WebSocket: each of its text messages is a line; a message to it is one or more lines with their line
/// ends.
class WebPeer final : public Peer {
 public:
  static constexpr std::uint16_t kNormal = 1000, kUnsupported = 1003, kTooLong = 1009, kComeAgain = 1012;

  explicit WebPeer(prefork::http::WebSocket& socket) noexcept : socket_(socket) {}

  prefork::Task<prefork::Outcome<std::string_view>> read_line() override {
    const auto message = co_await socket_.receive();
    if (!message) co_return socket_.close_code() == kTooLong ? prefork::Reason::too_long : prefork::Reason::closed;
    if (!message->text) {
      socket_.close(kUnsupported, "lines are text");
      co_return prefork::Reason::closed;
    }
    co_return message->data;
  }
  prefork::Task<bool> write(std::string_view lines) override { co_return co_await socket_.send_text(lines); }
  void close(Ending ending) override { socket_.close(ending == Ending::come_again ? kComeAgain : kNormal); }
  std::string address() const override { return socket_.client_address(); }
  std::uint64_t id() const noexcept override { return socket_.id(); }
  prefork::Context& context() const noexcept override { return socket_.context(); }

 private:
  prefork::http::WebSocket& socket_;
};

}  // namespace chat
