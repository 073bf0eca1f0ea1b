#include "services/admin/doorkeeper.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <stdexcept>

#include "services/admin/readiness.hpp"
#include "tests/ipc/support.hpp"

#include <prefork/json.hpp>

namespace admin {
namespace {

using testing::HasSubstr;

TEST(Doorkeeper, KnowsThisMachine) {
  for (const char* address : {"127.0.0.1:5", "127.255.255.254:65535", "[::1]:5", "[::ffff:127.0.0.1]:5", "unix"}) {
    EXPECT_TRUE(is_loopback(address)) << address;
  }
  for (const char* address : {"", "192.0.2.7:5", "[2001:db8::1]:5", "[::ffff:192.0.2.7]:5", "127.0.0.1.evil:5",
                              "1270.0.0.1:5", "localhost:5", "[127.0.0.1.]:1"}) {
    EXPECT_FALSE(is_loopback(address)) << address;
  }
}

TEST(Doorkeeper, TakesHostsThatNoForeignPageCanHave) {
  for (const char* host : {"", "localhost", "localhost:8080", "LocalHost", "LOCALHOST:80", "127.0.0.1", "192.0.2.7:80",
                           "[::1]", "[2001:DB8::1]:80"}) {
    EXPECT_TRUE(is_literal_host(host)) << host;
  }
  for (const char* host : {"evil.example", "evil.example:80", "localhost.evil.example", "xlocalhost",
                           "127.0.0.1.evil.example", "[evil]"}) {
    EXPECT_FALSE(is_literal_host(host)) << host;
  }
}

TEST(Doorkeeper, ComparesSecrets) {
  EXPECT_TRUE(same_secret("0123456789abcdef", "0123456789abcdef"));
  for (const char* given : {"", "0123456789abcdeg", "1123456789abcdef", "0123456789abcde", "0123456789abcdef0",
                            "0123456789abcdef0123456789abcdef"}) {
    EXPECT_FALSE(same_secret("0123456789abcdef", given)) << given;
  }
  EXPECT_FALSE(same_secret("", "")) << "no token is nobody's token";
  EXPECT_FALSE(same_secret("", "x"));
}

TEST(Doorkeeper, FindsTheBearerToken) {
  EXPECT_EQ(bearer_token("Bearer abc"), "abc");
  EXPECT_EQ(bearer_token("bEARER   abc"), "abc");
  EXPECT_EQ(bearer_token("Bearer "), "");
  for (const char* field : {"", "Bearer", "Basic abc", "Bearerabc", "abc"})
    EXPECT_EQ(bearer_token(field), std::nullopt) << field;
}

class TokenFile : public testing::Test {
 protected:
  std::string refusal(const std::string& content, mode_t mode) {
    const std::string path = folder.file("token");
    std::ofstream(path, std::ios::trunc) << content;
    ::chmod(path.c_str(), mode);
    try {
      read_token(path);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return {};
  }
  prefork::test::TempFolder folder;
};

TEST_F(TokenFile, IsReadWithoutItsLineEnd) {
  EXPECT_EQ(refusal("0123456789abcdef-._~+/=\n", 0600), "");
  EXPECT_EQ(read_token(folder.file("token")), "0123456789abcdef-._~+/=");
  EXPECT_EQ(refusal("0123456789abcdef", 0640), "");
}

TEST_F(TokenFile, IsRefusedWhereOthersCanReadOrChangeIt) {
  for (const mode_t mode : {0644U, 0604U, 0602U, 0620U, 0660U, 0601U}) {
    EXPECT_THAT(refusal("0123456789abcdef\n", mode), HasSubstr("chmod")) << mode;
  }
}

TEST_F(TokenFile, IsRefusedWhereItIsNoToken) {
  EXPECT_THAT(refusal("", 0600), HasSubstr("16 to 512"));
  EXPECT_THAT(refusal("0123456789abcde\n", 0600), HasSubstr("16 to 512"));
  EXPECT_THAT(refusal(std::string(513, 'x'), 0600), HasSubstr("16 to 512"));
  EXPECT_THAT(refusal(std::string(9999, 'x'), 0600), HasSubstr("16 to 512"));
  EXPECT_THAT(refusal("0123456789 abcdef\n", 0600), HasSubstr("letters"));
  EXPECT_THAT(refusal("0123456789abcdef\n\n", 0600), HasSubstr("letters"));
  EXPECT_THROW(read_token(folder.file("none")), std::runtime_error);
  EXPECT_THROW(read_token("/"), std::runtime_error);
}

TEST(Readiness, EveryPoolThatShallHaveWorkersHasOne) {
  const auto why = [](const char* text) { return why_not_ready(prefork::Json::parse(text)); };
  EXPECT_EQ(why(R"({"master":{"state":"running"},"pools":[{"name":"a","target":2,"ready":1}]})"), "");
  EXPECT_EQ(why(R"({"master":{"state":"running"},"pools":[{"name":"a","target":0,"ready":0}]})"), "");
  EXPECT_EQ(why(R"({"master":{"state":"running"},"pools":[{"name":"a","target":1,"ready":0},
                    {"name":"b","target":1,"ready":1},{"name":"c","target":1,"ready":0}]})"),
            "no worker is ready in pool a, c");
  EXPECT_EQ(why(R"({"master":{"state":"stopping"},"pools":[]})"), "the server is being stopped");
  EXPECT_THROW(why("{}"), prefork::JsonError);
}

}  // namespace
}  // namespace admin
