#include "framework/master/control/queue_admin.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "ipc/objects/message_queue.hpp"

namespace prefork::master {
namespace {

using ipc::SharedKind;
using nlohmann::json;

constexpr std::size_t kSlots = 64;

/// Puts a message, which is undeliverable at once.
void set_dead(ipc::MessageQueue& queue, std::uint32_t number) {
  ASSERT_EQ(queue.try_put(std::as_bytes(std::span(&number, 1))), ipc::PutResult::done);
  queue.nack(queue.try_get()->sequence);
  ASSERT_FALSE(queue.try_get());
}

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
    QueueOutcome outcome;
    const auto job =
        administer_queue(set_, bells_, {action, name, most}, [&](QueueOutcome o) { outcome = std::move(o); });
    while (job->step()) {
    }
    return outcome;
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

TEST_F(QueueAdminTest, PutsBackTheOldestFirstAndKeepsTheRestWhereTheQueueIsFull) {
  for (const auto text : {"one", "two", "three", "four"}) bury(text);
  for (int i = 0; i < 6; ++i) ASSERT_EQ(jobs_.try_put(std::as_bytes(std::span("live"))), ipc::PutResult::done);
  EXPECT_EQ(run(QueueAction::requeue).log, "queue web.jobs: 2 dead letters put back, 2 left");
  for (int i = 0; i < 6; ++i) jobs_.ack(jobs_.try_get()->sequence);
  for (const std::string text : {"one", "two"}) {
    const auto taken = jobs_.try_get();
    ASSERT_TRUE(taken);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(taken->bytes.data()), taken->bytes.size()), text);
    jobs_.ack(taken->sequence);
  }
}

TEST_F(QueueAdminTest, WhoseJobIsGivenUpHearsHowFarItCame) {
  for (const auto text : {"one", "two"}) bury(text);
  std::vector<QueueOutcome> outcomes;
  const auto job = administer_queue(set_, bells_, {QueueAction::requeue, "web.jobs", {}},
                                    [&](QueueOutcome o) { outcomes.push_back(std::move(o)); });
  ASSERT_TRUE(job->step());
  job->give_up("the server has stopped");
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(json::parse(outcomes[0].answer)["error"],
            "queue web.jobs: the server has stopped: 0 dead letters put back, 2 left");
}

// As many steps as there are letters, whatever their number: each step is a bounded piece of work.
TEST(QueueAdmin, ARequeueTakesStepsInProportionToItsLetters) {
  const auto steps = [](std::uint32_t letters) {
    const SharedSet set = SharedSet::make({{"q", {SharedKind::queue, letters, 8, 2 * letters, 0, {}}, {}, ""}}, kSlots);
    const ipc::Bells bells;
    ipc::MessageQueue queue(set.find("q")->memory(), {letters, 8, 2 * letters}, kSlots, {ipc::owner_of(0), &bells}, 1);
    for (std::uint32_t i = 0; i < letters; ++i) set_dead(queue, i);
    std::string log;
    const auto job =
        administer_queue(set, bells, {QueueAction::requeue, "q", {}}, [&](const QueueOutcome& o) { log = o.log; });
    std::size_t count = 1;
    while (job->step()) ++count;
    EXPECT_EQ(log, "queue q: " + std::to_string(letters) + " dead letters put back");
    return count;
  };
  const std::size_t once = steps(4096), twice = steps(8192);
  EXPECT_LT(twice, 3 * once);
  EXPECT_GT(twice, once);
}

TEST_F(QueueAdminTest, AQueueThatIsNotThereIsOneSentence) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"web.jbos", "there is no queue \"web.jbos\"; did you mean \"web.jobs\"?"},
      {"nothing", "there is no queue \"nothing\""},
      {"web.gate", "\"web.gate\" is no queue but of kind semaphore"},
      {"\x01\xff", "there is no queue \"\\x01\\xff\""},
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
