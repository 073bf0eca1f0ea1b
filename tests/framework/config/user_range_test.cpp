#include "framework/config/user_range.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace prefork::config {
namespace {

TEST(UserRange, IsReadAndWritten) {
  for (const char* text : {"61184-65519", "1-1", "1-4294967294"}) {
    EXPECT_EQ(format_user_range(parse_user_range(text)), text);
  }
}

TEST(UserRange, WhatIsNoneIsRefusedInOneSentence) {
  for (const char* text :
       {"", "7", "-", "7-", "-7", "0-7", "8-7", "1-4294967295", "1-99999999999", "1-2-3", "1 - 2", "a-b"}) {
    try {
      parse_user_range(text);
      ADD_FAILURE() << text;
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(error.what(), "\"" + std::string(text) + "\" is not a range of user ids, such as 61184-65519");
    }
  }
}

}  // namespace
}  // namespace prefork::config
