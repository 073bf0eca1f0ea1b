#include "framework/master/log/event_ring.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/master/log/log.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

using nlohmann::json;

TEST(EventRing, GivesWhatCameSince) {
  EventRing ring;
  EXPECT_EQ(ring.answer(0), "{\"ok\":true,\"next\":0,\"lost\":0,\"events\":[]}\n");
  ring.add(LogLevel::notice, "one", 1000);
  ring.add(LogLevel::error, "two \"\n\xff", 2000);
  EXPECT_EQ(json::parse(ring.answer(0)), json::parse(R"({"ok": true, "next": 2, "lost": 0, "events": [
    {"number": 1, "time_ms": 1000, "level": "notice", "text": "one"},
    {"number": 2, "time_ms": 2000, "level": "error", "text": "two \"\n\ufffd"}]})"));
  EXPECT_EQ(json::parse(ring.answer(1))["events"].size(), 1U);
  EXPECT_EQ(json::parse(ring.answer(2))["events"].size(), 0U);
  EXPECT_EQ(json::parse(ring.answer(99))["events"].size(), 2U) << "a number of another master";
}

TEST(EventRing, IsBoundedAndSaysWhatIsLost) {
  EventRing ring;
  for (std::size_t i = 1; i <= EventRing::kCapacity + 10; ++i) ring.add(LogLevel::info, std::string(9000, 'x'), 0);
  const json all = json::parse(ring.answer(3));
  EXPECT_EQ(all["lost"], 7);
  EXPECT_EQ(all["events"].size(), EventRing::kCapacity);
  EXPECT_EQ(all["events"].front()["number"], 11);
  EXPECT_EQ(all["events"].back()["number"], all["next"]);
  EXPECT_EQ(all["events"].front()["text"].get<std::string>().size(), EventRing::kMaxText);
}

TEST(EventRing, HearsOfTheServerAndOfWorkersOnlyWhatMatters) {
  const test::TempFolder folder;
  Log log(folder.file("log"), LogLevel::error);
  log.debug("master debug");
  log.info("master info");
  const LogSubject speaker{12, "main", 3, 1, "web"};
  log.pass_on(LogLevel::info, "worker info", speaker, {});
  log.pass_on(LogLevel::warning, "worker\nwarning", speaker, {});
  const json events = json::parse(log.events().answer(0))["events"];
  ASSERT_EQ(events.size(), 2U) << events;
  EXPECT_EQ(events[0]["text"], "master info");
  EXPECT_EQ(events[1]["text"], "worker main/3 (pid 12) web: worker\\x0awarning");
}

}  // namespace
}  // namespace prefork::master
