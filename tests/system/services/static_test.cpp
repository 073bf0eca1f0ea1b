// Goal: the service static serves its files whole, in parts and coded, and nothing else: no spelling, link or race
// leads out of the root.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kSecret = "TOP-SECRET-OUTSIDE";

std::string large_text() {
  std::string text;
  while (text.size() < 300'000) text += "line " + std::to_string(text.size()) + "\n";
  return text;
}

std::string large_bytes() {
  std::string bytes(10 << 20, '\0');
  std::uint32_t state = 1;
  for (char& c : bytes) c = static_cast<char>((state = state * 1'664'525 + 1'013'904'223) >> 24);
  return bytes;
}

/// A site and a server for it.
class Static : public testing::Test {
 protected:
  Static() {
    std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
    write("outside.txt", kSecret);
    write("root/index.html", "<h1>home</h1>");
    write("root/a.txt", "a text\n");
    write("root/a b&c.txt", "blank");
    write("root/sub/b.txt", "inside");
    write("root/text.html", large_text());
    write("root/large.bin", large_bytes());
    write("root/.git/config", kSecret);
  }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(dir / name).parent_path());
    write_file(dir / name, text);
    // Older than the second in which an entity tag is weak.
    const timespec times[2] = {{1'700'000'000, 0}, {1'700'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (dir / name).c_str(), times, 0), 0);
  }
  void link(const std::string& target, const std::string& name) const {
    std::filesystem::create_symlink(target, dir / ("root/" + name));
  }
  void start(const std::string& options = "", unsigned workers = 1) {
    server.emplace("[pool main]\nworkers = " + std::to_string(workers) +
                   "\n[service it]\nplugin = static\nlisten = tcp://127.0.0.1:0\nroot = " + dir.path() + "/root\n" +
                   options);
    server->ready(workers);
    address.emplace(server->address("it"));
  }
  /// The answer to a request; the target is sent as it is.
  std::string raw(const std::string& target, const std::string& fields = "", const std::string& method = "GET") const {
    return ask(*address, method + " " + target + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n" + fields + "\r\n");
  }
  std::string status(const std::string& target, const std::string& fields = "",
                     const std::string& method = "GET") const {
    return raw(target, fields, method).substr(9, 3);
  }
  Outcome curl(std::vector<std::string> words, const std::string& path) const {
    words.insert(words.begin(), {"curl", "-s", "-S", "-m", "20", "--path-as-is", "-g"});
    words.push_back(address->http(path));
    return run({words});
  }

  TempDir dir;
  std::optional<Server> server;
  std::optional<Address> address;
};

TEST_F(Static, SendsFilesToCurl) {
  SKIP_UNLESS_HAVE("curl");
  start("", 2);
  EXPECT_EQ(curl({}, "/a.txt").out, "a text\n");
  EXPECT_EQ(curl({"--http1.0"}, "/a.txt").out, "a text\n");
  EXPECT_EQ(curl({}, "/a%20b&c.txt").out, "blank");
  EXPECT_EQ(curl({}, "/").out, "<h1>home</h1>");
  EXPECT_TRUE(curl({}, "/large.bin").out == large_bytes());
  EXPECT_TRUE(curl({}, "/text.html").out == large_text());
  EXPECT_EQ(curl({"-L"}, "/sub/../a.txt").out.find(kSecret), std::string::npos);
  const Outcome head = curl({"-I"}, "/large.bin");
  EXPECT_THAT(head.out, HasSubstr("Content-Length: 10485760\r\n"));
  EXPECT_THAT(head.out, HasSubstr("Accept-Ranges: bytes\r\n"));
  EXPECT_THAT(head.out, HasSubstr("Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n"));
  EXPECT_THAT(head.out, testing::EndsWith("\r\n\r\n"));
  const Outcome moved = curl({"-i"}, "/sub?x=1");
  EXPECT_THAT(moved.out, StartsWith("HTTP/1.1 301 "));
  EXPECT_THAT(moved.out, HasSubstr("Location: /sub/?x=1\r\n"));
  EXPECT_TRUE(server->stops_clean());
}

TEST_F(Static, ResumesForCurl) {
  SKIP_UNLESS_HAVE("curl");
  start();
  const std::string bytes = large_bytes();
  EXPECT_EQ(curl({"-r", "10-19"}, "/large.bin").out, bytes.substr(10, 10));
  EXPECT_EQ(curl({"-r", "-10"}, "/large.bin").out, bytes.substr(bytes.size() - 10));
  EXPECT_TRUE(curl({"-r", "1000-"}, "/large.bin").out == bytes.substr(1000));
  EXPECT_EQ(curl({"-r", "2-3"}, "/a.txt").out, "te");
  EXPECT_EQ(curl({"-r", "10485760-", "-o", "/dev/null", "-w", "%{http_code} %header{content-range}"}, "/large.bin").out,
            "416 bytes */10485760");
  const Outcome parts = curl({"-i", "-r", "0-3,5000000-5000003"}, "/large.bin");
  EXPECT_THAT(parts.out, StartsWith("HTTP/1.1 206 "));
  EXPECT_THAT(parts.out, HasSubstr("Content-Type: multipart/byteranges; boundary="));
  EXPECT_THAT(parts.out, HasSubstr("Content-Range: bytes 0-3/10485760\r\n\r\n" + bytes.substr(0, 4) + "\r\n--"));
  EXPECT_THAT(parts.out, HasSubstr("Content-Range: bytes 5000000-5000003/10485760\r\n\r\n" +
                                   bytes.substr(5'000'000, 4) + "\r\n--"));
  // A download that broke off.
  write_file(dir / "copy", bytes.substr(0, 7'000'000));
  EXPECT_EQ(curl({"-C", "-", "-o", dir / "copy"}, "/large.bin").code, 0);
  EXPECT_TRUE(read_file(dir / "copy") == bytes);
  EXPECT_TRUE(server->stops_clean());
}

TEST_F(Static, SparesCurlWhatItHas) {
  SKIP_UNLESS_HAVE("curl");
  start();
  const std::vector<std::string> code{"-o", "/dev/null", "-w", "%{http_code}"};
  const auto code_of = [&](std::vector<std::string> words) {
    words.insert(words.end(), code.begin(), code.end());
    return curl(words, "/a.txt").out;
  };
  EXPECT_EQ(code_of({"-z", "Tue, 14 Nov 2023 22:13:20 GMT"}), "304");
  EXPECT_EQ(code_of({"-z", "Tue, 14 Nov 2023 22:13:19 GMT"}), "200");
  EXPECT_EQ(code_of({"-z", "-Tue, 14 Nov 2023 22:13:19 GMT"}), "412");
  EXPECT_EQ(code_of({"--etag-save", dir / "etag"}), "200");
  EXPECT_EQ(code_of({"--etag-compare", dir / "etag"}), "304");
  write("root/a.txt", "another text\n");
  EXPECT_TRUE(eventually([&] { return code_of({"--etag-compare", dir / "etag"}) == "200"; })) << "within `revalidate`";
  EXPECT_TRUE(server->stops_clean());
}

TEST_F(Static, CodesForCurl) {
  SKIP_UNLESS_HAVE("curl");
  write("root/app.js", std::string(2000, 'j'));
  write("root/app.js.br", "as if by brotli");
  start("cache-control = max-age=60\n");
  const Outcome packed = curl({"--compressed", "-w", "%{size_download}"}, "/text.html");
  ASSERT_GT(packed.out.size(), large_text().size());
  EXPECT_TRUE(packed.out.substr(0, large_text().size()) == large_text());
  EXPECT_LT(std::stoul(packed.out.substr(large_text().size())), large_text().size() / 2);
  const Outcome brotli = curl({"-i", "-H", "Accept-Encoding: gzip, br"}, "/app.js");
  EXPECT_THAT(brotli.out, testing::EndsWith("\r\n\r\nas if by brotli"));
  for (const char* line : {"Content-Encoding: br", "Vary: Accept-Encoding", "Cache-Control: max-age=60",
                           "Content-Type: text/javascript; charset=utf-8"})
    EXPECT_THAT(brotli.out, HasSubstr("\r\n" + std::string(line) + "\r\n"));
  EXPECT_THAT(curl({"-i"}, "/app.js").out, Not(HasSubstr("Content-Encoding")));
  EXPECT_TRUE(server->stops_clean());
}

TEST_F(Static, NoSpellingLeadsOut) {
  link("../outside.txt", "out.txt");
  link("/etc", "etc");
  link("..", "up");
  link(dir / "outside.txt", "absolute.txt");
  link("/proc/self/root", "magic");
  start("listing = true\n");
  for (const char* target : {"/../outside.txt",
                             "/sub/../../outside.txt",
                             "/%2e%2e/outside.txt",
                             "/.%2e/outside.txt",
                             "/%2E%2E%2Foutside.txt",
                             "/..%2foutside.txt",
                             "/sub/..%2f..%2foutside.txt",
                             "/%252e%252e/outside.txt",
                             "/..%5coutside.txt",
                             "/..%c0%afoutside.txt",
                             "/..%00/outside.txt",
                             "/a.txt%00.html",
                             "/./../outside.txt",
                             "/sub/.%00./outside.txt",
                             "//etc/passwd",
                             "///etc/passwd",
                             "/%2fetc/passwd",
                             "/etc/passwd",
                             "/etc/",
                             "/etc",
                             "/out.txt",
                             "/up/outside.txt",
                             "/up/",
                             "/up",
                             "/absolute.txt",
                             "/magic/etc/passwd",
                             "/.git/config",
                             "/.git/",
                             "/%2egit/config",
                             "/sub/../.git/config",
                             "/....//outside.txt",
                             "/..;/outside.txt",
                             "http://test/../outside.txt",
                             "/sub//../../outside.txt"}) {
    const std::string answer = raw(target);
    EXPECT_THAT(answer.substr(9, 3), AnyOf("400", "404")) << target;
    EXPECT_THAT(answer, Not(HasSubstr(kSecret))) << target;
    EXPECT_THAT(answer, Not(HasSubstr("root:"))) << target;
  }
  EXPECT_THAT(raw("/"), HasSubstr("home"));
  EXPECT_TRUE(server->stops_clean());
}

TEST_F(Static, NoRaceLeadsOut) {
  // The folder turns into a link to a folder outside and back, and so does the file, while it is asked for.
  write("elsewhere/b.txt", kSecret);
  const std::string root = dir / "root/";
  std::filesystem::create_symlink("../elsewhere", root + "trap");
  start("revalidate = 0ms\ncache = 0\n", 2);
  std::atomic<bool> stop = false;
  std::thread swapper([&] {
    while (!stop) {
      std::filesystem::rename(root + "sub", root + "real");
      std::filesystem::rename(root + "trap", root + "sub");
      std::filesystem::rename(root + "sub", root + "trap");
      std::filesystem::rename(root + "real", root + "sub");
    }
  });
  Client client(*address);
  int inside = 0, absent = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::string answer = get(client, "/sub/b.txt");
    EXPECT_EQ(answer.find(kSecret), std::string::npos);
    inside += answer.ends_with("inside") ? 1 : 0;
    absent += answer.starts_with("HTTP/1.1 404 ") ? 1 : 0;
    EXPECT_EQ(inside + absent, i + 1) << answer;
    if (HasFailure()) break;
  }
  stop = true;
  swapper.join();
  EXPECT_GT(inside, 0);
  EXPECT_GT(absent, 0);
  EXPECT_TRUE(server->stops_clean());
}

TEST_F(Static, AnswersOneConnectionInOrder) {
  start();
  Client client(*address);
  client.send(
      "GET /a.txt HTTP/1.1\r\nHost: t\r\n\r\nHEAD /large.bin HTTP/1.1\r\nHost: t\r\n\r\n"
      "GET /a.txt HTTP/1.1\r\nHost: t\r\nIf-None-Match: *\r\n\r\nGET /large.bin HTTP/1.1\r\nHost: t\r\nRange: "
      "bytes=0-99999\r\n\r\n"
      "GET /nothing HTTP/1.1\r\nHost: t\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  const std::string all = client.receive_to_end();
  std::string order;
  for (std::size_t at = 0; (at = all.find("HTTP/1.1 ", at)) != std::string::npos; at += 9)
    order += all.substr(at + 9, 4);
  EXPECT_EQ(order, "200 200 304 206 404 200 ");
  EXPECT_NE(all.find(large_bytes().substr(0, 100'000) + "HTTP/1.1 404 "), std::string::npos);
  EXPECT_TRUE(server->stops_clean());
}

TEST_F(Static, TakesNoOtherMethods) {
  start();
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH"}) {
    const std::string answer = raw("/a.txt", "Content-Length: 0\r\n", method);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 ")) << method;
    EXPECT_THAT(answer, HasSubstr("\r\nAllow: GET, HEAD, OPTIONS\r\n")) << method;
  }
  const std::string options = raw("/a.txt", "", "OPTIONS");
  EXPECT_THAT(options, StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(options, HasSubstr("\r\nAllow: GET, HEAD, OPTIONS\r\n"));
  EXPECT_EQ(status("/a.txt", "", "BREW"), "501");
  EXPECT_TRUE(server->stops_clean());
}

TEST_F(Static, ListsWhatCanBeAskedFor) {
  const std::string odd = "a \"<b>&'#?%\xc3\xa9;.txt";
  write("root/list/" + odd, "odd");
  write("root/list/.hidden", kSecret);
  std::filesystem::create_directory(dir / "root/list/folder");
  ASSERT_EQ(::mkfifo((dir / "root/list/fifo").c_str(), 0666), 0);
  start("listing = true\n");
  const std::string page = raw("/list/");
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(page, HasSubstr("<a href=\"./folder/\">folder/</a>"));
  EXPECT_THAT(page, Not(HasSubstr("hidden")));
  EXPECT_THAT(page, Not(HasSubstr("fifo")));
  EXPECT_THAT(page, Not(HasSubstr("<b>")));
  const std::size_t at = page.find("href=\"./a%20");
  ASSERT_NE(at, std::string::npos) << page;
  std::string link = page.substr(at + 8, page.find('"', at + 8) - at - 8);
  while (link.find("&amp;") != std::string::npos) link.erase(link.find("&amp;") + 1, 4);
  while (link.find("&#39;") != std::string::npos) link.replace(link.find("&#39;"), 5, "'");
  EXPECT_EQ(body_of(raw("/list/" + link)), "odd") << link;
  EXPECT_EQ(status("/list/fifo"), "403");
  EXPECT_EQ(status("/list"), "301");
  EXPECT_TRUE(server->stops_clean());
}

TEST_F(Static, ServesAnApplicationAtItsMount) {
  write("root/missing.html", "not here");
  start("try = index.html\nnot-found = missing.html\nmount = /app\n");
  EXPECT_THAT(raw("/app/users/7"), testing::EndsWith("<h1>home</h1>"));
  EXPECT_EQ(status("/app/users/7"), "200");
  const std::string missing = raw("/app/no.js", "Accept: */*\r\n");
  EXPECT_THAT(missing, StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(missing, testing::EndsWith("\r\n\r\nnot here"));
  EXPECT_THAT(raw("/app"), HasSubstr("\r\nLocation: /app/\r\n"));
  EXPECT_EQ(status("/"), "404");
  EXPECT_TRUE(server->stops_clean());
}

TEST_F(Static, WaitsForNobodyWhoReadsSlowly) {
  start();
  Client slow(*address, Client::Lag::small_window);
  slow.send("GET /large.bin HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  ASSERT_THAT(slow.receive_exactly(12), "HTTP/1.1 200");
  Client quick(*address);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(body_of(get(quick, "/a.txt")), "a text\n");
  // The file goes while it is sent; the client gets the one that it asked for.
  std::filesystem::remove(dir / "root/large.bin");
  const std::string rest = slow.receive_to_end();
  EXPECT_TRUE(rest.ends_with(large_bytes()));
  EXPECT_TRUE(server->stops_clean());
}

TEST_F(Static, EndsTheConnectionWhereAFileGetsShorter) {
  start();
  Client client(*address, Client::Lag::small_window);
  client.send("GET /large.bin HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_THAT(client.receive_exactly(12), "HTTP/1.1 200");
  std::filesystem::resize_file(dir / "root/large.bin", 10);
  EXPECT_LT(client.receive_to_end().size(), std::size_t{10} << 20) << "it sees that something is missing";
  EXPECT_EQ(body_of(raw("/a.txt")), "a text\n");
  EXPECT_TRUE(server->stops_clean());
}

TEST_F(Static, HoldsABoundedNumberOfFilesOpen) {
  for (int i = 0; i < 400; ++i) write("root/f" + std::to_string(i), "x");
  start("cache-file = 0\n");
  Client client(*address);
  for (int i = 0; i < 400; ++i) ASSERT_EQ(body_of(get(client, "/f" + std::to_string(i))), "x");
  const auto open = descriptors_of(server->workers().at(0));
  const auto files = std::count_if(open.begin(), open.end(),
                                   [&](const auto& entry) { return entry.second.starts_with(dir / "root/"); });
  EXPECT_EQ(files, 256);
  EXPECT_TRUE(server->stops_clean());
}

TEST_F(Static, SaysWhatIsWrongWithItsRoot) {
  Server bad("[service it]\nplugin = static\nlisten = tcp://127.0.0.1:0\nroot = " + dir.path() + "/nowhere\n");
  EXPECT_TRUE(bad.logged("root in [service it]: " + dir.path() + "/nowhere: No such file or directory"));
  EXPECT_EQ(bad.wait_exit(), 66);
}

}  // namespace
}  // namespace prefork::system_test
