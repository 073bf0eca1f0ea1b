#include "framework/master/loop/jobs.hpp"

#include <gtest/gtest.h>

#include <string>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;

class Counting final : public Job {
 public:
  Counting(char name, unsigned steps, std::string& said) : name_(name), steps_(steps), said_(said) {}
  bool step() override {
    said_ += name_;
    return --steps_ > 0;
  }
  void give_up(std::string_view why) override { said_ += "(" + std::string(why) + ")"; }

 private:
  char name_;
  unsigned steps_;
  std::string& said_;
};

TEST(Jobs, TakeTurnsSoThatAShortOneDoesNotWaitForALongOne) {
  std::string said;
  Jobs jobs;
  jobs.add(std::make_unique<Counting>('a', 4, said));
  jobs.add(std::make_unique<Counting>('b', 1, said));
  while (!jobs.empty()) jobs.tend(Slice(0ms));
  EXPECT_EQ(said, "abaaa");
}

TEST(Jobs, DoAPieceHoweverShortTheSliceIs) {
  std::string said;
  Jobs jobs;
  jobs.add(std::make_unique<Counting>('a', 3, said));
  jobs.tend(Slice(0ms));
  EXPECT_EQ(said, "a");
  jobs.tend(Slice(1h));
  EXPECT_EQ(said, "aaa");
  EXPECT_TRUE(jobs.empty());
  jobs.tend();
}

TEST(Jobs, AreAtMostSoManyAndAreGivenUpTogether) {
  std::string said;
  Jobs jobs;
  for (std::size_t i = 0; i < Jobs::kMost; ++i) {
    EXPECT_FALSE(jobs.full());
    jobs.add(std::make_unique<Counting>('a', 2, said));
  }
  EXPECT_TRUE(jobs.full());
  jobs.give_up("x");
  EXPECT_TRUE(jobs.empty());
  EXPECT_EQ(said.size(), 3 * Jobs::kMost);
}

}  // namespace
}  // namespace prefork::master
