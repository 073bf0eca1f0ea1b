// Goal: whatever an author sends arrives as exactly that event (WHATWG HTML 9.2.5, 9.2.6).
#include "framework/http/events/event_format.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace prefork::http {
namespace {

std::string format(const ServerEvent& event) {
  std::string out;
  append_event(out, event);
  return out;
}

TEST(EventFormat, WritesAllFields) {
  EXPECT_EQ(format({.data = "hello"}), "data: hello\n\n");
  EXPECT_EQ(format({.data = "{}", .event = "tick", .id = "7"}), "event: tick\nid: 7\ndata: {}\n\n");
  EXPECT_EQ(format({.data = "", .event = "tick"}), "event: tick\ndata: \n\n");
  EXPECT_EQ(format({.data = " x"}), "data:  x\n\n") << "the client removes one blank";
}

TEST(EventFormat, SplitsLines) {
  EXPECT_EQ(format({.data = "a\nb"}), "data: a\ndata: b\n\n");
  EXPECT_EQ(format({.data = "a\r\nb\rc"}), "data: a\ndata: b\ndata: c\n\n");
  EXPECT_EQ(format({.data = "\n"}), "data: \ndata: \n\n");
  EXPECT_EQ(format({.data = "a\n\nevent: x"}), "data: a\ndata: \ndata: event: x\n\n");
  EXPECT_EQ(format({.data = "\r\r\n\n"}), "data: \ndata: \ndata: \ndata: \n\n");
}

TEST(EventFormat, RefusesNamesAndIdsOfSeveralLines) {
  for (const std::string& bad : {std::string("a\nb"), std::string("\r"), std::string("a\0b", 3)}) {
    std::string out = "before";
    EXPECT_THROW(append_event(out, {.data = "x", .event = bad}), std::invalid_argument);
    EXPECT_THROW(append_event(out, {.data = "x", .event = "e", .id = bad}), std::invalid_argument);
    EXPECT_EQ(out, "before");
  }
}

TEST(EventFormat, WritesCommentsAndRetry) {
  std::string out;
  append_comment(out, "still\nhere");
  append_retry(out, std::chrono::milliseconds(2500));
  EXPECT_EQ(out, ": still\n: here\nretry: 2500\n\n");
}

/// The client's side, by the rules of 9.2.6, for streams that use LF only.
struct Dispatched {
  std::string data, event, id;
  bool operator==(const Dispatched&) const = default;
};
std::vector<Dispatched> parse(std::string_view stream) {
  std::vector<Dispatched> all;
  Dispatched now;
  std::string last_id;
  bool has_data = false;
  while (!stream.empty()) {
    const std::size_t end = stream.find_first_of("\r\n");
    const std::string_view line = stream.substr(0, end);
    stream.remove_prefix(stream.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
    if (line.empty()) {
      if (has_data) {
        now.data.pop_back();
        now.id = last_id;
        all.push_back(now);
      }
      now = {};
      has_data = false;
      continue;
    }
    const std::size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    std::string_view value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") {
      now.data.append(value).push_back('\n');
      has_data = true;
    }
    if (field == "event") now.event = value;
    if (field == "id") last_id = value;
  }
  return all;
}

TEST(EventFormat, ArrivesAsItWasSent) {
  const std::string pieces[] = {"a", " ", ":", "\n", "\r", "\r\n", "data: x", "\n\n", ""};
  for (const auto& a : pieces) {
    for (const auto& b : pieces) {
      for (const auto& c : pieces) {
        const std::string data = a + b + c;
        std::string expected;  // each line end as LF
        for (std::size_t i = 0; i < data.size(); ++i) {
          const bool second_half = data[i] == '\n' && i > 0 && data[i - 1] == '\r';
          if (!second_half) expected += data[i] == '\r' ? '\n' : data[i];
        }
        const std::string stream = format({.data = data, .event = " e:x", .id = "1 "}) + format({.data = "next"});
        const std::vector<Dispatched> wanted = {{expected, " e:x", "1 "}, {"next", "", "1 "}};
        EXPECT_EQ(parse(stream), wanted) << stream;
      }
    }
  }
}

}  // namespace
}  // namespace prefork::http
