// Goal: a client's bytes are interpreted as RFC 6455 5, 7 and 8 say, however they are cut into pieces.
#include "framework/http/web_socket/web_socket_frames.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/framework/http/web_socket/client_frames.hpp"

namespace prefork::http {
namespace {

using test::binary;
using test::close_frame;
using test::frame;
using test::part;
using test::ping;
using test::pong;
using test::text;
using testing::ElementsAre;

constexpr std::size_t kMost = 1000;

std::string describe(WebSocketFrames::Event event, WebSocketFrames& frames) {
  switch (event) {
    case WebSocketFrames::Event::none:
      return "none";
    case WebSocketFrames::Event::message:
      return (frames.text() ? "text " : "binary ") + frames.message();
    case WebSocketFrames::Event::ping:
      return "ping " + std::string(frames.control_payload());
    case WebSocketFrames::Event::pong:
      return "pong " + std::string(frames.control_payload());
    case WebSocketFrames::Event::close:
      return "close " + std::to_string(frames.code()) + " " + std::string(frames.control_payload());
    case WebSocketFrames::Event::failed:
      return "failed " + std::to_string(frames.code());
  }
  return {};
}

/// All events of the bytes, which come in pieces of `step`.
std::vector<std::string> events(std::string_view bytes, std::size_t step = SIZE_MAX, std::size_t most = kMost) {
  WebSocketFrames frames(most);
  std::vector<std::string> all;
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    while (true) {
      const auto event = frames.next(piece);
      if (event == WebSocketFrames::Event::none) break;
      all.push_back(describe(event, frames));
      if (event == WebSocketFrames::Event::failed) return all;
    }
    EXPECT_TRUE(piece.empty()) << "none means that all is used up";
  }
  return all;
}

/// The same whatever the cut.
void expect_events(const std::string& bytes, const std::vector<std::string>& expected, const std::string& why = {}) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, SIZE_MAX}) {
    EXPECT_EQ(events(bytes, step), expected) << why << ", in pieces of " << step;
  }
}

TEST(WebSocketFrames, GivesMessages) {
  expect_events(text("Hello") + binary(std::string("\0\xff", 2)) + text("") + binary(""),
                {"text Hello", std::string("binary \0\xff", 9), "text ", "binary "});
  for (const std::size_t size : {125UL, 126UL, 127UL, 1000UL}) {
    const std::string payload(size, 'x');
    expect_events(text(payload) + binary(payload), {"text " + payload, "binary " + payload});
  }
}

TEST(WebSocketFrames, GivesMessagesOfAllLengthForms) {
  for (const std::size_t size : {4089UL, 4090UL, 4096UL, 8192UL, 65535UL, 65536UL, 200'000UL}) {
    const std::string payload(size, 'x');
    const std::string bytes = binary(payload) + text("next");
    for (const std::size_t step : {std::size_t{1000}, std::size_t{4096}, SIZE_MAX}) {
      EXPECT_EQ(events(bytes, step, 200'000), (std::vector<std::string>{"binary " + payload, "text next"})) << size;
    }
  }
}

// RFC 6455 5.4
TEST(WebSocketFrames, PutsFragmentsTogether) {
  expect_events(part(1, "He", false) + part(0, "ll", false) + part(0, "o", true) + text("!"), {"text Hello", "text !"});
  expect_events(part(2, "", false) + part(0, "", false) + part(0, "", true), {"binary "});
  expect_events(part(1, "", false) + part(0, "x", true), {"text x"});
}

// RFC 6455 5.4, 5.5: control frames may stand between the fragments of a message, not within a frame.
TEST(WebSocketFrames, LetsControlFramesInBetween) {
  expect_events(part(1, "He", false) + ping("1") + part(0, "ll", false) + pong("2") + ping("") + part(0, "o", true),
                {"ping 1", "pong 2", "ping ", "text Hello"});
  expect_events(part(1, "He", false) + close_frame(1000, "bye"), {"close 1000 bye"});
}

// RFC 6455 8.1, 5.6
TEST(WebSocketFrames, ChecksTextAcrossFragments) {
  expect_events(part(1, "\xe2", false) + part(0, "\x82", false) + ping("\xff") + part(0, "\xac", true),
                {"ping \xff", "text \xe2\x82\xac"});
  expect_events(part(1, "\xe2\x82", false) + part(0, "", true), {"failed 1007"}, "cut short");
  expect_events(part(1, "\xe2\x82", false) + part(0, "x", true), {"failed 1007"});
  expect_events(text("\xc0\xaf"), {"failed 1007"}, "overlong");
  expect_events(text("\xed\xa0\x80"), {"failed 1007"}, "surrogate");
  expect_events(text("ok") + text("\xff"), {"text ok", "failed 1007"});
  expect_events(binary("\xff\xc0") + part(2, "\xe2", false) + part(0, "", true), {"binary \xff\xc0", "binary \xe2"});
  expect_events(text("\xe2\x82") + text("\xac"), {"failed 1007"}, "each message by itself");
}

TEST(WebSocketFrames, FailsOnBadTextBeforeItsEnd) {
  const std::string bytes = text("\xff" + std::string(100, 'x'));
  EXPECT_THAT(events(bytes.substr(0, 8)), ElementsAre("failed 1007"));
}

// RFC 6455 5.1: a client masks all of its frames.
TEST(WebSocketFrames, DemandsMasks) {
  expect_events(frame(1, "Hello", {true, 0, false, 0}), {"failed 1002"});
  expect_events(frame(9, "", {true, 0, false, 0}), {"failed 1002"});
  expect_events(frame(8, "", {true, 0, false, 0}), {"failed 1002"});
  expect_events(part(1, "a", false) + frame(0, "b", {true, 0, false, 0}), {"failed 1002"});
}

// RFC 6455 5.2: without an extension reserved bits are 0.
TEST(WebSocketFrames, RefusesReservedBits) {
  for (unsigned bits = 1; bits < 8; ++bits) {
    for (const unsigned opcode : {1U, 2U, 8U, 9U, 10U}) {
      expect_events(text("before") + frame(opcode, "", {true, bits, true, 0}), {"text before", "failed 1002"});
    }
    expect_events(part(1, "a", false) + frame(0, "b", {true, bits, true, 0}), {"failed 1002"});
  }
}

TEST(WebSocketFrames, RefusesReservedOpcodes) {
  for (const unsigned opcode : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U}) {
    expect_events(frame(opcode, "x"), {"failed 1002"}, std::to_string(opcode));
    expect_events(part(1, "a", false) + frame(opcode, ""), {"failed 1002"}, std::to_string(opcode));
  }
}

// RFC 6455 5.4
TEST(WebSocketFrames, RefusesFragmentsOutOfOrder) {
  expect_events(part(0, "x", true), {"failed 1002"}, "nothing to continue");
  expect_events(part(0, "x", false), {"failed 1002"});
  expect_events(text("a") + part(0, "x", true), {"text a", "failed 1002"});
  expect_events(part(1, "a", false) + text("b"), {"failed 1002"}, "a message within a message");
  expect_events(part(2, "a", false) + part(2, "b", true), {"failed 1002"});
}

// RFC 6455 5.5: at most 125 bytes, never in fragments.
TEST(WebSocketFrames, RefusesLongOrFragmentedControlFrames) {
  const std::string longest(125, 'x');
  expect_events(ping(longest) + pong(longest), {"ping " + longest, "pong " + longest});
  for (const unsigned opcode : {8U, 9U, 10U}) {
    expect_events(frame(opcode, std::string(126, 'x')), {"failed 1002"});
    expect_events(part(opcode, "", false), {"failed 1002"});
  }
}

// RFC 6455 5.2: "the minimal number of bytes MUST be used", and the highest bit of a length is 0.
TEST(WebSocketFrames, RefusesLengthsInALongerForm) {
  expect_events(frame(2, "x", {true, 0, true, 2}), {"failed 1002"});
  expect_events(frame(2, "x", {true, 0, true, 8}), {"failed 1002"});
  expect_events(frame(2, std::string(126, 'x'), {true, 0, true, 8}), {"failed 1002"});
  expect_events(std::string("\x82\xff\x80\0\0\0\0\0\0\x01mask", 14), {"failed 1002"});
}

TEST(WebSocketFrames, RefusesMessagesThatAreTooLong) {
  const std::string most(kMost, 'x');
  expect_events(binary(most), {"binary " + most});
  expect_events(binary(most + "x"), {"failed 1009"});
  expect_events(part(2, most, false) + part(0, "", true), {"binary " + most});
  expect_events(part(2, most, false) + part(0, "x", true), {"failed 1009"});
  expect_events(text("a") + part(2, most, false) + ping("p") + part(0, "x", false),
                {"text a", "ping p", "failed 1009"});
  expect_events(text(most) + text(most), {"text " + most, "text " + most}, "each message by itself");
  // 2^62 bytes are announced: it is the announcement that is refused.
  EXPECT_THAT(events(std::string("\x82\xff\x40\0\0\0\0\0\0\0maskx", 15)), ElementsAre("failed 1009"));
}

// RFC 6455 5.5.1, 7.4
TEST(WebSocketFrames, ChecksCloseFrames) {
  expect_events(frame(8, ""), {"close 1005 "});
  expect_events(frame(8, "\x03"), {"failed 1002"}, "half a code");
  expect_events(close_frame(1000), {"close 1000 "});
  expect_events(close_frame(4999, "\xe2\x82\xac and out"), {"close 4999 \xe2\x82\xac and out"});
  const std::string reason(123, 'r');
  expect_events(close_frame(1001, reason), {"close 1001 " + reason});
  expect_events(close_frame(1000, "\xe2\x82"), {"failed 1007"});
  for (unsigned code = 0; code < 5100; ++code) {
    const bool valid = (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
                       (code >= 3000 && code <= 4999);
    EXPECT_THAT(events(close_frame(code)),
                ElementsAre(valid ? "close " + std::to_string(code) + " " : std::string("failed 1002")));
  }
}

TEST(WebSocketFrames, HoldsNothingBetweenFrames) {
  WebSocketFrames frames(kMost);
  EXPECT_TRUE(frames.idle());
  const std::string bytes = part(1, "a", false) + ping("x") + part(0, "b", true);
  const std::size_t message_begins = 0;
  const std::size_t message_ends = bytes.size() - 1;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string_view piece(&bytes[i], 1);
    while (frames.next(piece) != WebSocketFrames::Event::none) continue;
    EXPECT_EQ(frames.idle(), i < message_begins || i >= message_ends) << i;
  }
}

TEST(WebSocketFrames, AMessageMayBeTakenAway) {
  WebSocketFrames frames(kMost);
  const std::string bytes = text("first") + text("second");
  std::string_view input = bytes;
  std::string taken = "what was taken before";
  ASSERT_EQ(frames.next(input), WebSocketFrames::Event::message);
  taken.swap(frames.message());
  EXPECT_EQ(taken, "first");
  ASSERT_EQ(frames.next(input), WebSocketFrames::Event::message);
  EXPECT_EQ(taken, "first");
  EXPECT_EQ(frames.message(), "second");
}

}  // namespace
}  // namespace prefork::http
