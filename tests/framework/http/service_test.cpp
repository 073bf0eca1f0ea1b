#include <prefork/http/service.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace prefork::http
