#include "framework/master/generation/channel_end.hpp"

#include <gtest/gtest.h>

#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

struct Case {
  const char* text;
  const char* expected;  ///< both ends, or the sentence
};
class ChannelEnds : public testing::TestWithParam<Case> {};

TEST_P(ChannelEnds, AreRead) {
  std::string result;
  result = prefork::test::thrown_by([&] {
    const auto [first, second] = parse_channel_ends(GetParam().text, "main", {"main", "jobs"});
    throw std::runtime_error(channel_end_text(first) + " " + channel_end_text(second));
  });
  EXPECT_EQ(result, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, ChannelEnds,
    testing::Values(Case{"0 1", "main/0 main/1"}, Case{"  3\t* ", "main/3 main/*"}, Case{"0 jobs/*", "main/0 jobs/*"},
                    Case{"jobs/0 main/0", "jobs/0 main/0"}, Case{"65533 0", "main/65533 main/0"},
                    Case{"", "\"\" are not two ends of a channel, such as \"0 1\" or \"0 jobs/*\""},
                    Case{"0", "\"0\" are not two ends of a channel, such as \"0 1\" or \"0 jobs/*\""},
                    Case{"0 1 2", "\"0 1 2\" are not two ends of a channel, such as \"0 1\" or \"0 jobs/*\""},
                    Case{"0 0", "both ends of the channel are main/0"},
                    Case{"* main/*", "both ends of the channel are main/*"},
                    Case{"0 x", "\"x\" is no end of a channel; write N, *, POOL/N or POOL/*"},
                    Case{"0 -1", "\"-1\" is no end of a channel; write N, *, POOL/N or POOL/*"},
                    Case{"0 1/", "there is no pool \"1\" for the end \"1/\""},
                    Case{"0 main/", "\"main/\" is no end of a channel; write N, *, POOL/N or POOL/*"},
                    Case{"0 65534", "\"65534\" is no end of a channel; write N, *, POOL/N or POOL/*"},
                    Case{"0 99999999999999999999",
                         "\"99999999999999999999\" is no end of a channel; write N, *, POOL/N or POOL/*"},
                    Case{"0 job/1", "there is no pool \"job\" for the end \"job/1\"; did you mean \"jobs\"?"},
                    Case{"0 \x1b/1", "there is no pool \"\\x1b\" for the end \"\\x1b/1\""}));

}  // namespace
}  // namespace prefork::master
