// Goal: frames are written as RFC 6455 5.2 requires, and a borrowed codec is as good as a new one.
#include "framework/http/web_socket/frame_codec.hpp"

#include <gtest/gtest.h>

#include "tests/framework/http/web_socket/client_frames.hpp"

namespace prefork::http {
namespace {

TEST(FrameCodec, WritesLengthsInTheirShortestForm) {
  for (const std::size_t size : {0UL, 1UL, 125UL, 126UL, 127UL, 65535UL, 65536UL, 100'000UL}) {
    const std::string payload(size, 'x');
    std::string out = "before";
    append_frame(out, Opcode::binary, payload);
    EXPECT_EQ(out, "before" + test::answer(2, payload)) << size;
  }
  std::string out;
  append_frame(out, Opcode::text, "Hello");
  EXPECT_EQ(out, "\x81\x05Hello") << "the example of RFC 6455 5.7";
}

TEST(FrameCodec, WritesHeadersOfFramesThatAreTooLargeToMake) {
  char header[kMaxFrameHeader];
  EXPECT_EQ(write_frame_header(Opcode::binary, std::uint64_t{1} << 40, header), 10U);
  EXPECT_EQ(std::string_view(header, 10), std::string_view("\x82\x7f\0\0\x01\0\0\0\0\0", 10));
}

TEST(FrameCodec, ReadsTheExampleOfTheRfc) {
  auto codec = FrameCodec::lend();
  std::string_view input("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
  FramePiece piece;
  ASSERT_EQ(codec->read(input, piece), FrameCodec::Result::piece);
  EXPECT_EQ(piece.bytes, "Hello");
  EXPECT_TRUE(piece.final && piece.masked);
  EXPECT_EQ(codec->taken(), header_bytes(piece) + piece.payload_bytes);
  EXPECT_EQ(codec->read(input, piece), FrameCodec::Result::need_input);
  FrameCodec::give_back(std::move(codec));
}

TEST(FrameCodec, IsTheSameAfterItWasGivenBack) {
  auto codec = FrameCodec::lend();
  const FrameCodec* const first = codec.get();
  for (int i = 0; i < 3; ++i) {
    const std::string bytes = test::binary(std::string(5000, 'y'));
    std::string_view input = bytes;
    FramePiece piece;
    std::string payload;
    while (codec->read(input, piece) == FrameCodec::Result::piece) payload += piece.bytes;
    EXPECT_EQ(payload, std::string(5000, 'y'));
    EXPECT_EQ(codec->taken(), bytes.size());
    FrameCodec::give_back(std::move(codec));
    codec = FrameCodec::lend();
    EXPECT_EQ(codec.get(), first);
    EXPECT_EQ(codec->taken(), 0U);
  }
}

}  // namespace
}  // namespace prefork::http
