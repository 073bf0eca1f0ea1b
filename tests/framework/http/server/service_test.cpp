#include <prefork/http/service.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/ipc/support.hpp"

namespace prefork::http {
namespace {

TEST(Service, DeclaresTheOptionsOfEveryHttpService) {
  Manifest manifest;
  Service::describe_base(manifest);
  std::vector<std::string> names;
  for (const OptionSpec& option : manifest.options()) names.push_back(option.name);
  EXPECT_THAT(names,
              testing::UnorderedElementsAre("mount", "host", "trusted-proxies", "access-log", "access-log-format",
                                            "access-log-sample", "header-timeout", "body-timeout", "body-min-rate",
                                            "write-min-rate", "keepalive-timeout", "slow-request", "queue-timeout",
                                            "max-request-line", "max-header-bytes", "max-headers", "max-body-bytes"));
}

TEST(Service, SaysWhatItsOptionsMeanToTheServer) {
  Manifest manifest;
  Service::describe_base(manifest);
  std::map<std::string, OptionRole> roles;
  for (const OptionSpec& option : manifest.options()) {
    if (option.role != OptionRole::none) roles[option.name] = option.role;
  }
  const std::map<std::string, OptionRole> expected{{"mount", OptionRole::place_mount},
                                                   {"host", OptionRole::place_host},
                                                   {"access-log", OptionRole::log_file},
                                                   {"slow-request", OptionRole::slow_limit}};
  EXPECT_EQ(roles, expected);
  EXPECT_TRUE(manifest.has_request_metrics());
  EXPECT_FALSE(Manifest().has_request_metrics());
}

TEST(Service, ChecksItsTexts) {
  struct Wrong {
    const char* option;
    const char* value;
    const char* says;
  };
  Manifest manifest;
  Service::describe_base(manifest);
  for (const Wrong& wrong :
       {Wrong{"mount", "a", "\"a\": it does not begin with '/'"},
        Wrong{"host", "a:80", "\"a:80\": a name such as example.org or *.example.org is wanted, without a port"},
        Wrong{"trusted-proxies", "10.0.0.0/33", "\"10.0.0.0/33\" is no network"},
        Wrong{"access-log-format", "%z", "there is no directive \"%z\""}}) {
    const auto option = std::find_if(manifest.options().begin(), manifest.options().end(),
                                     [&](const OptionSpec& each) { return each.name == wrong.option; });
    ASSERT_NE(option, manifest.options().end());
    EXPECT_THAT(test::thrown_by([&] { option->check(wrong.value); }), testing::StartsWith(wrong.says));
    EXPECT_NO_THROW(option->check(*option->default_value)) << wrong.option;
  }
}

}  // namespace
}  // namespace prefork::http
