// Goal: the usual uses of curl work: bodies both ways and in all framings, forms, expectations, cookies, redirects,
// kept connections, interrupted downloads and coded files.
#include <signal.h>

#include <filesystem>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (char& c : bytes) c = static_cast<char>((state = state * 1'664'525 + 1'013'904'223) >> 24);
  return bytes;
}

/// A service that takes bodies, and a site; both keep their files in a folder of the test.
class Curl : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_UNLESS_HAVE("curl");
    std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
    for (const char* folder : {"kept", "site"}) {
      std::filesystem::create_directory(dir_ / folder);
      std::filesystem::permissions(dir_ / folder, std::filesystem::perms(0777));
    }
    server_.emplace(
        "[pool main]\nworkers = 1\n[service bodies]\nplugin = {plugins}/bodies.so\nfolder = " + dir_.path() +
        "/kept\nlisten = tcp://127.0.0.1:0\n[service site]\nplugin = static\nroot = " + dir_.path() +
        "/site\nlisten = tcp://127.0.0.1:0\n");
    server_->ready(1);
  }
  void TearDown() override {
    if (server_) {
      EXPECT_TRUE(server_->stops_clean());
    }
  }
  Outcome curl(std::vector<std::string> words) const {
    words.insert(words.begin(), {"curl", "-q", "-s", "-S", "-m", "20"});
    return run({words});
  }
  std::string bodies(const std::string& path) const { return server_->address("bodies").http(path); }
  std::string site(const std::string& path) const { return server_->address("site").http(path); }
  std::string kept(const std::string& name) const { return read_file(dir_ / ("kept/" + name)); }

  TempDir dir_;
  std::optional<Server> server_;
};

TEST_F(Curl, Uploads) {
  const std::string bytes = noise(3'000'000);
  write_file(dir_ / "file", bytes);
  write_file(dir_ / "none", "");
  const struct {
    std::vector<std::string> words;
    std::string how;
  } rows[] = {{{}, "by length"}, {{"-0"}, "by length"}, {{"-H", "Transfer-Encoding: chunked"}, "chunked"}};
  for (const auto& row : rows) {
    std::vector<std::string> words{"-T", dir_ / "file", bodies("/files/copy")};
    words.insert(words.begin(), row.words.begin(), row.words.end());
    EXPECT_EQ(curl(words).out, "3000000 bytes " + row.how + "\n");
    EXPECT_TRUE(kept("copy") == bytes) << row.how;
    if (row.how == "chunked") continue;  // of an empty file curl 7.88 never sends the last chunk
    words[words.size() - 2] = dir_ / "none";
    EXPECT_EQ(curl(words).out, "0 bytes " + row.how + "\n");
    EXPECT_EQ(kept("copy"), "");
  }
  write_file(dir_ / "file", bytes.substr(0, 1'000'000));
  for (const auto& row : rows) {
    std::vector<std::string> words{"--data-binary", "@" + dir_ / "file", bodies("/echo")};
    words.insert(words.begin(), row.words.begin(), row.words.end());
    EXPECT_TRUE(curl(words).out == bytes.substr(0, 1'000'000)) << row.how;
  }
}

TEST_F(Curl, ExpectsToBeAskedForItsBody) {
  write_file(dir_ / "file", noise(2'000'000));
  write_file(dir_ / "small", noise(500'000));
  // curl would send the body unasked after a minute, and gives up before that.
  const auto expecting = [&](const std::string& path, const char* file) {
    return curl({"-v", "--expect100-timeout", "60", "-H", "Expect: 100-continue", "-T", dir_ / file, "-o", "/dev/null",
                 "-w", "%{http_code} %{size_upload}", bodies(path)});
  };
  const Outcome taken = expecting("/files/copy", "file");
  EXPECT_EQ(taken.out, "200 2000000");
  EXPECT_THAT(taken.err, HasSubstr("< HTTP/1.1 100 Continue"));
  EXPECT_TRUE(kept("copy") == noise(2'000'000));
  for (const auto& [path, status] : {std::pair("/refused", "403"), {"/nowhere", "404"}, {"/echo", "405"}}) {
    const Outcome refused = expecting(path, "small");
    EXPECT_EQ(refused.out, status + std::string(" 0"));
    EXPECT_THAT(refused.err, Not(HasSubstr("100 Continue")));
  }
  const Outcome large =
      curl({"--expect100-timeout", "60", "-H", "Expect: 100-continue", "--data-binary", "@" + dir_ / "file", "-o",
            "/dev/null", "-w", "%{http_code} %{size_upload}", bodies("/")});
  EXPECT_EQ(large.out, "413 0");
  EXPECT_EQ(curl({"-H", "Expect: a miracle", "-d", "x", "-o", "/dev/null", "-w", "%{http_code}", bodies("/")}).out,
            "417");
}

TEST_F(Curl, FillsInForms) {
  const std::string bytes = "--\r\n--b\r\n" + noise(500'000);
  write_file(dir_ / "file", bytes);
  const Outcome multipart = curl({"-F",
                                  "title=Gr\xc3\xbc\xc3\x9f"
                                  "e & co",
                                  "-F", "photo=@" + dir_ / "file" + ";type=image/png", "-F",
                                  "note=@" + dir_ / "file" + ";filename=\"a \\\"b\\\".txt\"", bodies("/form")});
  EXPECT_EQ(multipart.out,
            "title=Gr\xc3\xbc\xc3\x9f"
            "e & co\nphoto: file, image/png, 500009\n"
            "note: a \"b\".txt, text/plain, 500009\n")
      << multipart.err;
  EXPECT_TRUE(kept("photo") == bytes);
  EXPECT_TRUE(kept("note") == bytes);
  EXPECT_THAT(curl({"-F", "photo=@" + dir_ / "file", bodies("/form")}).out, testing::EndsWith(" exists\n"));
  const std::vector<std::string> fields{"--data-urlencode", "q=1+1=2 & 100%?",  "--data-urlencode",
                                        "=plain\nlines",    "--data-urlencode", "u%C3%A9=\xe2\x82\xac"};
  for (const auto& [option, path] : {std::pair("-0", "/form"), {"-G", "/query"}}) {
    std::vector<std::string> words{option, bodies(path)};
    words.insert(words.end(), fields.begin(), fields.end());
    EXPECT_EQ(curl(words).out, "q=1+1=2 & 100%?\nplain\nlines=\nu\xc3\xa9=\xe2\x82\xac\n") << path;
  }
}

TEST_F(Curl, FollowsRedirectsWithItsCookies) {
  const std::string jar = dir_ / "jar";
  const std::vector<std::string> with_jar{"-L", "-b", jar, "-c", jar};
  const auto ask = [&](std::vector<std::string> words) {
    words.insert(words.begin(), with_jar.begin(), with_jar.end());
    return curl(words).out;
  };
  EXPECT_EQ(ask({bodies("/whoami")}), "nobody\n");
  EXPECT_EQ(ask({"-d", "name=Ada", "-w", "%{num_redirects} %{num_connects} %{method}", bodies("/login")}),
            "a1b2\n1 1 GET")
      << "303: the page, on the same connection";
  EXPECT_THAT(read_file(jar), HasSubstr("\tsid\ta1b2\n"));
  EXPECT_EQ(ask({bodies("/whoami")}), "a1b2\n");
  EXPECT_EQ(ask({"-0", bodies("/whoami")}), "a1b2\n");
  EXPECT_EQ(ask({bodies("/logout")}), "nobody\n");
  EXPECT_EQ(ask({"-d", "x=1", "-w", " %{num_redirects}", bodies("/moved")}), "x=1 1") << "308: the same request again";
}

TEST_F(Curl, KeepsItsConnection) {
  write_file(dir_ / "file", noise(200'000));
  const std::vector<std::string> session{"-w",
                                         " %{num_connects}\n",
                                         bodies("/whoami"),
                                         "--next",
                                         "-s",
                                         "-w",
                                         " %{num_connects}\n",
                                         "-d",
                                         "a body",
                                         bodies("/echo"),
                                         "--next",
                                         "-s",
                                         "-w",
                                         " %{num_connects}\n",
                                         "-T",
                                         dir_ / "file",
                                         "-H",
                                         "Transfer-Encoding: chunked",
                                         bodies("/files/copy"),
                                         "--next",
                                         "-s",
                                         "-w",
                                         " %{num_connects}\n",
                                         "-o",
                                         "/dev/null",
                                         "-I",
                                         bodies("/whoami"),
                                         "--next",
                                         "-s",
                                         "-w",
                                         "%{num_connects}\n",
                                         bodies("/query")};
  EXPECT_EQ(curl(session).out, "nobody\n 1\na body 0\n200000 bytes chunked\n 0\n 0\n0\n");
  const std::string url = bodies("/whoami");
  EXPECT_EQ(curl({"-0", "-w", "%{num_connects}\n", url, url}).out, "nobody\n1\nnobody\n1\n");
  EXPECT_EQ(curl({"-0", "-H", "Connection: keep-alive", "-w", "%{num_connects}\n", url, url}).out,
            "nobody\n1\nnobody\n0\n");
  EXPECT_EQ(curl({"-H", "Connection: close", "-w", "%{num_connects}\n", url, url}).out, "nobody\n1\nnobody\n1\n");
}

TEST_F(Curl, ResumesADownloadThatBrokeOff) {
  const std::string bytes = noise(48U << 20);  // more than the sockets hold: when the worker ends, much is missing
  write_file(dir_ / "site/large", bytes);
  const std::string copy = dir_ / "copy";
  Process broken({{"curl", "-q", "-s", "-m", "20", "--limit-rate", "16M", "-o", copy, site("/large")}}, dir_ / "out",
                 dir_ / "err");
  ASSERT_TRUE(eventually([&] { return exists(copy) && std::filesystem::file_size(copy) > 1U << 20; }));
  ASSERT_EQ(::kill(server_->workers().at(0), SIGKILL), 0);
  const auto status = broken.wait();
  ASSERT_TRUE(status && WIFEXITED(*status));
  EXPECT_THAT(WEXITSTATUS(*status), testing::AnyOf(18, 56)) << "partial file, or reset";
  const auto have_bytes = std::filesystem::file_size(copy);
  EXPECT_LT(have_bytes, bytes.size());
  server_->ready(1);
  const Outcome resumed = curl({"-C", "-", "-o", copy, "-w", "%{http_code} %{size_download}", site("/large")});
  EXPECT_EQ(resumed.out, "206 " + std::to_string(bytes.size() - have_bytes)) << resumed.err;
  EXPECT_TRUE(read_file(copy) == bytes);
  EXPECT_TRUE(curl({"-r", "40000000-40000999", site("/large")}).out == bytes.substr(40'000'000, 1000));
}

TEST_F(Curl, TakesFilesThatAreCoded) {
  std::string text;
  while (text.size() < 100'000) text += "line " + std::to_string(text.size()) + "\n";
  write_file(dir_ / "site/page.css", text);
  ASSERT_EQ(run({{"gzip", "-k", dir_ / "site/page.css"}}).code, 0);
  write_file(dir_ / "site/hello.js", "hello");
  write_file(dir_ / "site/hello.js.br", {"\x0b\x02\x80hello\x03", 9});
  const auto size = std::filesystem::file_size(dir_ / "site/page.css.gz");
  EXPECT_EQ(curl({"--compressed", "-w", "%{size_download}", site("/page.css")}).out, text + std::to_string(size));
  EXPECT_EQ(curl({"-w", "%{size_download}", site("/page.css")}).out, text + std::to_string(text.size()));
  EXPECT_TRUE(curl({"-H", "Accept-Encoding: gzip", site("/page.css")}).out == read_file(dir_ / "site/page.css.gz"));
  if (curl({"--version"}).out.find(" brotli") != std::string::npos) {
    EXPECT_EQ(curl({"--compressed", "-w", " %{size_download}", site("/hello.js")}).out, "hello 9");
  }
  EXPECT_EQ(curl({"-H", "Accept-Encoding: br", "-w", " %{size_download}", "-o", "/dev/null", site("/hello.js")}).out,
            " 9");
}

TEST_F(Curl, SeesTheSameHeadersByHead) {
  write_file(dir_ / "site/a.txt", "a text\n");
  const auto headers = [&](std::vector<std::string> words, const std::string& url) {
    words.insert(words.end(), {"-H", "Connection: close", "-D", "-", "-o", "/dev/null", url});
    std::string text = curl(words).out;
    const auto date = text.find("\r\nDate: ");
    return date == std::string::npos ? text : text.erase(date + 2, text.find("\r\n", date + 2) - date);
  };
  for (const std::string& url : {site("/a.txt"), site("/nothing"), bodies("/whoami"), bodies("/logout")}) {
    const std::string head = headers({"-I"}, url);
    EXPECT_THAT(head, StartsWith("HTTP/1.1 "));
    EXPECT_THAT(head, HasSubstr("\r\nContent-Length: "));
    EXPECT_EQ(head, headers({}, url));
  }
}

}  // namespace
}  // namespace prefork::system_test
