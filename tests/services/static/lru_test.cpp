#include "services/static/lru.hpp"

#include <gtest/gtest.h>

namespace services::static_files {
namespace {

TEST(LruCache, ForgetsWhatWasNotAskedForLongest) {
  LruCache<int> cache({1'000'000, 3, 10});
  for (const int i : {1, 2, 3}) cache.insert(std::to_string(i), i, 100, 0);
  ASSERT_NE(cache.find("1"), nullptr);
  cache.insert("4", 4, 100, 0);
  EXPECT_EQ(cache.find("2"), nullptr);
  for (const char* key : {"1", "3", "4"}) EXPECT_NE(cache.find(key), nullptr) << key;
  EXPECT_EQ(*cache.find("4"), 4);
}

TEST(LruCache, IsBoundedInBytes) {
  LruCache<int> cache({10'000, 100, 10});
  for (int i = 0; i < 50; ++i) {
    cache.insert(std::to_string(i), i, 2000, 0);
    EXPECT_LE(cache.load().bytes, 10'000U);
  }
  EXPECT_EQ(cache.load().entries, 3U);
  cache.insert("large", 0, 20'000, 0);
  EXPECT_EQ(cache.find("large"), nullptr);
  EXPECT_EQ(cache.load().entries, 3U) << "it does not push out the others";
  cache.charge("49", 3000);
  EXPECT_LE(cache.load().bytes, 10'000U);
  cache.charge("49", 30'000);
  EXPECT_EQ(cache.load().entries, 0U);
  EXPECT_EQ(cache.load().bytes, 0U);
}

TEST(LruCache, IsBoundedInDescriptors) {
  LruCache<int> cache({1'000'000, 100, 4});
  for (int i = 0; i < 10; ++i) cache.insert(std::to_string(i), i, 10, 2);
  EXPECT_EQ(cache.load().descriptors, 4U);
  EXPECT_NE(cache.find("9"), nullptr);
  EXPECT_NE(cache.find("8"), nullptr);
}

TEST(LruCache, ReplacesAndErases) {
  LruCache<int> cache({1'000'000, 100, 4});
  cache.insert("a", 1, 10, 1);
  const std::size_t bytes = cache.load().bytes;
  cache.insert("a", 2, 10, 1);
  EXPECT_EQ(*cache.find("a"), 2);
  EXPECT_EQ(cache.load().bytes, bytes);
  EXPECT_EQ(cache.load().descriptors, 1U);
  cache.erase("a");
  cache.erase("a");
  EXPECT_EQ(cache.find("a"), nullptr);
  EXPECT_EQ(cache.load().bytes, 0U);
}

TEST(LruCache, KeepsNothingWhereItMayNot) {
  LruCache<int> cache({});
  cache.insert("a", 1, 0, 0);
  EXPECT_EQ(cache.find("a"), nullptr);
}

}  // namespace
}  // namespace services::static_files
