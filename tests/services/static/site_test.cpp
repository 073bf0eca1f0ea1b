#include "services/static/site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <stdexcept>

#include "framework/http/wire/response_parts.hpp"
#include "tests/framework/http/message/parsed_request.hpp"
#include "tests/services/static/temp_folder.hpp"

namespace services::static_files {
namespace {

using prefork::http::Response;
using prefork::http::ResponseParts;
using prefork::http::Status;
using prefork::http::test::ParsedRequest;
using namespace std::chrono_literals;
using Fields = std::initializer_list<std::string_view>;

std::string body_of(const Response& response) {
  if (ResponseParts::special(response) == nullptr || ResponseParts::special(response)->parts.empty())
    return std::string(response.body());
  std::string body;
  for (const auto& part : ResponseParts::special(response)->parts) {
    if (const auto* text = std::get_if<std::string>(&part)) body += *text;
    if (const auto* bytes = std::get_if<prefork::http::SharedBytes>(&part)) body += **bytes;
    if (const auto* file = std::get_if<prefork::http::FilePart>(&part)) {
      std::string read(file->bytes, '\0');
      const auto offset = static_cast<off_t>(file->offset);
      EXPECT_EQ(::pread(file->file->fd(), read.data(), read.size(), offset), static_cast<ssize_t>(read.size()));
      body += read;
    }
  }
  return body;
}

/// A text of many bytes that can be compressed.
std::string long_text(std::size_t size = 5000) {
  std::string text;
  while (text.size() < size) text += "word ";
  text.resize(size);
  return text;
}

class SiteTest : public testing::Test {
 protected:
  SiteTest() {
    settings.root = folder.path();
    settings.revalidate = 0ms;
    folder.write("index.html", "home");
    folder.write("a.txt", "text");
    folder.write("sub/index.html", "sub");
    folder.write("bare/b.txt", "b");
    folder.write("a b.html", "blank");
    folder.write("page.html", long_text());
    folder.write("big.bin", std::string(100'000, 'x'));
    folder.write("error.html", "gone");
    folder.write(".secret", "secret");
    folder.write(".well-known/x", "known");
  }

  Site& site() {
    if (!site_) site_.emplace(settings);
    return *site_;
  }
  Response get(std::string_view target, Fields fields = {}) {
    return site().answer(ParsedRequest("GET " + std::string(target), fields));
  }
  std::string field(const Response& response, std::string_view name) {
    return std::string(response.header(name).value_or("none"));
  }
  unsigned status(std::string_view target, Fields fields = {}) { return code(get(target, fields).status()); }

  TempFolder folder;
  Settings settings;
  std::optional<Site> site_;
};

TEST_F(SiteTest, SendsFiles) {
  const Response response = get("/a.txt");
  EXPECT_EQ(response.status(), Status::ok);
  EXPECT_EQ(body_of(response), "text");
  EXPECT_EQ(field(response, "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(field(response, "Accept-Ranges"), "bytes");
  EXPECT_THAT(field(response, "ETag"), testing::MatchesRegex("\"[0-9a-f]+-4\""));
  EXPECT_NE(field(response, "Last-Modified"), "none");
  EXPECT_EQ(field(response, "Cache-Control"), "none");
  EXPECT_EQ(field(response, "Vary"), "none") << "too small to be compressed";
  EXPECT_EQ(body_of(get("/a%20b.html")), "blank");
  EXPECT_EQ(body_of(get("/")), "home");
  EXPECT_EQ(body_of(get("/sub/")), "sub");
  EXPECT_EQ(body_of(get("/a.txt?x=y")), "text");
  EXPECT_EQ(body_of(get("/big.bin")), std::string(100'000, 'x'));
}

TEST_F(SiteTest, SendsNothingElse) {
  for (const char* target : {"/nothing", "/a.txt/", "/a.txt/x", "/.secret", "/%2esecret", "/a%2etxt%00", "/bare/",
                             "//a.txt", "/sub//index.html", "/sub%2findex.html", "/index.html/", "/bare/index.html"})
    EXPECT_EQ(status(target), 404U) << target;
  EXPECT_EQ(body_of(get("/.well-known/x")), "known");
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0666), 0);
  EXPECT_EQ(status("/fifo"), 403U);
  settings.hidden = true;
  site_.reset();
  EXPECT_EQ(body_of(get("/.secret")), "secret");
}

TEST_F(SiteTest, SendsFoldersToTheirSlash) {
  const Response response = get("/sub?a=b&c=%20");
  EXPECT_EQ(response.status(), Status::moved_permanently);
  EXPECT_EQ(field(response, "Location"), "/sub/?a=b&c=%20");
  EXPECT_EQ(field(get("/%73ub"), "Location"), "/sub/");
  std::filesystem::create_directory(folder / "\\evil.example");
  EXPECT_EQ(field(get("/%5Cevil.example"), "Location"), "/%5Cevil.example/") << "no other host";
  EXPECT_EQ(status("//sub"), 404U);
}

TEST_F(SiteTest, StandsAtItsMount) {
  settings.mount = "/m";
  settings.listing = true;
  EXPECT_EQ(body_of(get("/m/a.txt")), "text");
  EXPECT_EQ(body_of(get("/m/")), "home");
  EXPECT_EQ(field(get("/m"), "Location"), "/m/");
  EXPECT_EQ(field(get("/m/sub"), "Location"), "/m/sub/");
  EXPECT_THAT(body_of(get("/m/bare/")), testing::HasSubstr("<h1>/m/bare/</h1>"));
}

TEST_F(SiteTest, AnswersConditionsAndRanges) {
  const std::string tag = field(get("/a.txt"), "ETag");
  EXPECT_EQ(status("/a.txt", {"If-None-Match: " + tag}), 304U);
  EXPECT_EQ(status("/a.txt", {"If-Match: \"x\""}), 412U);
  const Response part = get("/big.bin", {"Range: bytes=10-19", "If-Range: " + field(get("/big.bin"), "ETag")});
  EXPECT_EQ(part.status(), Status::partial_content);
  EXPECT_EQ(body_of(part), std::string(10, 'x'));
  EXPECT_EQ(status("/big.bin", {"Range: bytes=100000-"}), 416U);
  EXPECT_EQ(status("/nothing", {"Range: bytes=0-1"}), 404U);
}

TEST_F(SiteTest, SeesChangesAndTheirEnd) {
  EXPECT_EQ(body_of(get("/a.txt")), "text");
  folder.write("a.txt", "next");
  EXPECT_EQ(body_of(get("/a.txt")), "next") << "same size, same time";
  std::filesystem::remove(folder / "a.txt");
  EXPECT_EQ(status("/a.txt"), 404U);
  std::filesystem::create_directory(folder / "a.txt");
  EXPECT_EQ(status("/a.txt"), 301U);
}

TEST_F(SiteTest, ComparesWhatHasSettledWithTheDisk) {
  settings.settle = 0ms;
  const auto bytes_at = [&] {
    return std::get<prefork::http::SharedBytes>(ResponseParts::special(get("/page.html"))->parts.at(0));
  };
  const auto before = bytes_at();
  EXPECT_EQ(bytes_at(), before) << "not read again";
  folder.write("other", long_text());
  std::filesystem::rename(folder / "other", folder / "page.html");
  const auto after = bytes_at();
  EXPECT_NE(after, before) << "same size, same time: another file";
  EXPECT_EQ(bytes_at(), after);
  folder.write("page.html.br", "BR");
  EXPECT_EQ(body_of(get("/page.html", {"Accept-Encoding: br"})), "BR");
  folder.write("page.html.br", "BR2");
  EXPECT_EQ(body_of(get("/page.html", {"Accept-Encoding: br"})), "BR2");
  std::filesystem::remove(folder / "page.html.br");
  EXPECT_EQ(field(get("/page.html", {"Accept-Encoding: br"}), "Content-Encoding"), "none");
  std::filesystem::remove(folder / "page.html");
  EXPECT_EQ(status("/page.html"), 404U);
}

TEST_F(SiteTest, LooksAtTheDiskOnlySoOften) {
  settings.revalidate = 1h;
  EXPECT_EQ(body_of(get("/a.txt")), "text");
  std::filesystem::remove(folder / "a.txt");
  EXPECT_EQ(body_of(get("/a.txt")), "text");
  EXPECT_EQ(body_of(get("/%61.txt")), "text") << "another spelling is the same entry";
  EXPECT_EQ(site().cache_load().entries, 1U);
}

TEST_F(SiteTest, KeepsNothingWithoutACache) {
  settings.cache_bytes = 0;
  settings.revalidate = 1h;
  EXPECT_EQ(body_of(get("/a.txt")), "text");
  folder.write("a.txt", "other");
  EXPECT_EQ(body_of(get("/a.txt")), "other");
  EXPECT_EQ(body_of(get("/big.bin")).size(), 100'000U);
  EXPECT_EQ(site().cache_load().entries, 0U);
  EXPECT_EQ(field(get("/page.html", {"Accept-Encoding: gzip"}), "Content-Encoding"), "none");
}

TEST_F(SiteTest, BoundsTheCache) {
  settings.revalidate = 1h;
  settings.cache_bytes = 20'000;
  for (int i = 0; i < 50; ++i) {
    const std::string name = "f" + std::to_string(i) + ".txt";
    folder.write(name, long_text(2000));
    EXPECT_EQ(body_of(get("/" + name)), long_text(2000));
    EXPECT_EQ(field(get("/" + name, {"Accept-Encoding: gzip"}), "Content-Encoding"), "gzip");
    EXPECT_LE(site().cache_load().bytes, 20'000U);
  }
  settings.cache_bytes = 32 << 20;
  settings.cache_file_bytes = 0;
  site_.reset();
  for (int i = 0; i < 300; ++i) {
    const std::string name = "g" + std::to_string(i);
    folder.write(name, "x");
    EXPECT_EQ(body_of(get("/" + name)), "x");
  }
  EXPECT_EQ(site().cache_load().descriptors, 256U);
}

TEST_F(SiteTest, CompressesTextOnce) {
  settings.revalidate = 1h;
  const Response packed = get("/page.html", {"Accept-Encoding: gzip, br"});
  EXPECT_EQ(field(packed, "Content-Encoding"), "gzip");
  EXPECT_EQ(field(packed, "Vary"), "Accept-Encoding");
  EXPECT_THAT(field(packed, "ETag"), testing::MatchesRegex("W/\"[0-9a-f]+-1388-gz\""));
  EXPECT_EQ(field(packed, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_LT(body_of(packed).size(), 500U);
  const auto bytes = [](const Response& r) {
    return std::get<prefork::http::SharedBytes>(ResponseParts::special(r)->parts.at(0));
  };
  EXPECT_EQ(bytes(get("/page.html", {"Accept-Encoding: gzip"})), bytes(packed)) << "shared";
  const Response plain = get("/page.html");
  EXPECT_EQ(field(plain, "Vary"), "Accept-Encoding");
  EXPECT_EQ(body_of(plain), long_text());
  EXPECT_EQ(field(get("/page.html", {"Accept-Encoding: gzip", "Range: bytes=0-9"}), "Content-Encoding"), "none");
  EXPECT_EQ(status("/page.html", {"Accept-Encoding: gzip", "If-None-Match: " + field(packed, "ETag")}), 304U);
  folder.write("large.css", long_text(200'000));
  EXPECT_LT(body_of(get("/large.css", {"Accept-Encoding: gzip"})).size(), 10'000U) << "one that is not kept in memory";
  EXPECT_EQ(field(get("/big.bin", {"Accept-Encoding: gzip"}), "Vary"), "none");
  settings.gzip = false;
  site_.reset();
  EXPECT_EQ(field(get("/page.html", {"Accept-Encoding: gzip"}), "Content-Encoding"), "none");
}

TEST_F(SiteTest, SendsWhatIsCompressedAlready) {
  folder.write("page.html.gz", "GZ", 500);
  folder.write("page.html.br", "BR", 1000);
  const Response brotli = get("/page.html", {"Accept-Encoding: gzip, br"});
  EXPECT_EQ(body_of(brotli), "BR");
  EXPECT_EQ(field(brotli, "Content-Encoding"), "br");
  EXPECT_EQ(field(brotli, "Content-Type"), "text/html; charset=utf-8");
  const Response gzip = get("/page.html", {"Accept-Encoding: gzip"});
  EXPECT_EQ(body_of(gzip), "GZ");
  const Response plain = get("/page.html");
  EXPECT_EQ(body_of(plain), long_text());
  for (const Response* response : {&brotli, &gzip, &plain}) EXPECT_EQ(field(*response, "Vary"), "Accept-Encoding");
  EXPECT_THAT(field(brotli, "ETag"), testing::MatchesRegex("\"[0-9a-f]+-2-br\""));
  EXPECT_THAT(field(gzip, "ETag"), testing::MatchesRegex("\"[0-9a-f]+-2-gz\""));
  EXPECT_EQ(body_of(get("/page.html", {"Accept-Encoding: br", "Range: bytes=1-"})), "R") << "a part of what was chosen";

  folder.set_age("page.html", 10);
  EXPECT_EQ(field(get("/page.html", {"Accept-Encoding: br"}), "Content-Encoding"), "none") << "it is older";
  folder.set_age("page.html.br", 10);
  EXPECT_EQ(body_of(get("/page.html", {"Accept-Encoding: br"})), "BR");
  std::filesystem::remove(folder / "page.html.br");
  EXPECT_EQ(field(get("/page.html", {"Accept-Encoding: br"}), "Content-Encoding"), "none");
  folder.set_age("page.html.gz", 5);
  settings.precompressed = false;
  settings.gzip = false;
  site_.reset();
  EXPECT_EQ(field(get("/page.html", {"Accept-Encoding: gzip"}), "Content-Encoding"), "none");
}

// An empty file is neither gzip nor brotli: a build that is still writing, or one that failed.
TEST_F(SiteTest, IgnoresWhatIsCompressedToNothing) {
  folder.write("page.html.gz", "", 500);
  folder.write("page.html.br", "", 500);
  EXPECT_EQ(body_of(get("/page.html", {"Accept-Encoding: br"})), long_text());
  const Response packed = get("/page.html", {"Accept-Encoding: gzip"});
  EXPECT_EQ(field(packed, "Content-Encoding"), "gzip") << "what we compress ourselves";
  EXPECT_FALSE(body_of(packed).empty());
  folder.write("page.html.gz", "GZ", 400);
  EXPECT_EQ(body_of(get("/page.html", {"Accept-Encoding: gzip"})), "GZ") << "it has been written since";
}

TEST_F(SiteTest, MarksTagsWeakWhileTheFileIsYoung) {
  folder.write("young.txt", "x", 0);
  EXPECT_THAT(field(get("/young.txt"), "ETag"), testing::StartsWith("W/"));
  EXPECT_EQ(status("/young.txt", {"If-Match: " + field(get("/young.txt"), "ETag")}), 412U);
}

TEST_F(SiteTest, FallsBackForApplications) {
  settings.fallback = "index.html";
  EXPECT_EQ(body_of(get("/users/7")), "home");
  EXPECT_EQ(status("/users/7"), 200U);
  EXPECT_EQ(field(get("/users/7"), "Vary"), "Accept");
  EXPECT_EQ(body_of(get("/users/john.doe", {"Accept: text/html,*/*;q=0.8"})), "home");
  EXPECT_EQ(status("/app.js", {"Accept: */*"}), 404U);
  EXPECT_EQ(status("/users/7", {"Accept: application/json"}), 404U);
  EXPECT_EQ(status("/.secret"), 404U);
  EXPECT_EQ(body_of(get("/bare/")), "home");
  EXPECT_EQ(body_of(get("/a.txt")), "text");
  EXPECT_EQ(field(get("/"), "Vary"), "none") << "asked for by its name";
  std::filesystem::remove(folder / "index.html");
  EXPECT_EQ(status("/users/7"), 404U);
}

TEST_F(SiteTest, HasAPageForWhatIsMissing) {
  settings.not_found = "error.html";
  settings.cache_control = "max-age=3600";
  for (int i = 0; i < 2; ++i) {
    const Response response = get("/nothing", {"Range: bytes=0-1", "If-None-Match: *"});
    EXPECT_EQ(response.status(), Status::not_found);
    EXPECT_EQ(body_of(response), "gone");
    EXPECT_EQ(field(response, "Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(field(response, "ETag"), "none");
    EXPECT_EQ(field(response, "Cache-Control"), "none");
    EXPECT_EQ(field(response, "Accept-Ranges"), "none") << "there are no parts of it";
  }
  EXPECT_EQ(body_of(get("/.secret")), "gone");
  EXPECT_EQ(field(get("/error.html"), "Cache-Control"), "max-age=3600");
  std::filesystem::remove(folder / "error.html");
  EXPECT_EQ(status("/nothing"), 404U);
}

TEST_F(SiteTest, ListsFolders) {
  settings.listing = true;
  const Response response = get("/bare/");
  EXPECT_EQ(response.status(), Status::ok);
  EXPECT_THAT(body_of(response), testing::HasSubstr("./b.txt"));
  EXPECT_THAT(body_of(response), testing::HasSubstr("<h1>/bare/</h1>"));
  EXPECT_EQ(field(response, "Cache-Control"), "no-cache");
  EXPECT_THAT(field(response, "Content-Security-Policy"), testing::HasSubstr("default-src 'none'"));
  EXPECT_EQ(body_of(get("/sub/")), "sub") << "the index goes before";
  std::filesystem::remove(folder / "index.html");
  EXPECT_THAT(body_of(get("/")), testing::Not(testing::HasSubstr(".secret")));
  EXPECT_THAT(body_of(get("/")), testing::HasSubstr("./a%20b.html"));
}

TEST_F(SiteTest, RefusesOptionsThatCanNotBe) {
  const auto make = [&](auto change) {
    Settings changed = settings;
    change(changed);
    Site{changed};
  };
  EXPECT_THROW(make([&](Settings& s) { s.root = folder / "nowhere"; }), std::system_error);
  EXPECT_THROW(make([](Settings& s) { s.mime_types = "/nowhere"; }), std::invalid_argument);
}

}  // namespace
}  // namespace services::static_files
