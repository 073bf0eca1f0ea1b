// Goal: reading a row's column as the wrong type throws an error that names the column and its type.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include <prefork/table.hpp>

namespace prefork {
namespace {

using testing::StrEq;
using testing::ThrowsMessage;

TEST(Row, GivesItsValues) {
  const Row row{std::int64_t{7}, 0.5, "seven"};
  EXPECT_EQ(row.integer(0), 7);
  EXPECT_EQ(row.real(1), 0.5);
  EXPECT_EQ(row.text(2), "seven");
}

TEST(Row, SaysOfWhatTypeAColumnIs) {
  const Row row{std::int64_t{7}, 0.5, "seven"};
  using Wrong = std::invalid_argument;
  EXPECT_THAT([&] { row.text(0); }, ThrowsMessage<Wrong>(StrEq("column 0 of the row is an integer, not a text")));
  EXPECT_THAT([&] { row.integer(1); }, ThrowsMessage<Wrong>(StrEq("column 1 of the row is a real, not an integer")));
  EXPECT_THAT([&] { row.real(2); }, ThrowsMessage<Wrong>(StrEq("column 2 of the row is a text, not a real")));
}

TEST(Row, SaysWhichColumnItDoesNotHave) {
  const Row row{std::int64_t{7}, "seven"};
  using Wrong = std::out_of_range;
  EXPECT_THAT([&] { row.text(2); }, ThrowsMessage<Wrong>(StrEq("the row has no column 2: it has 2, from 0")));
  EXPECT_THAT([] { Row().real(0); }, ThrowsMessage<Wrong>(StrEq("the row has no column 0: it is empty")));
}

}  // namespace
}  // namespace prefork
