#include "framework/config/service_options.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::sentence_of;
using Values = std::map<std::string, std::string>;

OptionSpec spec(OptionType type, const std::string& name, std::optional<std::string> default_value,
                std::int64_t minimum = 0, std::int64_t maximum = 0) {
  OptionSpec option;
  option.type = type;
  option.name = name;
  option.default_value = std::move(default_value);
  option.minimum = minimum;
  option.maximum = maximum;
  if (type == OptionType::choice) option.choices = {"plain", "gzip"};
  return option;
}

std::vector<OptionSpec> declared() {
  return {
      spec(OptionType::text, "root", "."),
      spec(OptionType::integer, "depth", "3", 1, 9),
      spec(OptionType::flag, "listing", "off"),
      spec(OptionType::duration, "max-age", "5000ms", 0, INT64_MAX),
      spec(OptionType::size, "body-limit", "1048576", 1, 1 << 30),
      spec(OptionType::choice, "coding", "plain"),
  };
}

ServiceOptions service(const Values& own) {
  ServiceOptions options;
  options.name = "web";
  options.plugin = "static";
  options.origin.text = "a.conf:1";
  int line = 1;
  for (const auto& [key, value] : own) options.own[key] = {value, {"a.conf:" + std::to_string(++line)}};
  return options;
}

TEST(ServiceOptions, DefaultsAreFilledInAndNormalised) {
  EXPECT_EQ(check_service_options(service({}), declared()), (Values{{"root", "."},
                                                                    {"depth", "3"},
                                                                    {"listing", "0"},
                                                                    {"max-age", "5000"},
                                                                    {"body-limit", "1048576"},
                                                                    {"coding", "plain"}}));
  EXPECT_EQ(check_service_options(service({}), {}), Values{});
}

TEST(ServiceOptions, GivenValuesAreNormalised) {
  EXPECT_EQ(check_service_options(service({{"root", "/srv"},
                                           {"depth", "9"},
                                           {"listing", "yes"},
                                           {"max-age", "1h"},
                                           {"body-limit", "10MiB"},
                                           {"coding", "gzip"}}),
                                  declared()),
            (Values{{"root", "/srv"},
                    {"depth", "9"},
                    {"listing", "1"},
                    {"max-age", "3600000"},
                    {"body-limit", "10485760"},
                    {"coding", "gzip"}}));
}

TEST(ServiceOptions, MistakesNamePlaceKeyAndExpectation) {
  const std::vector<std::pair<Values, std::string>> cases{
      {{{"roof", "x"}}, "a.conf:2: unknown key \"roof\" in [service web]; did you mean \"root\"?"},
      {{{"idle-timeot", "x"}},
       "a.conf:2: unknown key \"idle-timeot\" in [service web]; did you mean \"idle-timeout\"?"},
      {{{"workers", "4"}}, "a.conf:2: unknown key \"workers\" in [service web]; it belongs in [pool NAME]"},
      {{{"zzzzzz", "4"}}, "a.conf:2: unknown key \"zzzzzz\" in [service web]"},
      {{{"depth", "10"}}, "a.conf:2: depth in [service web]: \"10\" is not an integer from 1 to 9"},
      {{{"listing", "maybe"}},
       "a.conf:2: listing in [service web]: \"maybe\" is not a flag: on or off, yes or no, true or false"},
      {{{"max-age", "5"}},
       "a.conf:2: max-age in [service web]: \"5\" is not a duration such as 250ms, 30s, 5m, 1h or 1d"},
      {{{"body-limit", "2GiB"}}, "a.conf:2: body-limit in [service web]: \"2GiB\" is out of range, expected 1 to 1GiB"},
      {{{"coding", "gzp"}},
       "a.conf:2: coding in [service web]: \"gzp\" is not one of plain, gzip; did you mean \"gzip\"?"},
  };
  for (const auto& [own, sentence] : cases) {
    EXPECT_EQ(sentence_of([&] { check_service_options(service(own), declared()); }), sentence);
  }
}

TEST(ServiceOptions, WhatMustBeGivenIsAskedFor) {
  auto must = spec(OptionType::text, "root", std::nullopt);
  EXPECT_EQ(sentence_of([&] { check_service_options(service({}), {must}); }),
            "a.conf:1: [service web] has no \"root\"");
  must.help = "the folder to serve";
  EXPECT_EQ(sentence_of([&] { check_service_options(service({}), {must}); }),
            "a.conf:1: [service web] has no \"root\" (the folder to serve)");
  EXPECT_EQ(check_service_options(service({{"root", ""}}), {must}), (Values{{"root", ""}}));
}

TEST(ServiceOptions, WhatAPluginsCheckRefusesIsRefusedWithItsPlace) {
  OptionSpec path = spec(OptionType::text, "path", "no path either, but the manifest has checked it");
  path.check = [](const std::string& value) {
    if (!value.starts_with('/')) throw std::out_of_range("\"" + value + "\" does not begin with '/'");
  };
  EXPECT_EQ(check_service_options(service({{"path", "/a"}}), {path}), (Values{{"path", "/a"}}));
  EXPECT_EQ(check_service_options(service({}), {path}), (Values{{"path", *path.default_value}}));
  EXPECT_EQ(sentence_of([&] {
              check_service_options(service({{"path", "a"}}), {path});
            }),
            "a.conf:2: path in [service web]: \"a\" does not begin with '/'");
}

TEST(ServiceOptions, AllMistakesAreListed) {
  EXPECT_EQ(sentence_of([] {
              check_service_options(service({{"depth", "10"}, {"roof", "x"}, {"coding", "gz"}}), declared());
            }),
            "a.conf:4: unknown key \"roof\" in [service web]; did you mean \"root\"?\n"
            "a.conf:3: depth in [service web]: \"10\" is not an integer from 1 to 9\n"
            "a.conf:2: coding in [service web]: \"gz\" is not one of plain, gzip");
}

std::vector<OptionSpec> picky() {
  OptionSpec path = spec(OptionType::text, "path", "");
  path.check = [](const std::string& value) {
    if (value == "odd") throw OptionWarning("is\nodd");
    if (value != "even") throw std::invalid_argument("is \x1b[2J");
  };
  OptionSpec other = path;
  other.name = "other";
  return {path, other};
}

// Between them is a process that runs a plugin's code.
TEST(ServiceOptions, JudgementsGoToTheOtherProcess) {
  const auto judged = [](const Values& own) {
    Findings found;
    read_judgement(judge_service_options(service(own), picky()), found);
    return found;
  };
  EXPECT_TRUE(judged({{"path", "even"}}).empty());
  EXPECT_TRUE(judged({{"path", "even"}}).warnings().empty());
  const Findings odd = judged({{"path", "odd"}, {"other", "odd"}});
  EXPECT_TRUE(odd.empty()) << "a warning is no error";
  EXPECT_EQ(odd.warnings(), (std::vector<std::string>{"a.conf:3: path in [service web]: is odd",
                                                      "a.conf:2: other in [service web]: is odd"}));
  const Findings bad = judged({{"path", "odd"}, {"other", "x"}});
  EXPECT_EQ(bad.errors(), std::vector<std::string>{"a.conf:2: other in [service web]: is \x1b[2J"});
  EXPECT_EQ(bad.warnings().size(), 1U);
}

TEST(ServiceOptions, WhatIsNoJudgementIsAnError) {
  for (const char* text : {"\n", "x", "E", "\xff\x01\n"}) {
    Findings found;
    read_judgement(text, found);
    EXPECT_FALSE(found.empty()) << text;
  }
  Findings nothing;
  read_judgement("", nothing);
  EXPECT_TRUE(nothing.empty());
}

TEST(ServiceOptions, APluginMustNotDeclareWhatCanNotBeMet) {
  for (const std::string name : {"pool", "listen", "plugin", "idle-timeout", "include"}) {
    EXPECT_EQ(sentence_of([&] { check_service_options(service({}), {spec(OptionType::text, name, "")}); }),
              "a.conf:1: the plugin \"static\" declares the option \"" + name +
                  "\", a name that the server keeps for itself");
  }
  EXPECT_EQ(sentence_of([] { check_service_options(service({}), {spec(OptionType::integer, "n", "5", 6, 9)}); }),
            "a.conf:1: the default of the option \"n\" of the plugin \"static\": \"5\" is not an integer from 6 to 9");
}

}  // namespace
}  // namespace prefork::config
