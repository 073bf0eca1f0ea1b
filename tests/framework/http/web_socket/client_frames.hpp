#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Frames as a client sends them, written after RFC 6455 5.2 and not by the code under test.
namespace prefork::http::test {

struct FrameShape {
  bool final = true;
  unsigned reserved_bits = 0;
  bool masked = true;
  unsigned length_bytes = 0;  ///< of the extended length; 0: the shortest form
};

inline std::string frame(unsigned opcode, std::string_view payload, FrameShape shape = {}) {
  std::string out;
  out += static_cast<char>((shape.final ? 0x80U : 0U) | shape.reserved_bits << 4 | opcode);
  const std::uint64_t size = payload.size();
  unsigned length_bytes = shape.length_bytes;
  if (length_bytes == 0 && size > 125) length_bytes = size < 65536 ? 2 : 8;
  const unsigned mask_bit = shape.masked ? 0x80U : 0U;
  out += static_cast<char>(mask_bit | (length_bytes == 2   ? 126U
                                       : length_bytes == 8 ? 127U
                                                           : static_cast<unsigned>(size)));
  for (unsigned i = length_bytes; i-- > 0;) out += static_cast<char>(size >> (8 * i) & 0xff);
  const std::string_view mask("\x37\xfa\x21\x3d");
  if (shape.masked) out += mask;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out += static_cast<char>(shape.masked ? payload[i] ^ mask[i % 4] : payload[i]);
  }
  return out;
}

inline std::string text(std::string_view payload) { return frame(1, payload); }
inline std::string binary(std::string_view payload) { return frame(2, payload); }
inline std::string part(unsigned opcode, std::string_view payload, bool final) {
  return frame(opcode, payload, {final, 0, true, 0});
}
inline std::string ping(std::string_view payload) { return frame(9, payload); }
inline std::string pong(std::string_view payload) { return frame(10, payload); }
inline std::string close_payload(unsigned code, std::string_view reason = {}) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)}.append(reason);
}
inline std::string close_frame(unsigned code, std::string_view reason = {}) {
  return frame(8, close_payload(code, reason));
}
/// As a server sends it.
inline std::string answer(unsigned opcode, std::string_view payload) {
  return frame(opcode, payload, {true, 0, false, 0});
}

}  // namespace prefork::http::test
