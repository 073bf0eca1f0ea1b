#include "framework/http/wire/path.hpp"

#include <gtest/gtest.h>

#include <utility>

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
  for (const char* path : {"/.", "/..", "/./", "/../a", "/a/.", "/a/..", "/a/../b", "/a/./b", "/.a/..", "/%2e",
                           "/a/%2E.", "/.%2e/", "/%2e%2E", "//.."})
    EXPECT_TRUE(has_dot_segment(path)) << path;
  for (const char* path : {"/", "/.a", "/..a", "/...", "/a.", "/a..", "/a../b", "/.well-known/x", "/a.b/..c/d.",
                           "/%2ea", "/%2e%2e%2e", "/%252e", "/%2", "/a%2f..", "/%2f", "/.%2", "/..%2f"})
    EXPECT_FALSE(has_dot_segment(path)) << path;
}

TEST(Path, ResolvesDotSegments) {
  const std::pair<const char*, const char*> rows[] = {
      {"/a/b/c/./../../g", "/a/g"},  // RFC 3986 5.2.4
      {"/mid/content=5/../6", "/mid/6"},
      // RFC 3986 5.4, of the base /b/c/d;p
      {"/b/c/.", "/b/c/"},
      {"/b/c/./", "/b/c/"},
      {"/b/c/..", "/b/"},
      {"/b/c/../", "/b/"},
      {"/b/c/../g", "/b/g"},
      {"/b/c/../..", "/"},
      {"/b/c/../../", "/"},
      {"/b/c/../../../g", "/g"},
      {"/b/c/../../../../g", "/g"},
      {"/./g", "/g"},
      {"/../g", "/g"},
      {"/b/c/g.", "/b/c/g."},
      {"/b/c/..g", "/b/c/..g"},
      {"/b/c/./g/.", "/b/c/g/"},
      {"/b/c/g;x=1/./y", "/b/c/g;x=1/y"},
      // As browsers do it (WHATWG URL, 4.2).
      {"/a/%2e%2E/b", "/b"},
      {"/a/.%2e/%2e./%2e/b", "/b"},
      {"/a/%2e", "/a/"},
      // Segments that are not dot segments.
      {"/a/..%2fb", "/a/..%2fb"},
      {"/a/%252e%252e/b", "/a/%252e%252e/b"},
      {"/a/.../b", "/a/.../b"},
      // Empty segments are segments.
      {"/a//../b", "/a/b"},
      {"//..", "/"},
      {"/..//", "//"},
      {"/", "/"},
  };
  for (const auto& [path, wanted] : rows) {
    std::string out = "before";
    append_without_dot_segments(path, out);
    EXPECT_EQ(out, std::string("before") + wanted) << path;
    EXPECT_FALSE(has_dot_segment(out)) << path;
  }
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
