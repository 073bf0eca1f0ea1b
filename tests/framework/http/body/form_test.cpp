// Goal: forms in collected and in streamed bodies work over a real connection; their files exist once they are saved,
// and are gone in every other case.
#include <prefork/http/form.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <type_traits>

#include <prefork/http.hpp>
#include <prefork/http/error.hpp>

#include "tests/framework/http/message/sample_request.hpp"
#include "tests/framework/http/routed.hpp"
#include "tests/framework/worker/harness.hpp"

namespace prefork::http {
namespace {

using namespace std::chrono_literals;
using prefork::test::TempFolder;
using test::kOptions;
using test::Routed;
using worker::test::Harness;

const std::string kMultipart = "multipart/form-data; boundary=\"b\"";

std::string field(std::string_view name, std::string_view value) {
  return "--b\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" + std::string(value) +
         "\r\n";
}
std::string file(std::string_view name, std::string_view filename, std::string_view bytes) {
  return "--b\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"; filename=\"" +
         std::string(filename) + "\"\r\nContent-Type: text/x\r\n\r\n" + std::string(bytes) + "\r\n";
}

std::string content(const UploadedFile& upload) {
  std::string bytes(static_cast<std::size_t>(upload.size()) + 1, '?');
  const ssize_t read = ::pread(upload.fd(), bytes.data(), bytes.size(), 0);
  EXPECT_EQ(read, static_cast<ssize_t>(upload.size()));
  bytes.resize(static_cast<std::size_t>(read));
  return bytes;
}
std::string content(const std::string& path) {
  std::stringstream bytes;
  bytes << std::ifstream(path).rdbuf();
  return bytes.str();
}
std::size_t entries(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

static_assert(!std::is_convertible_v<std::string, FormOptions::Directory>, "a temporary would be gone when it is read");
static_assert(std::is_convertible_v<const std::string&, FormOptions::Directory>);

struct Outcome {
  Form form;
  std::optional<Status> status;
  std::string detail;
};

Task<void> read_into(Request& request, FormOptions options, Outcome& outcome) {
  try {
    outcome.form = co_await read_form(request, options);
  } catch (const Error& error) {
    outcome.status = error.status();
    outcome.detail = error.detail();
  }
}

Outcome read_collected(std::vector<Header> fields, std::string_view body, FormOptions options = {}) {
  test::SampleRequest sample(std::move(fields), body);
  Request request = sample.state.as_request();
  Outcome outcome;
  Task<void> task = read_into(request, options, outcome);
  EXPECT_FALSE(task.await_suspend(std::noop_coroutine()));
  task.await_resume();
  return outcome;
}

TEST(Form, ReadsUrlencodedFields) {
  const Outcome outcome = read_collected({{"Content-Type", "Application/x-www-form-urlencoded; charset=utf-8"}},
                                         "name=Ada+L&born=1815&name=x");
  ASSERT_FALSE(outcome.status);
  EXPECT_EQ(outcome.form.fields.size(), 3U);
  EXPECT_EQ(outcome.form.field("name"), "Ada L");
  EXPECT_EQ(outcome.form.field("born"), "1815");
  EXPECT_EQ(outcome.form.field("x"), std::nullopt);
  EXPECT_EQ(outcome.form.file("name"), nullptr);
}

TEST(Form, ReadsMultipartFieldsAndFiles) {
  const TempFolder folder;
  FormOptions options;
  options.directory = folder.path();
  const std::string body = field("a", "1") + file("f", "..\\dir/.x\ty.txt", "bytes\r\n--\r\n") + file("f", "", "") +
                           file("g", "empty", "") + file("h", "", "nameless") + field("b", "") + "--b--\r\n";
  const Outcome outcome = read_collected({{"Content-Type", kMultipart}}, body, options);
  ASSERT_FALSE(outcome.status) << outcome.detail;
  EXPECT_EQ(outcome.form.fields, (std::vector<NameValue>{{"a", "1"}, {"b", ""}}));
  ASSERT_EQ(outcome.form.files.size(), 3U);
  const UploadedFile& first = *outcome.form.file("f");
  EXPECT_EQ(first.filename(), "x_y.txt");
  EXPECT_EQ(first.content_type(), "text/x");
  EXPECT_EQ(content(first), "bytes\r\n--\r\n");
  EXPECT_EQ(outcome.form.file("g")->size(), 0U);
  EXPECT_EQ(content(*outcome.form.file("h")), "nameless");
  EXPECT_EQ(entries(folder.path()), 0U) << "a file has a name before it is saved";
}

// RFC 9110 15.5.16
TEST(Form, RefusesOtherTypes) {
  const std::vector<std::vector<Header>> cases = {
      {},
      {{"Content-Type", "application/json"}},
      {{"Content-Type", "multipart/mixed; boundary=b"}},
      {{"Content-Type", "multipart/form-data; boundary"}},
      {{"Content-Type", kMultipart}, {"Content-Encoding", "gzip"}},
  };
  for (const auto& fields : cases) EXPECT_EQ(read_collected(fields, "a=b").status, Status::unsupported_media_type);
  for (const char* type :
       {"multipart/form-data", "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=\"a \""})
    EXPECT_EQ(read_collected({{"Content-Type", type}}, "").status, Status::bad_request) << type;
}

TEST(Form, RefusesMalformedBodies) {
  const std::vector<Header> fields = {{"Content-Type", kMultipart}};
  EXPECT_EQ(read_collected(fields, "").status, Status::bad_request);
  EXPECT_EQ(read_collected(fields, field("a", "b")).status, Status::bad_request);
  EXPECT_EQ(read_collected(fields, "--bx").detail, "A boundary line of the form is malformed.");
}

TEST(Form, KeepsWithinItsLimits) {
  const TempFolder folder;
  FormOptions options;
  options.directory = folder.path();
  options.max_fields = 2;
  options.max_field_bytes = 5;
  options.max_memory_bytes = 12;
  options.max_files = 2;
  options.max_file_bytes = 10;
  options.max_files_bytes = 15;
  const std::pair<std::string, std::string_view> cases[] = {
      {field("a", "12345") + field("b", "12345"), ""},
      {field("a", "123456"), "A field of the form is too long."},
      {field("a", "12345") + field("bc", "12345"), "The fields of the form together are too long."},
      {field("1234567890abc", ""), "The fields of the form together are too long."},
      {field("a", "") + field("b", "") + field("c", ""), "The form has too many fields."},
      {file("f", "x", std::string(10, 'x')) + file("f", "x", "12345"), ""},
      {file("f", "x", std::string(11, 'x')), "A file is too long."},
      {file("f", "x", std::string(10, 'x')) + file("f", "x", "123456"), "The files together are too long."},
      {file("f", "x", "") + file("f", "x", "") + file("f", "x", ""), "The form has too many files."},
      {file("f", "", "1") + file("f", "", "1") + file("f", "", "1"), "The form has too many files."},
      {file("f", "", "") + file("f", "", "") + file("f", "", "") + file("f", "", "") + file("f", "", ""),
       "The form has too many parts."},
  };
  for (const auto& [body, detail] : cases) {
    const Outcome outcome = read_collected({{"Content-Type", kMultipart}}, body + "--b--", options);
    EXPECT_EQ(outcome.detail, detail) << body;
    EXPECT_EQ(outcome.status.has_value(), !detail.empty());
    if (outcome.status) {
      EXPECT_EQ(*outcome.status, Status::content_too_large);
    }
  }
  const std::vector<Header> urlencoded = {{"Content-Type", "application/x-www-form-urlencoded"}};
  EXPECT_FALSE(read_collected(urlencoded, "a=1&b=2", options).status);
  for (const char* body : {"a=1&b=2&c=3", "a=123456", "a=12345&b=1234"})
    EXPECT_EQ(read_collected(urlencoded, body, options).status, Status::content_too_large) << body;
  EXPECT_EQ(entries(folder.path()), 0U);
}

TEST(Form, ClosesItsFiles) {
  const std::set<int> before = prefork::test::open_descriptors();
  {
    Outcome outcome =
        read_collected({{"Content-Type", kMultipart}}, file("f", "x", "1") + file("g", "y", "2") + "--b--");
    EXPECT_EQ(prefork::test::open_descriptors().size(), before.size() + 2);
    UploadedFile moved = std::move(outcome.form.files[0]);
    moved = std::move(outcome.form.files[1]);
    EXPECT_EQ(content(moved), "2");
  }
  read_collected({{"Content-Type", kMultipart}}, file("f", "x", "1") + file("g", "y", "2"));
  EXPECT_EQ(prefork::test::open_descriptors(), before);
}

TEST(Form, SaysThatTheFolderIsNotThere) {
  FormOptions options;
  options.directory = "/nonexistent/uploads";
  EXPECT_EQ(prefork::test::thrown_by([&] {
              read_collected({{"Content-Type", kMultipart}}, file("f", "x", "1") + "--b--", options);
            }),
            "open O_TMPFILE /nonexistent/uploads: No such file or directory");
}

// Mounts a file system of 64 KiB in a mount namespace of its own. 0: as wanted; 77: it may not.
int upload_to_a_small_disk(const std::string& folder) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("none", folder.c_str(), "tmpfs", 0, "size=64k") != 0)
    return 77;
  FormOptions options;
  options.directory = folder;
  const std::vector<Header> fields = {{"Content-Type", kMultipart}};
  const Outcome full = read_collected(fields, file("f", "x", std::string(100'000, 'x')) + "--b--", options);
  if (full.status != Status::insufficient_storage) return 1;
  // The room is free again.
  return read_collected(fields, file("f", "x", std::string(50'000, 'x')) + "--b--", options).status ? 2 : 0;
}

TEST(Form, SaysThatTheDiskIsFull) {
  const TempFolder folder;
  const pid_t child = ::fork();
  ASSERT_NE(child, -1);
  if (child == 0) ::_exit(upload_to_a_small_disk(folder.path()));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no mount namespace for this user";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

class FormConnection : public testing::Test, public worker::test::ServedBy<Routed> {
 protected:
  FormConnection() : ServedBy<Routed>({0ms, 5000ms}, kOptions) {}

  Task<Response> describe(Request& request) {
    const Form form = co_await read_form(request, FormOptions{.directory = folder.path(), .max_file_bytes = 3'000'000});
    std::string text;
    for (const NameValue& one : form.fields) text += one.name + "=" + one.value + ";";
    for (const UploadedFile& one : form.files) {
      text += one.filename() + ":" + std::to_string(one.size()) + ";";
      if (!one.save_as(folder.file(one.filename()))) text += "taken;";
    }
    co_return Response::text(text);
  }
  void serve(BodyMode mode) {
    service.fill = [this, mode](Router& router) {
      router.post("/", [this](Request& request) { return describe(request); }, {mode, 10'000'000});
    };
  }
  std::string request(std::string_view body) {
    return "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: " + kMultipart +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  /// Sends the pieces; the server sees each by itself.
  std::string ask(const std::vector<std::string>& pieces) {
    ipc::UniqueFd client = open(worker::test::tcp_pair());
    for (const std::string& piece : pieces) {
      send(client.get(), piece);
      turn();
    }
    std::string answer = receive(client.get());
    hang_up(client);
    return answer;
  }

  TempFolder folder;
};

TEST_F(FormConnection, ReadsACollectedBody) {
  serve(BodyMode::collected);
  const std::string answer = ask({request(field("a", "1") + file("f", "x", "abc") + "--b--")});
  EXPECT_TRUE(answer.ends_with("\r\n\r\na=1;x:3;")) << answer;
  EXPECT_EQ(content(folder.file("x")), "abc");
}

TEST_F(FormConnection, ReadsAStreamedBodyPieceByPiece) {
  serve(BodyMode::streamed);
  std::vector<std::string> pieces;
  for (const char c : request(field("a", "1") + file("f", "x", "a\r\n--\r\n--bc") + "--b--")) pieces.emplace_back(1, c);
  const std::string answer = ask(pieces);
  EXPECT_NE(answer.find("HTTP/1.1 400 "), std::string::npos) << answer;
  pieces.clear();
  for (const char c : request(field("a", "1") + file("f", "x", "a\r\n--\r\n--cb") + "--b--")) pieces.emplace_back(1, c);
  const std::string second = ask(pieces);
  EXPECT_TRUE(second.ends_with("\r\n\r\na=1;x:11;")) << second;
  EXPECT_EQ(content(folder.file("x")), "a\r\n--\r\n--cb");
}

TEST_F(FormConnection, StreamsALargeFile) {
  serve(BodyMode::streamed);
  std::string bytes;
  for (std::uint32_t i = 0; bytes.size() < 2'500'000; ++i) bytes += std::to_string(i * 2654435761U) + "\r\n--";
  EXPECT_TRUE(ask({request(file("f", "large", bytes) + "--b--\r\n")}).ends_with(std::to_string(bytes.size()) + ";"));
  EXPECT_EQ(content(folder.file("large")), bytes);
  EXPECT_NE(ask({request(file("f", "x", std::string(3'000'001, 'x')) + "--b--")}).find("HTTP/1.1 413 "),
            std::string::npos);
  EXPECT_TRUE(ask({request(file("f", "large", "2") + "--b--")}).ends_with("large:1;taken;"));
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST_F(FormConnection, LeavesNothingOfAnUploadThatIsBrokenOff) {
  serve(BodyMode::streamed);
  const std::string whole = request(file("f", "x", std::string(100'000, 'x')) + "--b--");
  const std::set<int> before = prefork::test::open_descriptors();
  ipc::UniqueFd client = open(worker::test::tcp_pair());
  send(client.get(), whole.substr(0, 50'000));
  // The socket's two ends and the file.
  ASSERT_TRUE(turn_until([&] { return prefork::test::open_descriptors().size() == before.size() + 3; }));
  hang_up(client);
  EXPECT_EQ(prefork::test::open_descriptors(), before);
  EXPECT_EQ(entries(folder.path()), 0U);
}

}  // namespace
}  // namespace prefork::http
