#include "framework/master/generation/auto_users.hpp"

#include <gtest/gtest.h>

#include <set>

namespace prefork::master {
namespace {

using Ids = std::map<std::string, std::optional<uid_t>>;

bool nobody(uid_t) { return false; }

TEST(AutoUsers, EachPoolHasAnIdOfItsOwnWhateverTheOrder) {
  const config::UserRange range{1000, 1099};
  std::vector<std::string> pools;
  for (int i = 0; i < 100; ++i) pools.push_back("pool" + std::to_string(i));
  const Ids ids = choose_auto_users(pools, range, {}, nobody);
  std::set<uid_t> distinct;
  for (const auto& [pool, uid] : ids) {
    ASSERT_TRUE(uid) << pool;
    EXPECT_TRUE(*uid >= range.first && *uid <= range.last);
    distinct.insert(*uid);
  }
  EXPECT_EQ(distinct.size(), 100U);
  const std::vector<std::string> backwards(pools.rbegin(), pools.rend());
  EXPECT_EQ(choose_auto_users(backwards, range, {}, nobody), ids);
}

TEST(AutoUsers, TheNameLeadsToTheSameIdInEveryBuild) {
  EXPECT_EQ(choose_auto_users({"main"}, {}, {}, nobody), (Ids{{"main", 63242}}));
}

TEST(AutoUsers, AreKeptThroughAReloadThatAddsAndTakesAway) {
  const config::UserRange range{1000, 1001};
  const Ids ids = choose_auto_users({"b", "c"}, range, {{"b", 1001}, {"a", 1000}}, nobody);
  EXPECT_EQ(ids.at("b"), 1001U);
  EXPECT_EQ(ids.at("c"), std::nullopt) << "workers of a may still live";
  EXPECT_EQ(choose_auto_users({"b", "c"}, range, {{"b", 1001}}, nobody).at("c"), 1000U);
}

TEST(AutoUsers, ThatAreOutOfTheRangeOrSomebodysAreNotTaken) {
  const auto taken = [](uid_t uid) { return uid != 1005; };
  EXPECT_EQ(choose_auto_users({"a"}, {1000, 1009}, {{"a", 77}}, taken).at("a"), 1005U);
  EXPECT_EQ(choose_auto_users({"a", "b"}, {1000, 1009}, {}, taken).at("b"), std::nullopt);
}

}  // namespace
}  // namespace prefork::master
