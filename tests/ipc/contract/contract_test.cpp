#include "ipc/contract/contract.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace prefork::ipc {
namespace {

using ControlPacket = std::array<std::byte, kControlBytes>;

std::vector<std::byte> status_packet(const StatusMessage& message) {
  std::array<std::byte, kMaxStatusBytes> buffer;
  buffer.fill(std::byte{0xee});
  const std::size_t length = encode(message, buffer);
  return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(length)};
}

TEST(ControlMessage, RoundTrip) {
  for (const ControlMessage message : {ControlMessage{ControlKind::retire, 30'000},
                                       {ControlKind::finish, UINT32_MAX},
                                       {ControlKind::retire, 0},
                                       {ControlKind::empty, 0x80000001, 255},
                                       {ControlKind::stop_now, 0}}) {
    ControlPacket packet;
    packet.fill(std::byte{0xee});
    encode(message, packet);
    const auto read = decode_control(packet);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->kind, message.kind);
    EXPECT_EQ(read->argument, message.argument);
    EXPECT_EQ(read->group, message.group);
  }
}

// Goal: of all packets that differ from a valid one in one byte, exactly those are accepted that the table in
// contract.hpp allows.
TEST(ControlMessage, EveryByteIsChecked) {
  for (const auto kind : {ControlKind::retire, ControlKind::finish, ControlKind::stop_now, ControlKind::empty}) {
    ControlPacket good;
    encode({kind, kind == ControlKind::stop_now ? 0U : 0x01020304U}, good);
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        ControlPacket packet = good;
        packet[at] = static_cast<std::byte>(value);
        std::uint32_t argument = 0;
        std::memcpy(&argument, &packet[4], 4);
        const bool known = packet[0] >= std::byte{1} && packet[0] <= std::byte{4};
        const bool zeros = (packet[1] == std::byte{} || packet[0] == std::byte{4}) && packet[2] == std::byte{} &&
                           packet[3] == std::byte{};
        const bool allowed = known && zeros && (packet[0] != std::byte{3} || argument == 0);
        EXPECT_EQ(decode_control(packet).has_value(), allowed) << "byte " << at << " = " << value;
      }
    }
  }
}

TEST(ControlMessage, OtherLengthsAreRefused) {
  std::vector<std::byte> packet(64, std::byte{});
  packet[0] = std::byte{1};
  for (std::size_t length = 0; length <= packet.size(); ++length) {
    EXPECT_EQ(decode_control(std::span(packet).first(length)).has_value(), length == kControlBytes) << length;
  }
}

TEST(StatusMessage, RoundTrip) {
  const std::string binary("a\0b\xff\n", 5);
  for (const StatusMessage& message :
       {StatusMessage{StatusKind::ready, 0, {}}, StatusMessage{StatusKind::draining, 0, {}},
        StatusMessage{StatusKind::cannot_start, 0, "service \"web\" can't start"},
        StatusMessage{StatusKind::cannot_start, 0, {}}, StatusMessage{StatusKind::log, 4, binary, 255},
        StatusMessage{StatusKind::log, 0, {}}, StatusMessage{StatusKind::recycle, 0, "max-requests 7"}}) {
    const auto packet = status_packet(message);
    const auto read = decode_status(packet);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->kind, message.kind);
    EXPECT_EQ(read->level, message.level);
    EXPECT_EQ(read->text, message.text);
    EXPECT_EQ(read->service, message.service);
  }
}

TEST(StatusMessage, LongTextIsCutAtTheLimit) {
  for (const std::size_t length : {kMaxStatusText - 1, kMaxStatusText, kMaxStatusText + 1, std::size_t{100'000}}) {
    const std::string text = std::string(kMaxStatusText, 'x') + std::string(100'000, 'y');
    const auto packet = status_packet({StatusKind::log, 2, std::string_view(text).substr(0, length)});
    const std::size_t kept = std::min(length, kMaxStatusText);
    ASSERT_EQ(packet.size(), kStatusHeaderBytes + kept);
    const auto read = decode_status(packet);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->text, text.substr(0, kept));
  }
}

bool status_allowed(const std::vector<std::byte>& packet) {
  std::uint32_t length = 0;
  std::memcpy(&length, &packet[4], 4);
  const int kind = std::to_integer<int>(packet[0]);
  const int level = std::to_integer<int>(packet[1]);
  if (kind < 1 || kind > 5 || length != packet.size() - kStatusHeaderBytes) return false;
  if ((kind != 4 && packet[2] != std::byte{}) || packet[3] != std::byte{}) return false;
  if (kind == 4) return level <= 4;
  return level == 0 && (kind == 3 || kind == 5 || length == 0);
}

TEST(StatusMessage, EveryByteOfTheHeaderIsChecked) {
  for (const StatusMessage& message :
       {StatusMessage{StatusKind::ready, 0, {}}, StatusMessage{StatusKind::draining, 0, {}},
        StatusMessage{StatusKind::cannot_start, 0, "why"}, StatusMessage{StatusKind::log, 3, "line"},
        StatusMessage{StatusKind::recycle, 0, "max-rss 1"}}) {
    const auto good = status_packet(message);
    for (std::size_t at = 0; at < kStatusHeaderBytes; ++at) {
      for (int value = 0; value < 256; ++value) {
        auto packet = good;
        packet[at] = static_cast<std::byte>(value);
        EXPECT_EQ(decode_status(packet).has_value(), status_allowed(packet)) << "byte " << at << " = " << value;
      }
    }
  }
}

TEST(StatusMessage, CutAndStretchedPacketsAreRefused) {
  auto packet = status_packet({StatusKind::log, 1, std::string(kMaxStatusText, 'x')});
  for (std::size_t length = 0; length < packet.size(); ++length) {
    EXPECT_FALSE(decode_status(std::span(packet).first(length))) << length;
  }
  packet.push_back(std::byte{'x'});
  EXPECT_FALSE(decode_status(packet));
  const std::uint32_t claimed = kMaxStatusText + 1;
  std::memcpy(&packet[4], &claimed, 4);
  EXPECT_FALSE(decode_status(packet)) << "longer than any worker may be";
}

}  // namespace
}  // namespace prefork::ipc
