// Goal: the parser's result does not depend on how the network cut the bytes.
#include <gtest/gtest.h>

#include "tests/framework/http/wire/messages.hpp"

namespace prefork::http::test {
namespace {

std::vector<Message> all_messages() {
  std::vector<Message> all = valid_messages();
  for (Message& message : invalid_messages()) all.push_back(std::move(message));
  return all;
}

/// Feeds the bytes in pieces, each call with all bytes so far in a buffer of its own, as after a move.
template <class NextEnd>
Outcome feed(const std::string& bytes, NextEnd next_end) {
  Room room;
  ParseState state;
  Outcome outcome;
  for (std::size_t end = 0; end < bytes.size() && outcome.result == ParseResult::incomplete;) {
    end = next_end(end);
    const std::string so_far = bytes.substr(0, end);
    // Other connections use the same room in between.
    room.head.noted.content_length = "7";
    room.head.noted.hosts = 9;
    for (Header& field : room.fields) field = {"x", "y"};
    const Parsed parsed = parse_head(so_far, kTestLimits, state, room.head);
    outcome = describe(parsed, room.head);
  }
  return outcome;
}

TEST(Incremental, CutAtEveryByte) {
  for (const Message& message : all_messages()) {
    const Outcome whole = parse_at_once(message.bytes);
    for (std::size_t cut = 1; cut < message.bytes.size(); ++cut) {
      const Outcome pieces =
          feed(message.bytes, [&](std::size_t end) { return end < cut ? cut : message.bytes.size(); });
      ASSERT_EQ(pieces, whole) << message.section << " cut at " << cut;
    }
  }
}

TEST(Incremental, ByteByByte) {
  for (const Message& message : all_messages()) {
    for (const std::size_t step : {1U, 2U, 3U, 7U, 16U, 17U}) {
      const Outcome pieces =
          feed(message.bytes, [&](std::size_t end) { return std::min(end + step, message.bytes.size()); });
      ASSERT_EQ(pieces, parse_at_once(message.bytes)) << message.section << " in steps of " << step;
    }
  }
}

// A refusal comes with the first bytes that show it: more of them change nothing.
TEST(Incremental, RefusalIsFinal) {
  for (const Message& message : invalid_messages()) {
    const Outcome whole = parse_at_once(message.bytes);
    for (const char* more : {"x", "\r\n", "\n\n", "GET / HTTP/1.1\r\n\r\n", "\x01"}) {
      EXPECT_EQ(parse_at_once(message.bytes + more), whole) << message.section;
    }
  }
}

TEST(Incremental, BytesBehindTheMessageAreNotLookedAt) {
  for (const Message& message : valid_messages()) {
    EXPECT_EQ(parse_at_once(message.bytes + std::string("\0\r\x7f", 3)), parse_at_once(message.bytes))
        << message.section;
  }
}

// A slow client costs what its bytes cost: what was scanned is not scanned again.
TEST(Incremental, RemembersHowFarItScanned) {
  Room room;
  ParseState state;
  const std::string bytes = "GET / HTTP/1.1\r\nHost: h\r\nA: bcd";
  EXPECT_EQ(parse_head(bytes, kTestLimits, state, room.head).result, ParseResult::incomplete);
  EXPECT_EQ(state.scanned, bytes.size());
  EXPECT_EQ(state.line_start, bytes.size() - 6);
  EXPECT_EQ(state.fields, 1);
}

}  // namespace
}  // namespace prefork::http::test
