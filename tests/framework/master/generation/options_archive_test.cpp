#include "framework/master/generation/options_archive.hpp"

#include <gtest/gtest.h>

#include "tests/framework/config/changed_options.hpp"
#include "tests/framework/config/options_text.hpp"

namespace prefork::master {
namespace {

config::Options there_and_back(const config::Options& options) {
  ipc::Encoder encoder;
  encoder(options);
  const std::string text = encoder.take();
  ipc::Decoder decoder(text, "damaged: ");
  config::Options back;
  decoder(back);
  EXPECT_TRUE(decoder.at_end());
  return back;
}

TEST(OptionsArchive, BringsEachMemberBack) {
  const config::Options options = config::testing::all_changed();
  EXPECT_EQ(config::testing::text_of(there_and_back(options)), config::testing::text_of(options));
  EXPECT_EQ(config::testing::text_of(there_and_back({})), config::testing::text_of(config::Options{}));
}

TEST(OptionsArchive, AndWhereItWasWritten) {
  config::Options options = config::testing::all_changed();
  options.folder = "/srv";
  options.notes = {"odd"};
  options.pools[0].origin.text = "a.conf:1";
  options.services[0].origin.text = "a.conf:2";
  options.services[0].listeners[1].origin.text = "a.conf:3";
  options.services[0].own["root"].origin.text = "a.conf:4";
  options.origins["master.log"].text = "-o";
  const config::Options back = there_and_back(options);
  EXPECT_EQ(back.pools[0].origin.text, "a.conf:1");
  EXPECT_EQ(back.services[0].origin.text, "a.conf:2");
  EXPECT_EQ(back.services[0].listeners[1].origin.text, "a.conf:3");
  EXPECT_EQ(back.services[0].own.at("root").origin.text, "a.conf:4");
  EXPECT_EQ(back.folder, "/srv");
  EXPECT_EQ(back.notes, options.notes);
  EXPECT_EQ(back.origins.at("master.log").text, "-o");
}

}  // namespace
}  // namespace prefork::master
