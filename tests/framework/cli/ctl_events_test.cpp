#include "framework/cli/ctl_events.hpp"

#include <gtest/gtest.h>

namespace prefork::cli {
namespace {

constexpr const char* kAnswer =
    R"({"ok":true,"next":9,"lost":2,"events":[{"number":8,"time_ms":1764255123045,"level":"notice","text":"a\u001b[2Jb"},)"
    R"({"number":9,"time_ms":1764255124000,"level":"error","text":"two"}]})";

TEST(CtlEvents, AreLinesForPeople) {
  const Events events = read_events(kAnswer, false);
  EXPECT_EQ(events.next, 9U);
  EXPECT_EQ(events.text,
            "(2 earlier events are no longer kept)\n"
            "2025-11-27T14:52:03.045Z notice  a\\x1b[2Jb\n"
            "2025-11-27T14:52:04.000Z error   two\n");
}

TEST(CtlEvents, OrOneObjectALine) {
  EXPECT_EQ(read_events(kAnswer, true).text,
            "{\"number\":8,\"time_ms\":1764255123045,\"level\":\"notice\",\"text\":\"a\\u001b[2Jb\"}\n"
            "{\"number\":9,\"time_ms\":1764255124000,\"level\":\"error\",\"text\":\"two\"}\n");
}

TEST(CtlEvents, WhatIsNoAnswerIsNothing) {
  for (const char* line : {"", "7", "{\"ok\":true}", "{\"events\":[1,{}],\"next\":-1}"}) {
    EXPECT_EQ(read_events(line, false).next, 0U) << line;
    EXPECT_EQ(metrics_of(line), "") << line;
  }
  EXPECT_EQ(metrics_of("{\"ok\":true,\"metrics\":\"a 1\\n\"}"), "a 1\n");
}

}  // namespace
}  // namespace prefork::cli
