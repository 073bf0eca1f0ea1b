#include "framework/config/option_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/framework/config/changed_options.hpp"
#include "tests/framework/config/options_text.hpp"

namespace prefork::config {
namespace {

std::vector<std::string> texts(const std::vector<OptionValue>& values) {
  std::vector<std::string> texts;
  for (const OptionValue& value : values) texts.push_back(value.value);
  return texts;
}

template <class Section>
Section copied_by_rows(const Section& section) {
  Section copy;
  copy.name = section.name;
  for (const auto& row : rows_of(section)) {
    for (const OptionValue& value : row.get(section)) row.set(copy, value, 1);
  }
  return copy;
}

TEST(OptionTable, WhatARowWritesItReads) {
  for (const PoolOptions& pool : testing::all_changed().pools) {
    EXPECT_EQ(testing::text_of(copied_by_rows(pool)), testing::text_of(pool));
  }
  for (ServiceOptions service : testing::all_changed().services) {
    service.own.clear();  // are the plugin's
    EXPECT_EQ(testing::text_of(copied_by_rows(service)), testing::text_of(service));
  }
}

template <class Section>
void expect_defaults_of_members() {
  const Section unset{};
  for (const auto& row : rows_of(unset)) {
    if (row.key.name == "workers") continue;  // `auto` depends on the machine
    Section section;
    if (row.key.default_value) row.set(section, {*row.key.default_value, {}}, 1);
    EXPECT_EQ(texts(row.get(section)), texts(row.get(unset))) << row.key.name;
  }
}

TEST(OptionTable, ADefaultIsWhatTheMemberHolds) {
  expect_defaults_of_members<MasterOptions>();
  expect_defaults_of_members<PoolOptions>();
  expect_defaults_of_members<ServiceOptions>();
}

TEST(OptionTable, OfAListEachValueIsAddedWithItsOrigin) {
  PoolOptions pool;
  for (const auto& row : pool_rows()) {
    if (row.key.name != "landlock-read") continue;
    row.set(pool, {"/a", {"a.conf:1"}}, 1);
    row.set(pool, {"/b", {"a.conf:2"}}, 1);
    EXPECT_EQ(texts(row.get(pool)), (std::vector<std::string>{"/a", "/b"}));
    EXPECT_EQ(row.get(pool)[1].origin.text, "a.conf:2");
  }
  ASSERT_EQ(pool.isolation.landlock_read.size(), 2U);
  EXPECT_EQ(pool.isolation.landlock_read[0].origin.text, "a.conf:1");
}

}  // namespace
}  // namespace prefork::config
