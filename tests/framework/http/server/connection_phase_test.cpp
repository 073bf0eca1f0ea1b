#include "framework/http/server/connection_phase.hpp"

#include <gtest/gtest.h>

namespace prefork::http {
namespace {

constexpr Phase kAll[] = {Phase::idle,  Phase::head,      Phase::body,      Phase::calling,  Phase::reading,
                          Phase::parts, Phase::streaming, Phase::upgrading, Phase::orphaned, Phase::closing};

TEST(ConnectionPhase, NothingFollowsTheLastTwo) {
  for (const Phase next : kAll) {
    EXPECT_FALSE(may_follow(Phase::orphaned, next)) << static_cast<int>(next);
    EXPECT_FALSE(may_follow(Phase::closing, next)) << static_cast<int>(next);
  }
}

TEST(ConnectionPhase, OnlyWhatHasACoroutineIsOrphaned) {
  for (const Phase from : kAll) {
    const bool has = from == Phase::calling || from == Phase::reading || from == Phase::streaming;
    EXPECT_EQ(may_follow(from, Phase::orphaned), has) << static_cast<int>(from);
  }
}

TEST(ConnectionPhase, AnAnswerLeadsOverIdle) {
  EXPECT_FALSE(may_follow(Phase::calling, Phase::streaming));
  EXPECT_TRUE(may_follow(Phase::calling, Phase::idle));
  EXPECT_TRUE(may_follow(Phase::idle, Phase::streaming));
  EXPECT_FALSE(may_follow(Phase::streaming, Phase::closing));
  EXPECT_TRUE(may_follow(Phase::streaming, Phase::idle));
}

TEST(ConnectionPhase, RequestsAreReceivedOrOneIsAnswered) {
  for (const Phase phase : kAll) EXPECT_FALSE(receives(phase) && transfers(phase)) << static_cast<int>(phase);
  EXPECT_TRUE(receives(Phase::body));
  EXPECT_FALSE(receives(Phase::calling));
  EXPECT_FALSE(transfers(Phase::orphaned));
}

}  // namespace
}  // namespace prefork::http
