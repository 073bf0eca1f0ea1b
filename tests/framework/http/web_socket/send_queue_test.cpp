// Goal: bytes leave the queue in the order in which they came, copied and lent ones, however few leave at a time.
#include "framework/http/web_socket/send_queue.hpp"

#include <gtest/gtest.h>

namespace prefork::http {
namespace {

/// Takes all that is there, `step` bytes at a time.
std::string drain(SendQueue& queue, std::size_t step) {
  std::string all;
  while (!queue.empty()) {
    const std::string_view next = queue.front().substr(0, step);
    all += next;
    queue.drop(next.size());
  }
  return all;
}

TEST(SendQueue, KeepsTheOrder) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
    SendQueue queue;
    EXPECT_TRUE(queue.empty());
    queue.append("one,");
    queue.append("two,");
    queue.lend("lent,");
    queue.append("three,");
    queue.append("four");
    EXPECT_EQ(queue.copied_bytes(), 18U);
    EXPECT_EQ(drain(queue, step), "one,two,lent,three,four");
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.copied_bytes(), 0U);
  }
}

TEST(SendQueue, SaysWhenWhatWasLentHasGone) {
  SendQueue queue;
  queue.append("ab");
  queue.lend("cd");
  queue.drop(2);
  EXPECT_TRUE(queue.lent());
  EXPECT_EQ(queue.front(), "cd");
  queue.append("ef");
  queue.drop(1);
  EXPECT_TRUE(queue.lent());
  queue.drop(1);
  EXPECT_FALSE(queue.lent());
  EXPECT_EQ(queue.front(), "ef");
  queue.lend("gh");
  queue.append("i");
  EXPECT_EQ(drain(queue, 2), "efghi");
}

TEST(SendQueue, LendsFirst) {
  SendQueue queue;
  queue.lend("ab");
  EXPECT_EQ(queue.copied_bytes(), 0U);
  queue.append("c");
  EXPECT_EQ(drain(queue, 1), "abc");
}

}  // namespace
}  // namespace prefork::http
