#include "framework/http/web_socket/web_socket_frames.hpp"

#include <utility>

namespace prefork::http {

namespace {

constexpr std::uint8_t kControlBit = 8;
constexpr bool is_control_frame(const FramePiece& piece) noexcept { return (piece.opcode & kControlBit) != 0; }
constexpr bool is_opcode(const FramePiece& piece, Opcode opcode) noexcept {
  return piece.opcode == static_cast<std::uint8_t>(opcode);
}

}  // namespace

WebSocketFrames::Event WebSocketFrames::next(std::string_view& input) {
  if (std::exchange(given_, false)) message_.clear();
  if (!codec_) {
    if (input.empty()) return Event::none;
    codec_ = FrameCodec::lend();
  }
  FramePiece piece;
  while (true) {
    switch (codec_->read(input, piece)) {
      case FrameCodec::Result::malformed:
        return fail(close_codes::kProtocolError);
      case FrameCodec::Result::need_input:
        rest();
        return Event::none;
      case FrameCodec::Result::piece:
        break;
    }
    if (const Event event = use(piece); event != Event::none) return event;
  }
}

WebSocketFrames::Event WebSocketFrames::use(const FramePiece& piece) {
  if (!std::exchange(in_frame_, true)) {
    frame_bytes_ = 0;
    if (const std::uint16_t fault = start_frame(piece); fault != 0) return fail(fault);
  }
  frame_bytes_ += piece.bytes.size();
  if (is_control_frame(piece)) {
    control_.append(piece.bytes);
  } else {
    if (text_ && !utf8_.feed(piece.bytes)) return fail(close_codes::kNotUtf8);
    message_.append(piece.bytes);
  }
  return frame_bytes_ < piece.payload_bytes ? Event::none : end_frame(piece);
}

/// @return the code to fail the connection with; 0: none
std::uint16_t WebSocketFrames::start_frame(const FramePiece& piece) noexcept {
  // Only an extension could give a meaning to a reserved bit, and none is negotiated.
  if (piece.reserved_bits != 0 || !piece.masked) return close_codes::kProtocolError;
  if (is_control_frame(piece)) {
    control_.clear();
    const bool close = is_opcode(piece, Opcode::close);
    if (!close && !is_opcode(piece, Opcode::ping) && !is_opcode(piece, Opcode::pong)) {
      return close_codes::kProtocolError;
    }
    // Half a close code is invalid.
    return close && piece.payload_bytes == 1 ? close_codes::kProtocolError : std::uint16_t{0};
  }
  const bool first = is_opcode(piece, Opcode::text) || is_opcode(piece, Opcode::binary);
  if (first == in_message_ || (!first && !is_opcode(piece, Opcode::continuation))) {
    return close_codes::kProtocolError;
  }
  if (first) {
    in_message_ = true;
    text_ = is_opcode(piece, Opcode::text);
    utf8_.reset();
  }
  return piece.payload_bytes > max_message_bytes_ - message_.size() ? close_codes::kTooBig : std::uint16_t{0};
}

WebSocketFrames::Event WebSocketFrames::end_frame(const FramePiece& piece) {
  in_frame_ = false;
  read_bytes_ += header_bytes(piece) + piece.payload_bytes;
  if (is_opcode(piece, Opcode::ping)) return Event::ping;
  if (is_opcode(piece, Opcode::pong)) return Event::pong;
  if (is_opcode(piece, Opcode::close)) return take_close();
  if (!piece.final) return Event::none;
  in_message_ = false;
  if (text_ && !utf8_.complete()) return fail(close_codes::kNotUtf8);
  given_ = true;
  return Event::message;
}

WebSocketFrames::Event WebSocketFrames::take_close() noexcept {
  if (control_.empty()) {
    code_ = close_codes::kNone;
    return Event::close;
  }
  const unsigned code = static_cast<unsigned char>(control_[0]) * 256U + static_cast<unsigned char>(control_[1]);
  if (!is_close_code(code)) return fail(close_codes::kProtocolError);
  control_.erase(0, 2);
  if (!base::is_utf8(control_)) return fail(close_codes::kNotUtf8);
  code_ = static_cast<std::uint16_t>(code);
  return Event::close;
}

WebSocketFrames::Event WebSocketFrames::fail(std::uint16_t code) noexcept {
  code_ = code;
  return Event::failed;
}

/// Keeps nothing between two frames: most connections are idle most of the time.
void WebSocketFrames::rest() noexcept {
  if (holds_input()) return;
  read_bytes_ = 0;
  FrameCodec::give_back(std::move(codec_));
  std::string().swap(control_);
  if (!in_message_) std::string().swap(message_);
}

}  // namespace prefork::http
