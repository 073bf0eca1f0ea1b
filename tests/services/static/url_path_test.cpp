#include "services/static/url_path.hpp"

#include <gtest/gtest.h>

namespace services::static_files {
namespace {

std::string file_of(std::string_view path, std::string_view mount = "/", bool hidden = false) {
  const auto url = read_url_path(path, mount, hidden);
  return url ? url->file + (url->folder ? " folder" : "") : "none";
}

TEST(UrlPath, NamesAFile) {
  EXPECT_EQ(file_of("/"), " folder");
  EXPECT_EQ(file_of("/a"), "a");
  EXPECT_EQ(file_of("/a/"), "a folder");
  EXPECT_EQ(file_of("/a/b.c"), "a/b.c");
  EXPECT_EQ(file_of("/a%20b/%c3%a9"), "a b/\xc3\xa9");
  EXPECT_EQ(file_of("/a+b"), "a+b") << "a plus is a plus";
  EXPECT_EQ(file_of("/%5c"), "\\");
  EXPECT_EQ(file_of("/a..b/...c", "/", true), "a..b/...c");
}

TEST(UrlPath, IsDecodedOnce) {
  EXPECT_EQ(file_of("/%252e%252e/x"), "%2e%2e/x");
  EXPECT_EQ(file_of("/%2541"), "%41");
}

TEST(UrlPath, RefusesWhatIsNoFile) {
  for (const char* path : {"",      "a",       "//",         "//a",       "/a//b",   "/a//",   "/.",     "/..",
                           "/../a", "/a/../b", "/%2e",       "/%2E%2e/a", "/.%2e/a", "/a/./b", "/a%2fb", "/a%2Fb",
                           "/%2f",  "/%00",    "/a%00.html", "/%",        "/%4",     "/%zz",   "/a%2"})
    EXPECT_EQ(file_of(path, "/", true), "none") << path;
}

TEST(UrlPath, HidesNamesThatBeginWithADot) {
  for (const char* path : {"/.git", "/.git/config", "/a/.htaccess", "/%2egit/config", "/.a/", "/a/.b/c",
                           "/.well-knownx", "/.well-known/.x", "/a/.well-known/x", "/...a"})
    EXPECT_EQ(file_of(path), "none") << path;
  EXPECT_EQ(file_of("/.git/config", "/", true), ".git/config");
  EXPECT_EQ(file_of("/.well-known/acme/x"), ".well-known/acme/x");
  EXPECT_EQ(file_of("/.well-known"), ".well-known");
  EXPECT_EQ(file_of("/.well-known/"), ".well-known folder");
}

TEST(UrlPath, IsBelowTheMount) {
  EXPECT_EQ(file_of("/m/a", "/m"), "a");
  EXPECT_EQ(file_of("/m/a", "/m/"), "a");
  EXPECT_EQ(file_of("/%6d/a", "/m"), "a");
  EXPECT_EQ(file_of("/m/", "/m"), " folder");
  EXPECT_EQ(file_of("/m", "/m"), "");
  EXPECT_EQ(file_of("/m/n/a/b", "/m/n"), "a/b");
  EXPECT_EQ(file_of("/mm", "/m"), "none");
  EXPECT_EQ(file_of("/", "/m"), "none");
  EXPECT_EQ(file_of("/.m/a", "/.m"), "a") << "the operator's own choice";
}

TEST(UrlPath, HasOneCanonicalSpelling) {
  const auto canonical = [](std::string_view path, std::string_view mount = "/") {
    const auto url = read_url_path(path, mount, false);
    return url ? url->canonical : "none";
  };
  EXPECT_EQ(canonical("/%61/b%2d/"), "/a/b-/");
  EXPECT_EQ(canonical("/\xc3\xa9"), "/%C3%A9");
  EXPECT_EQ(canonical("/%c3%a9?"), "/%C3%A9%3F");
  EXPECT_EQ(canonical("/a:b@c;d=e,f&g'h(i)j*k+l!m$n~o"), "/a:b@c;d=e,f&g'h(i)j*k+l!m$n~o");
  EXPECT_EQ(canonical("/%5cevil.example/%22%3c%3e%23%25"), "/%5Cevil.example/%22%3C%3E%23%25");
  EXPECT_EQ(canonical("/m/x%79", "/m"), "/m/xy");
}

}  // namespace
}  // namespace services::static_files
