#include "framework/http/path.hpp"

#include <gtest/gtest.h>

namespace prefork::http {
namespace {

TEST(Path, DecodesAllButSlashAndPercent) {
  std::string out = "before";
  ASSERT_EQ(append_canonical_path("/%41/a%20b/%2f%2F/%25/%C3%a9", out), nullptr);
  EXPECT_EQ(out, "before/A/a b/%2F%2F/%25/\xc3\xa9");
}

TEST(Path, RefusesMalformedEscapesAndNul) {
  for (const char* raw : {"/%", "/%4", "/%g1", "/%1g", "/%%41", "/%00", "/a%0"}) {
    std::string out;
    EXPECT_EQ(append_canonical_path(raw, out), &refusals::kPathEscape) << raw;
  }
}

TEST(Path, FindsDotSegments) {
  for (const char* path : {"/.", "/..", "/./", "/../a", "/a/.", "/a/..", "/a/../b", "/a/./b", "/.a/.."})
    EXPECT_TRUE(has_dot_segment(path)) << path;
  for (const char* path : {"/", "/.a", "/..a", "/...", "/a.", "/a..", "/a../b", "/.well-known/x", "/a.b/..c/d."})
    EXPECT_FALSE(has_dot_segment(path)) << path;
}

TEST(Path, DecodesText) {
  std::string out;
  EXPECT_TRUE(append_decoded("a%2Fb+%00", out));
  EXPECT_EQ(out, std::string("a/b+\0", 5));
  out.clear();
  EXPECT_TRUE(append_decoded("a+b%2b", out, true));
  EXPECT_EQ(out, "a b+");
  EXPECT_FALSE(append_decoded("%x", out));
}

}  // namespace
}  // namespace prefork::http
