#include "framework/base/json_writer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace prefork::base {
namespace {

TEST(JsonWriter, NestsAndSeparates) {
  JsonWriter json;
  json.begin_object().member("a", 1).key("b").begin_array().value("x").value(true).null().end_array();
  json.key("c").begin_object().end_object().key("d").begin_array().end_array().member("e", 1.5).end_object();
  EXPECT_EQ(json.text(), R"({"a":1,"b":["x",true,null],"c":{},"d":[],"e":1.5})");
}

TEST(JsonWriter, Numbers) {
  JsonWriter json;
  json.begin_array()
      .value(std::numeric_limits<std::int64_t>::min())
      .value(std::numeric_limits<std::uint64_t>::max())
      .value(0.1)
      .value(1e300)
      .value(std::nan(""))
      .value(std::numeric_limits<double>::infinity())
      .end_array();
  EXPECT_EQ(json.text(), "[-9223372036854775808,18446744073709551615,0.1,1e+300,null,null]");
}

TEST(JsonWriter, ValueAlone) {
  JsonWriter json;
  json.value(false);
  EXPECT_EQ(std::move(json).take(), "false");
}

TEST(JsonWriterDeathTest, MisuseIsABug) {
  EXPECT_DEATH(JsonWriter().begin_object().value(1), "bug");
  EXPECT_DEATH(JsonWriter().begin_array().key("a"), "bug");
  EXPECT_DEATH(JsonWriter().begin_object().end_array(), "bug");
  EXPECT_DEATH(JsonWriter().begin_object().key("a").end_object(), "bug");
  EXPECT_DEATH(JsonWriter().value(1).value(2), "bug");
}

TEST(JsonWriter, Indents) {
  JsonWriter json(JsonStyle::page, 2);
  json.begin_object().key("<").begin_array().real(1).value("&").end_array();
  json.key("none").begin_object().end_object().end_object();
  EXPECT_EQ(json.text(), "{\n  \"\\u003c\": [\n    1.0,\n    \"\\u0026\"\n  ],\n  \"none\": {}\n}");
}

}  // namespace
}  // namespace prefork::base
