#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct wslay_frame_context;

namespace prefork::http {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// A piece of a frame's payload, unmasked.
struct FramePiece {
  std::uint8_t opcode = 0;  ///< as received: possibly none of Opcode
  std::uint8_t reserved_bits = 0;
  bool final = false;
  bool masked = false;
  std::uint64_t payload_bytes = 0;  ///< of the whole frame
  std::string_view bytes;           ///< valid until the next call
};

/// Decodes frames (RFC 6455 5.2) with libwslay. It has a buffer of some kilobytes, so a connection borrows one only
/// while part of a frame is there.
class FrameCodec {
 public:
  enum class Result : std::uint8_t { piece, need_input, malformed };

  FrameCodec(const FrameCodec&) = delete;
  FrameCodec& operator=(const FrameCodec&) = delete;
  ~FrameCodec();

  /// A codec between two frames, from this thread's spare ones if there is one. @throws std::bad_alloc
  static std::unique_ptr<FrameCodec> lend();
  /// REQUIRES that the codec is between two frames and holds no input.
  static void give_back(std::unique_ptr<FrameCodec> codec) noexcept;

  /// Reads on: first what the codec holds, then `input`, from whose front it takes what fits. `need_input`: all of the
  /// input was taken.
  Result read(std::string_view& input, FramePiece& piece) noexcept;
  /// Bytes taken from inputs since the codec was lent.
  std::uint64_t taken() const noexcept { return taken_; }

 private:
  FrameCodec();
  static long take(std::uint8_t* buffer, std::size_t room, int flags, void* self) noexcept;

  wslay_frame_context* context_ = nullptr;
  std::string_view input_;
  std::uint64_t taken_ = 0;
};

/// The longest header that a server sends, in bytes: its frames have no mask.
inline constexpr std::size_t kMaxFrameHeader = 10;
/// Writes the header of an unmasked, unfragmented frame. @return its length
std::size_t write_frame_header(Opcode opcode, std::uint64_t payload_bytes, char* out) noexcept;
/// Appends a whole frame.
void append_frame(std::string& out, Opcode opcode, std::string_view payload);

/// How long the header of a received frame is, given that every length has its shortest form.
constexpr std::uint64_t header_bytes(const FramePiece& piece) noexcept {
  const std::uint64_t length = piece.payload_bytes < 126 ? 0 : piece.payload_bytes < 65536 ? 2 : 8;
  return 2 + length + (piece.masked ? 4 : 0);
}

}  // namespace prefork::http
