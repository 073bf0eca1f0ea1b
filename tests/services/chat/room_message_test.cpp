#include "services/chat/room_message.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "services/chat/json_wording.hpp"
#include "services/chat/line_wording.hpp"

namespace chat {
namespace {

using Kind = RoomMessage::Kind;

TEST(ChatRoomMessage, ComesBackAsItWas) {
  for (const Kind kind : {Kind::joined, Kind::left, Kind::said, Kind::whisper}) {
    const std::string bytes = encode({kind, INT64_MAX, -7, "Zo\xc3\xab", "hello", 99});
    const auto message = decode(bytes);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->kind, kind);
    EXPECT_EQ(message->join, INT64_MAX);
    EXPECT_EQ(message->to, -7);
    EXPECT_EQ(message->name, "Zo\xc3\xab");
    EXPECT_EQ(message->text, "hello");
    EXPECT_EQ(message->at_us, 99);
  }
  const std::string longest = encode({Kind::said, 1, 0, std::string(32, 'n'), std::string(100, 't')});
  EXPECT_EQ(longest.size(), kRoomMessageOverhead + 100);
}

TEST(ChatRoomMessage, DamagedBytesAreNoMessageOrASafeOne) {
  const std::string good = encode({Kind::said, 5, 0, "ada", "hello"});
  for (std::size_t length = 0; length < good.size(); ++length) {
    const auto message = decode(std::string_view(good).substr(0, length));
    EXPECT_EQ(message.has_value(), length >= 26 + 3) << length;
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string bad = good;
      bad[at] = static_cast<char>(value);
      const auto message = decode(bad);
      if (!message) continue;
      for (const std::string& line : {LineWording().event(*message), JsonWording().event(*message)}) {
        EXPECT_EQ(line.find_first_of("\x1b\x07\r"), std::string::npos);
        EXPECT_EQ(line.find('\n'), line.size() - 1);
      }
    }
  }
  EXPECT_FALSE(decode(std::string(26, '\0'))) << "a name is not empty";
  std::string far = good;
  far[1] = '\xff';
  EXPECT_FALSE(decode(far)) << "a name that reaches past the end";
}

}  // namespace
}  // namespace chat
