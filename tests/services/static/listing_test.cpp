#include "services/static/listing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/services/static/temp_folder.hpp"

namespace services::static_files {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string page(std::vector<ListedFile> files, bool at_root = true) {
  return render_listing({std::move(files), false}, "/", at_root);
}

TEST(Listing, EscapesNamesAndLinks) {
  const std::string html = page({{"<script>alert('1')</script>&\".html", false, 1, 0}, {"a b#c?d%", true, 0, 0}});
  EXPECT_THAT(html, HasSubstr("href=\"./%3Cscript%3Ealert(&#39;1&#39;)%3C%2Fscript%3E&amp;%22.html\""));
  EXPECT_THAT(html, HasSubstr(">&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;.html</a>"));
  EXPECT_THAT(html, HasSubstr("<a href=\"./a%20b%23c%3Fd%25/\">a b#c?d%/</a>"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(page({{"javascript:x", false, 0, 0}}), HasSubstr("href=\"./javascript:x\""));
  EXPECT_THAT(page({{"a\nb\x7f", false, 0, 0}}), HasSubstr(">a\xef\xbf\xbd"
                                                           "b\xef\xbf\xbd</a>"));
  EXPECT_THAT(render_listing({}, "/<b>/", false), HasSubstr("<h1>/&lt;b&gt;/</h1>"));
}

TEST(Listing, ShowsFoldersFirstThenByName) {
  const std::string html = page({{"b", false, 0, 0}, {"z", true, 0, 0}, {"a", false, 0, 0}, {"y", true, 0, 0}});
  std::string order;
  for (std::size_t at = 0; (at = html.find("\">", html.find("href=\"./", at))) < html.rfind("</a>");)
    order += html[at += 2];
  EXPECT_EQ(order, "yzab");
}

TEST(Listing, ShowsSizesAndTimes) {
  const std::string html = page({{"a", false, 0, 784'111'777},
                                 {"b", false, 1023, 0},
                                 {"c", false, 1024, 0},
                                 {"d", false, 1'048'575, 0},
                                 {"e", false, 5'000'000'000, -1}});
  for (const char* text : {">0 B<", ">1023 B<", ">1.0 KiB<", ">1.0 MiB<", ">4.7 GiB<", ">1994-11-06 08:49<",
                           ">1970-01-01 00:00<", ">1969-12-31 23:59<"})
    EXPECT_THAT(html, HasSubstr(text));
}

TEST(Listing, LinksToTheFolderAbove) {
  EXPECT_THAT(page({}, false), HasSubstr("href=\"../\""));
  EXPECT_THAT(page({}, true), Not(HasSubstr("../")));
  EXPECT_THAT(page({}), HasSubstr("empty"));
}

TEST(Listing, ReadsOnlyWhatCanBeSent) {
  const TempFolder folder;
  folder.write("outside", "x");
  folder.write("root/d/a", "abc");
  folder.write("root/d/.hidden", "x");
  folder.write("root/d/sub/x", "x");
  std::filesystem::create_symlink("a", folder / "root/d/in");
  std::filesystem::create_symlink("../../outside", folder / "root/d/out");
  ASSERT_EQ(::mkfifo((folder / "root/d/fifo").c_str(), 0666), 0);
  const Root root(folder / "root", true);
  const auto names = [&](bool hidden) {
    const auto opened = root.open("d");
    std::vector<std::string> all;
    for (const ListedFile& file : read_folder(root, std::get<Found>(opened), "d", hidden).files)
      all.push_back(file.name + (file.folder ? "/" : ":" + std::to_string(file.size)));
    return all;
  };
  EXPECT_THAT(names(false), testing::UnorderedElementsAre("a:3", "in:3", "sub/"));
  EXPECT_THAT(names(true), testing::UnorderedElementsAre("a:3", "in:3", "sub/", ".hidden:1"));
}

TEST(Listing, IsBounded) {
  const TempFolder folder;
  for (std::size_t i = 0; i < kMaxListed + 1; ++i) folder.write("f" + std::to_string(i), "");
  const Root root(folder.path(), true);
  const auto opened = root.open("");
  FolderContent content = read_folder(root, std::get<Found>(opened), "", false);
  EXPECT_EQ(content.files.size(), kMaxListed);
  EXPECT_TRUE(content.more);
  EXPECT_THAT(render_listing(std::move(content), "/", true), HasSubstr("Only 1000"));
}

}  // namespace
}  // namespace services::static_files
