#include "framework/http/web_socket/frame_codec.hpp"

#include <sys/types.h>
#include <wslay/wslay.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <type_traits>
#include <vector>

namespace prefork::http {

namespace {

// How many spare codecs are kept. The connections of one turn of the loop usually need only one at a time.
constexpr std::size_t kMaxSpare = 16;

thread_local std::vector<std::unique_ptr<FrameCodec>> spare_codecs;

}  // namespace

FrameCodec::FrameCodec() {
  static_assert(std::is_same_v<long, ssize_t>);
  const wslay_frame_callbacks callbacks = {nullptr, &FrameCodec::take, nullptr};
  if (wslay_frame_context_init(&context_, &callbacks, this) != 0) throw std::bad_alloc();
}

FrameCodec::~FrameCodec() { wslay_frame_context_free(context_); }

std::unique_ptr<FrameCodec> FrameCodec::lend() {
  if (spare_codecs.empty()) return std::unique_ptr<FrameCodec>(new FrameCodec);
  std::unique_ptr<FrameCodec> codec = std::move(spare_codecs.back());
  spare_codecs.pop_back();
  return codec;
}

void FrameCodec::give_back(std::unique_ptr<FrameCodec> codec) noexcept {
  codec->taken_ = 0;
  if (spare_codecs.capacity() == 0) spare_codecs.reserve(kMaxSpare);
  if (spare_codecs.size() < kMaxSpare) spare_codecs.push_back(std::move(codec));
}

// libwslay asks for more only when it has used up what it holds, and takes less than there is only if its buffer is
// full.
long FrameCodec::take(std::uint8_t* buffer, std::size_t room, int, void* self) noexcept {
  auto& codec = *static_cast<FrameCodec*>(self);
  const std::size_t bytes = std::min(room, codec.input_.size());
  if (bytes == 0) return -1;
  std::memcpy(buffer, codec.input_.data(), bytes);
  codec.input_.remove_prefix(bytes);
  codec.taken_ += bytes;
  return static_cast<long>(bytes);
}

FrameCodec::Result FrameCodec::read(std::string_view& input, FramePiece& piece) noexcept {
  wslay_frame_iocb frame{};
  input_ = input;
  const ssize_t result = wslay_frame_recv(context_, &frame);
  input = input_;
  if (result == WSLAY_ERR_WANT_READ) return Result::need_input;
  if (result < 0) return Result::malformed;
  piece.opcode = frame.opcode;
  piece.reserved_bits = frame.rsv;
  piece.final = frame.fin != 0;
  piece.masked = frame.mask != 0;
  piece.payload_bytes = frame.payload_length;
  piece.bytes = {reinterpret_cast<const char*>(frame.data), frame.data_length};
  return Result::piece;
}

std::size_t write_frame_header(Opcode opcode, std::uint64_t payload_bytes, char* out) noexcept {
  constexpr unsigned kFinal = 0x80;
  out[0] = static_cast<char>(kFinal | static_cast<unsigned>(opcode));
  const unsigned length_bytes = payload_bytes < 126 ? 0 : payload_bytes < 65536 ? 2 : 8;
  out[1] = static_cast<char>(length_bytes == 0 ? payload_bytes : length_bytes == 2 ? 126 : 127);
  for (unsigned i = 0; i < length_bytes; ++i) {
    out[2 + i] = static_cast<char>(payload_bytes >> (8 * (length_bytes - 1 - i)) & 0xff);
  }
  return 2 + length_bytes;
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
  char header[kMaxFrameHeader];
  out.append(header, write_frame_header(opcode, payload.size(), header)).append(payload);
}

}  // namespace prefork::http
