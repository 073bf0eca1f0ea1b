#include "framework/config/secret.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "framework/config/config_error.hpp"
#include "framework/config/load.hpp"
#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::exit_code_of;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::sentence_of;

class Secret : public ::testing::Test {
 protected:
  Secret() {
    std::string path = "/tmp/prefork-secret-XXXXXX";
    folder = ::mkdtemp(path.data());
  }
  ~Secret() override {
    std::filesystem::remove_all(folder);
    ::unsetenv("CREDENTIALS_DIRECTORY");
    ::unsetenv("PREFORK_TEST_SECRET");
  }

  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder + "/" + name, std::ios::binary) << text;
    return folder + "/" + name;
  }
  static std::vector<OptionSpec> declared() {
    OptionSpec token;
    token.name = "token";
    token.type = OptionType::secret;
    OptionSpec motto;
    motto.name = "motto";
    return {token, motto};
  }
  static std::string read(const std::string& written) {
    ServiceOptions service;
    service.name = "web";
    service.own["token"] = {written, {"prefork.conf:7"}};
    std::map<std::string, std::string> values{{"token", written}, {"motto", "file:/etc/passwd"}};
    read_secrets(service, declared(), values);
    EXPECT_EQ(values["motto"], "file:/etc/passwd") << "no secret";
    return values["token"];
  }

  std::string folder;
};

TEST_F(Secret, ComesFromWhereTheConfigurationSays) {
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("hunter2"), "hunter2");
  EXPECT_EQ(read("file:" + file("a", "from a file\n")), "from a file");
  EXPECT_EQ(read("file:" + file("b", "two\nlines\n\n")), "two\nlines\n");
  ::setenv("PREFORK_TEST_SECRET", "from the environment", 1);
  EXPECT_EQ(read("env:PREFORK_TEST_SECRET"), "from the environment");
  ::setenv("CREDENTIALS_DIRECTORY", folder.c_str(), 1);
  EXPECT_EQ(read("credential:a"), "from a file");
}

TEST_F(Secret, WhatCannotBeReadIsSaidWithItsPlace) {
  const std::string before = "prefork.conf:7: token in [service web]: ";
  const auto said = [](const std::string& written) { return sentence_of([&] { read(written); }); };
  EXPECT_EQ(said("file:" + folder + "/none"), before + "open " + folder + "/none: No such file or directory");
  EXPECT_EQ(exit_code_of([&] { read("file:" + folder + "/none"); }), EX_NOINPUT);
  EXPECT_EQ(said("file:" + folder), before + folder + " is no regular file");
  ASSERT_EQ(::mkfifo((folder + "/fifo").c_str(), 0600), 0);
  EXPECT_EQ(said("file:" + folder + "/fifo"), before + folder + "/fifo is no regular file");
  EXPECT_EQ(said("file:" + file("empty", "\n")), before + folder + "/empty is empty");
  EXPECT_EQ(said("file:" + file("large", std::string(kMaxSecretBytes + 1, 'x'))),
            before + folder + "/large has more than 64 KiB");
  EXPECT_EQ(said("env:PREFORK_TEST_SECRET"), before + "env:PREFORK_TEST_SECRET is not set, or empty");
  EXPECT_EQ(exit_code_of([&] { read("env:PREFORK_TEST_SECRET"); }), EX_NOINPUT);
  EXPECT_THAT(said("credential:a"), HasSubstr("$CREDENTIALS_DIRECTORY is not set"));
  ::setenv("CREDENTIALS_DIRECTORY", folder.c_str(), 1);
  EXPECT_EQ(said("credential:../a"), before + "\"../a\" names no credential");
  EXPECT_EQ(said("credential:"), before + "\"\" names no credential");
}

TEST_F(Secret, IsShownToNobody) {
  EXPECT_EQ(masked("hunter2"), "********");
  EXPECT_EQ(masked("h"), "********");
  EXPECT_EQ(masked(""), "");
  for (const char* place : {"file:/etc/x", "env:X", "credential:x"}) EXPECT_EQ(masked(place), place);
}

TEST_F(Secret, IsMaskedForPeopleAndHandedOverAsItIs) {
  Options options;
  ServiceOptions service;
  service.name = "web";
  service.plugin = "web";
  service.own["token"] = {"hunter2", {"prefork.conf:7"}};
  service.own["motto"] = {"hunter3", {"prefork.conf:8"}};
  options.services.push_back(service);
  const std::string shown = dump(options, {{"web", declared()}});
  EXPECT_THAT(shown, HasSubstr("\ntoken = ********  # prefork.conf:7\n"));
  EXPECT_THAT(shown, HasSubstr("\nmotto = hunter3  # prefork.conf:8\n"));
  EXPECT_THAT(shown, Not(HasSubstr("hunter2")));
  EXPECT_THAT(dump(options), HasSubstr("\ntoken = hunter2  # prefork.conf:7\n"));
}

TEST_F(Secret, IsNotForWhoJudgesTheOtherOptions) {
  ServiceOptions service;
  service.own["token"] = {"hunter2", {}};
  service.own["motto"] = {"hunter3", {}};
  const ServiceOptions without = without_secrets(service, declared());
  EXPECT_EQ(without.own.at("token").value, "********");
  EXPECT_EQ(without.own.at("motto").value, "hunter3");
  EXPECT_TRUE(without_secrets({}, declared()).own.empty());
}

TEST_F(Secret, VariablesThatHoldThemAreKnown) {
  Options options;
  options.services.resize(2);
  options.services[0].own["token"] = {"env:TOKEN", {}};
  options.services[0].own["motto"] = {"file:/etc/motto", {}};
  options.services[1].own["key"] = {"env:KEY", {}};
  EXPECT_EQ(secret_variables(options), (std::vector<std::string>{"TOKEN", "KEY"}));
}

}  // namespace
}  // namespace prefork::config
