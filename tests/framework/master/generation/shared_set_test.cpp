#include "framework/master/generation/shared_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "framework/master/loop/startup_error.hpp"
#include "ipc/objects/message_queue.hpp"
#include "ipc/objects/metrics.hpp"
#include "ipc/objects/semaphore.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

using ipc::SharedKind;
using prefork::test::thrown_by;

constexpr std::size_t kSlots = 64;

SharedDeclaration queue(std::string name, std::uint32_t capacity = 8, std::uint32_t bytes = 64) {
  return {std::move(name), {SharedKind::queue, capacity, bytes, 4, 0, {}}, {}, "a.conf:1"};
}
SharedDeclaration semaphore(std::string name, std::uint32_t permits = 2) {
  return {std::move(name), {SharedKind::semaphore, permits, 0, 0, 0, {}}, {}, "a.conf:2"};
}
SharedDeclaration event(std::string name) {
  return {std::move(name), {SharedKind::event, 0, 0, 0, 0, {}}, {}, "a.conf:3"};
}

ipc::MessageQueue attach_queue(const SharedSet& set, const std::string& name, std::size_t slot) {
  const ipc::SharedObject& object = *set.find(name);
  const ipc::SharedShape& shape = object.shape();
  return {object.memory(),
          {shape.capacity, shape.message_bytes, shape.dead_letters},
          object.slots(),
          {ipc::owner_of(slot), nullptr}};
}

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

/// Memory in a file can have a megabyte at most while this lives.
class SmallFiles {
 public:
  SmallFiles() {
    before_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit small{1 << 20, limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &limit_);
    ::signal(SIGXFSZ, before_);
  }

 private:
  rlimit limit_{};
  sighandler_t before_;
};

TEST(SharedSet, MakesWhatIsDeclaredInItsOrder) {
  const SharedSet set = SharedSet::make({queue("web.jobs"), event("go")}, kSlots);
  ASSERT_EQ(set.objects().size(), 2U);
  EXPECT_EQ(set.objects()[0]->name(), "web.jobs");
  EXPECT_EQ(set.objects()[1]->shape().kind, SharedKind::event);
  EXPECT_EQ(set.find("go"), set.objects()[1].get());
  EXPECT_EQ(set.find("stop"), nullptr);
  EXPECT_TRUE(SharedSet::make({}, kSlots).empty());
}

TEST(SharedSet, WhatAgreesIsCarriedOver) {
  const SharedSet before = SharedSet::make({queue("a"), queue("b"), event("e")}, kSlots);
  const SharedSet after = SharedSet::make({event("new"), queue("b")}, kSlots, &before);
  EXPECT_EQ(after.objects()[1], before.objects()[1]);
  EXPECT_EQ(after.objects().size(), 2U);
  SharedDeclaration limited = queue("b");
  limited.hold_limit = std::chrono::seconds(3);
  EXPECT_EQ(SharedSet::make({limited, queue("a")}, kSlots, &before).objects()[0], before.objects()[1])
      << "a hold limit is no part of the shape";
}

TEST(SharedSet, WhatWouldChangeIsRefused) {
  const SharedSet before = SharedSet::make({queue("web.jobs"), semaphore("gate"), event("e")}, kSlots);
  const std::vector<std::pair<SharedDeclaration, std::string>> cases{
      {queue("web.jobs", 16),
       "a.conf:1: queue web.jobs has 8 messages of 64 bytes and 4 dead letters and can't become "
       "one of 16 messages of 64 bytes and 4 dead letters while the server runs: rename it or "
       "restart"},
      {semaphore("gate", 3),
       "a.conf:2: semaphore gate has 2 permits and can't become one of 3 permits while the server runs: rename it or "
       "restart"},
      {event("gate"),
       "a.conf:3: gate is a semaphore and can't become an event while the server runs: rename it or restart"},
      {semaphore("e"),
       "a.conf:2: e is an event and can't become a semaphore while the server runs: rename it or restart"},
  };
  for (const auto& [declared, sentence] : cases) {
    EXPECT_EQ(thrown_by([&, wanted = declared] { SharedSet::make({wanted}, kSlots, &before); }), sentence);
  }
}

TEST(SharedSet, AQueueGoesOnlyWhenItIsEmpty) {
  const SharedSet before = SharedSet::make({queue("web.jobs"), event("e")}, kSlots);
  ipc::MessageQueue jobs = attach_queue(before, "web.jobs", 0);
  EXPECT_NO_THROW(SharedSet::make({}, kSlots, &before));
  jobs.try_put(bytes("one"));
  const auto refusal = [&] { return thrown_by([&] { SharedSet::make({event("e")}, kSlots, &before); }); };
  EXPECT_EQ(refusal(),
            "queue web.jobs still holds 1 message: drain it first, keep it declared, or give it up with preforkctl "
            "reload --discard web.jobs");
  jobs.try_put(bytes("two"));
  EXPECT_EQ(refusal(),
            "queue web.jobs still holds 2 messages: drain it first, keep it declared, or give it up with preforkctl "
            "reload --discard web.jobs");
  const auto taken = jobs.try_get(), other = jobs.try_get();
  EXPECT_EQ(refusal(),
            "queue web.jobs still holds 2 messages: drain it first, keep it declared, or give it up with preforkctl "
            "reload --discard web.jobs")
      << "a message in a worker's hands can come back";
  jobs.ack(taken->sequence);
  jobs.ack(other->sequence);
  EXPECT_EQ(refusal(), "");
}

TEST(SharedSet, WhoeverOperatesTheServerHasTheLastWord) {
  const SharedSet before = SharedSet::make({queue("web.jobs"), event("e")}, kSlots);
  attach_queue(before, "web.jobs", 5).try_put(bytes("one"));
  EXPECT_EQ(thrown_by([&] { SharedSet::make({event("e")}, kSlots, &before); }),
            "queue web.jobs still holds 1 message: drain it first, keep it declared, or give it up with preforkctl "
            "reload --discard web.jobs");
  EXPECT_NO_THROW(SharedSet::make({event("e")}, kSlots, &before, {"web.jobs"}));
  EXPECT_EQ(thrown_by([&] { SharedSet::make({event("e")}, kSlots, &before, {"web.jbos"}); }),
            "there is nothing named \"web.jbos\" to discard; did you mean \"web.jobs\"?");
  EXPECT_EQ(thrown_by([&] { SharedSet::make({queue("web.jobs")}, kSlots, &before, {"web.jobs"}); }),
            "web.jobs can't be discarded: the configuration still declares it");
}

// What a compromised worker may have written there.
TEST(SharedSet, AQueueNeverSaysThatItHoldsMoreThanItHasRoomFor) {
  const SharedSet set = SharedSet::make({queue("web.jobs")}, kSlots);
  const ipc::SharedObject& object = *set.find("web.jobs");
  ::memset(object.memory(), 0x5a, object.bytes());
  EXPECT_LE(object.report().fill, static_cast<std::int64_t>(object.shape().capacity));
}

TEST(SharedSet, TooLittleMemoryIsOneSentence) {
  const SmallFiles limit;
  try {
    SharedSet::make({queue("web.jobs", 65536, 4096)}, kSlots);
    FAIL() << "made";
  } catch (const StartupError& error) {
    EXPECT_EQ(error.exit_code(), EX_OSERR);
    EXPECT_THAT(error.what(),
                testing::MatchesRegex("a.conf:1: queue web.jobs can't be made: it takes [0-9]+ bytes of memory: .+"));
  }
}

TEST(SharedSet, WhatIsLeftReadsAsASentence) {
  const SharedSet set = SharedSet::make({queue("a"), semaphore("b"), event("c")}, kSlots);
  std::vector<SharedSet::Left> left;
  EXPECT_EQ(left_text(left), "");
  left.push_back({set.objects()[0].get(), 1});
  EXPECT_EQ(left_text(left), "1 message of queue a");
  left.push_back({set.objects()[1].get(), 2});
  left.push_back({set.objects()[0].get(), 3});
  EXPECT_EQ(left_text(left), "1 message of queue a, 2 permits of semaphore b and 3 messages of queue a");
}

}  // namespace
}  // namespace prefork::master
