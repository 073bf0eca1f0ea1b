#include "framework/cli/status_cells.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace prefork::cli {
namespace {

using std::chrono::milliseconds;

TEST(StatusCells, WhatIsNotThereOrOfAnotherTypeIsNothing) {
  const Json object = {{"text", 1}, {"number", -1}, {"real", "x"}, {"long", UINT64_MAX}};
  for (const Json& each : {object, Json(), Json(7), Json::array()}) {
    EXPECT_EQ(text(each, "text"), "");
    EXPECT_EQ(number(each, "number"), 0U);
    EXPECT_EQ(real(each, "real"), 0.0);
    EXPECT_EQ(duration(each, "none"), milliseconds(0));
    EXPECT_TRUE(member(member(each, "none"), "none").is_null());
  }
  EXPECT_EQ(duration(object, "long"), milliseconds::max());
}

TEST(StatusCells, NamesAWorkerAndWhatItServes) {
  const Json worker = Json::parse(R"({"pool":"main","index":3,"serving":"hello: GET /x","serving_ms":12})");
  EXPECT_EQ(worker_name(worker), "main/3");
  EXPECT_EQ(serving(worker), "12ms hello: GET /x");
  EXPECT_EQ(serving(Json::parse(R"({"serving_ms":12})")), "");
}

}  // namespace
}  // namespace prefork::cli
