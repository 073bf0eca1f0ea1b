#include "framework/worker/master_line.hpp"

#include <gmock/gmock.h>

#include <optional>

#include "framework/worker/service/detached.hpp"
#include "tests/framework/worker/harness.hpp"

namespace prefork::worker {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class MasterLineTest : public testing::Test {
 protected:
  MasterLineTest() {
    auto ends = test::stream_pair();
    master = std::move(ends.client);
    line.emplace(harness.runtime, std::move(ends.server), [this] { ++lost; });
    harness.runtime.line = &*line;
  }

  /// Asks in a coroutine of its own.
  void ask(std::string command, std::chrono::milliseconds patience = 1h) {
    const std::size_t place = got.size();
    got.emplace_back();
    asking(std::move(command), patience, place);
  }
  Detached asking(std::string command, std::chrono::milliseconds patience, std::size_t place) {
    MasterAnswer answer = co_await ask_master(harness.host, command, patience);
    got[place] = std::move(answer);
  }
  std::string heard() {
    char bytes[4096];
    const ssize_t n = ::recv(master.get(), bytes, sizeof bytes, 0);
    return n > 0 ? std::string(bytes, static_cast<std::size_t>(n)) : std::string();
  }
  void say(std::string_view text) {
    ASSERT_EQ(::send(master.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  bool comes(std::size_t place) {
    return harness.turn_until([&] { return got[place].has_value(); });
  }

  test::Harness harness;
  ipc::UniqueFd master;
  int lost = 0;
  std::optional<MasterLine> line;
  std::vector<std::optional<MasterAnswer>> got;
};

TEST_F(MasterLineTest, AnswersComeInTheOrderOfTheQuestions) {
  ask("status");
  ask("events 3");
  EXPECT_EQ(heard(), "status\nevents 3\n");
  say("{\"ok\":true,\"a\":1}\n{\"ok\":fal");
  ASSERT_TRUE(comes(0));
  EXPECT_TRUE(got[0]->ok);
  EXPECT_EQ(got[0]->json, "{\"ok\":true,\"a\":1}");
  EXPECT_FALSE(got[1].has_value());
  say("se}\n");
  ASSERT_TRUE(comes(1));
  EXPECT_FALSE(got[1]->ok);
}

TEST_F(MasterLineTest, AnAnswerThatComesTooLateIsNotTheNextOnes) {
  ask("status", 1ms);
  ASSERT_TRUE(comes(0));
  EXPECT_FALSE(got[0]->ok);
  EXPECT_THAT(got[0]->json, HasSubstr("no answer in time"));
  ask("workers");
  say("{\"ok\":true,\"late\":1}\n{\"ok\":true,\"right\":1}\n");
  ASSERT_TRUE(comes(1));
  EXPECT_EQ(got[1]->json, "{\"ok\":true,\"right\":1}");
}

TEST_F(MasterLineTest, AMasterThatHangsUpIsAnAnswer) {
  ask("status");
  ask("workers");
  master.reset();
  ASSERT_TRUE(comes(0));
  ASSERT_TRUE(comes(1));
  EXPECT_THAT(got[1]->json, HasSubstr("\"ok\":false"));
  EXPECT_TRUE(harness.turn_until([&] { return lost == 1; }));
  ask("status");
  ASSERT_TRUE(got[2].has_value()) << "at once";
  EXPECT_FALSE(got[2]->ok);
  harness.turn();
  EXPECT_EQ(lost, 1);
}

TEST_F(MasterLineTest, QuestionsAreBounded) {
  for (const std::string bad : {"status\nstop", "\n"}) {
    ask(bad);
    ASSERT_TRUE(got.back().has_value());
    EXPECT_THAT(got.back()->json, HasSubstr("one line"));
  }
  ask(std::string(1025, 'x'));
  EXPECT_TRUE(got.back().has_value());
  EXPECT_EQ(heard(), "");
  for (std::size_t i = 0; i < MasterLine::kMaxQuestions; ++i) ask("status");
  EXPECT_FALSE(got.back().has_value());
  ask("status");
  ASSERT_TRUE(got.back().has_value());
  EXPECT_THAT(got.back()->json, HasSubstr("too many questions"));
  master.reset();
  EXPECT_TRUE(harness.turn_until([&] { return lost == 1; }));
}

// Goal: who is answered may ask again at once, and a question may be large while the master does not read.
TEST_F(MasterLineTest, WhoIsAnsweredMayAskAgain) {
  std::string answers;
  const auto chain = [&]() -> Detached {
    for (int i = 0; i < 3; ++i) {
      const std::string command = "events " + std::to_string(i);
      const MasterAnswer answer = co_await ask_master(harness.host, command, 1h);
      answers += answer.json;
    }
  };
  chain();
  say("{1}\n{2}\n{3}\n");
  EXPECT_TRUE(harness.turn_until([&] { return answers == "{1}{2}{3}"; })) << answers;
}

TEST(MasterLine, AWorkerWithoutALineMayNotAsk) {
  test::Harness harness;
  EXPECT_FALSE(may_ask_master(harness.host));
  std::optional<MasterAnswer> got;
  const auto asking = [&]() -> Detached {
    MasterAnswer answer = co_await ask_master(harness.host, "status");
    got = std::move(answer);
  };
  asking();
  ASSERT_TRUE(got.has_value());
  EXPECT_THAT(got->json, HasSubstr("master-access"));
}

}  // namespace
}  // namespace prefork::worker
