#include "framework/master/queue_admin.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "ipc/message_queue.hpp"

namespace prefork::master {
namespace {

using ipc::SharedKind;
using nlohmann::json;

constexpr std::size_t kSlots = 64;

class QueueAdminTest : public testing::Test {
 protected:
  QueueAdminTest()
      : set_(SharedSet::make({{"web.jobs", {SharedKind::queue, 8, 128, 4, 0, {}}, {}, ""},
                              {"web.gate", {SharedKind::semaphore, 1, 0, 0, 0, {}}, {}, ""}},
                             kSlots)),
        jobs_(set_.find("web.jobs")->memory(), {8, 128, 4}, kSlots, {ipc::owner_of(0), &bells_}, 1) {}

  /// Puts a message and gives it up.
  void bury(std::string_view text) {
    ASSERT_EQ(jobs_.try_put(std::as_bytes(std::span(text))), ipc::PutResult::done);
    const auto taken = jobs_.try_get();
    ASSERT_TRUE(taken);
    jobs_.nack(taken->sequence);
    ASSERT_FALSE(jobs_.try_get());
  }
  QueueOutcome run(QueueAction action, std::optional<std::size_t> most = {}, const std::string& name = "web.jobs") {
    return administer_queue(set_, bells_, {action, name, most});
  }

  ipc::Bells bells_;
  SharedSet set_;
  ipc::MessageQueue jobs_;
};

TEST_F(QueueAdminTest, ListsDeadLetters) {
  EXPECT_EQ(run(QueueAction::list).answer, "{\"ok\":true,\"queue\":\"web.jobs\",\"total\":0,\"letters\":[]}\n");
  bury("one");
  bury(std::string("\0\xff\x1b\\é", 6) + std::string(100, 'x'));
  const QueueOutcome outcome = run(QueueAction::list);
  EXPECT_EQ(outcome.log, "");
  const json answer = json::parse(outcome.answer);
  EXPECT_EQ(answer["total"], 2);
  ASSERT_EQ(answer["letters"].size(), 2U);
  EXPECT_EQ(answer["letters"][0]["start"], "one");
  EXPECT_EQ(answer["letters"][0]["bytes"], 3);
  EXPECT_EQ(answer["letters"][0]["deliveries"], 1);
  EXPECT_EQ(answer["letters"][1]["start"], "\\x00\\xff\\x1b\\\\\\xc3\\xa9" + std::string(58, 'x') + "...");
  EXPECT_EQ(answer["letters"][1]["bytes"], 106);
}

TEST_F(QueueAdminTest, PutsBack) {
  for (const auto text : {"one", "two", "three"}) bury(text);
  const QueueOutcome some = run(QueueAction::requeue, 2);
  EXPECT_EQ(some.log, "queue web.jobs: 2 dead letters put back, 1 left");
  EXPECT_EQ(json::parse(some.answer), json({{"ok", true}, {"message", some.log}}));
  EXPECT_EQ(jobs_.size(), 2U);
  EXPECT_EQ(run(QueueAction::requeue).log, "queue web.jobs: 1 dead letter put back");
  EXPECT_EQ(run(QueueAction::requeue).log, "queue web.jobs: 0 dead letters put back");
  EXPECT_EQ(jobs_.size(), 3U);
}

TEST_F(QueueAdminTest, Drops) {
  bury("one");
  EXPECT_EQ(run(QueueAction::drop).log, "queue web.jobs: 1 dead letter dropped");
  EXPECT_EQ(jobs_.dead_letter_count(), 0U);
}

TEST_F(QueueAdminTest, AQueueThatIsNotThereIsOneSentence) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"web.jbos", "there is no queue \"web.jbos\"; did you mean \"web.jobs\"?"},
      {"nothing", "there is no queue \"nothing\""},
      {"web.gate", "\"web.gate\" is no queue but of kind semaphore"},
      {"\x01\xff", "there is no queue \"\\x01\xef\xbf\xbd\""},
  };
  for (const auto& [name, sentence] : cases) {
    for (const auto action : {QueueAction::list, QueueAction::requeue, QueueAction::drop}) {
      const QueueOutcome outcome = run(action, {}, name);
      EXPECT_EQ(outcome.log, "");
      const json answer = json::parse(outcome.answer);
      EXPECT_EQ(answer["ok"], false);
      EXPECT_EQ(answer["error"], sentence);
    }
  }
}

}  // namespace
}  // namespace prefork::master
