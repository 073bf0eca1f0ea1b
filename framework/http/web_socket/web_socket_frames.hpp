#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "framework/base/utf8_check.hpp"
#include "framework/http/web_socket/frame_codec.hpp"

namespace prefork::http {

/// Close codes, RFC 6455 7.4.
namespace close_codes {
inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kGoingAway = 1001;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kNone = 1005;      ///< never sent: the frame had no code
inline constexpr std::uint16_t kAbnormal = 1006;  ///< never sent: there was no frame
inline constexpr std::uint16_t kNotUtf8 = 1007;
inline constexpr std::uint16_t kTooBig = 1009;
inline constexpr std::uint16_t kInternalError = 1011;
}  // namespace close_codes

/// Whether a close frame may carry this code (RFC 6455 7.4.1, 7.4.2, and codes registered since).
constexpr bool is_close_code(unsigned code) noexcept {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/// Decodes a client's bytes (RFC 6455 5 and 8) into whole messages, put together from their fragments, and the control
/// frames between them. Uses neither socket nor clock. libwslay decodes the frames themselves; its event layer, which
/// would do the rest, misjudges a close frame that comes in two pieces and answers pings without limit.
class WebSocketFrames {
 public:
  enum class Event : std::uint8_t {
    none,     ///< all of the input is used up
    message,  ///< message(), text()
    ping,     ///< control_payload()
    pong,
    close,   ///< code(), and the reason as control_payload()
    failed,  ///< the connection must be failed with code(); nothing more may be read
  };

  explicit WebSocketFrames(std::size_t max_message_bytes) noexcept : max_message_bytes_(max_message_bytes) {}

  /// Reads up to the next event. Takes what it needs from the front of `input` and may keep a few kilobytes beyond the
  /// event, so it must be called again until it returns `none`. Results of the previous call become invalid.
  Event next(std::string_view& input);

  /// The caller may move from it or swap it.
  std::string& message() noexcept { return message_; }
  bool text() const noexcept { return text_; }
  std::string_view control_payload() const noexcept { return control_; }
  std::uint16_t code() const noexcept { return code_; }
  /// Whether there is input that next() has not looked at yet.
  bool holds_input() const noexcept { return codec_ && codec_->taken() != read_bytes_; }
  /// Whether it holds no part of a message or frame, and no memory for one.
  bool idle() const noexcept { return !codec_ && !in_message_; }

 private:
  Event use(const FramePiece& piece);
  std::uint16_t start_frame(const FramePiece& piece) noexcept;
  Event end_frame(const FramePiece& piece);
  Event take_close() noexcept;
  Event fail(std::uint16_t code) noexcept;
  void rest() noexcept;

  std::unique_ptr<FrameCodec> codec_;  // only while it holds something
  std::string message_;
  std::string control_;
  std::size_t max_message_bytes_;
  std::uint64_t read_bytes_ = 0;   // bytes of the codec's input that were used, in whole frames
  std::uint64_t frame_bytes_ = 0;  // bytes of the frame's payload that have come
  base::Utf8Check utf8_;
  std::uint16_t code_ = 0;
  bool in_frame_ = false;
  bool in_message_ = false;  // a message has begun and is not complete
  bool given_ = false;       // message_ was already given out
  bool text_ = false;
};

}  // namespace prefork::http
