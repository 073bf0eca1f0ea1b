// Goal: no request gets past a proxy hidden in another one. Some hundreds of spellings of a message's length go through
// a real nginx and a real haproxy; every request that the server behind has seen must be one that the proxy sent as
// one.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "ipc/posix/unique_fd.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

struct Mutation {
  std::string fields;  // without the last CR LF
  std::string body;
};

const std::string kZero(1, '\0');

/// The field lines that may say how long a message is.
std::vector<std::string> length_fields() {
  const std::vector<std::string> names = {"Content-Length",
                                          "content-length",
                                          "Content-Length ",
                                          "Content-Length\t",
                                          " Content-Length",
                                          "Content_Length",
                                          "\x0b"
                                          "Content-Length",
                                          "Content-Length" + kZero};
  const std::vector<std::string> values = {"5",
                                           "+5",
                                           "-5",
                                           "05",
                                           "0x5",
                                           "5,5",
                                           "5, 6",
                                           "5 5",
                                           "5;",
                                           "\"5\"",
                                           "5.0",
                                           "5\x0b",
                                           "\x0b"
                                           "5",
                                           "5" + kZero,
                                           "",
                                           "5\r\nContent-Length: 6",
                                           "18446744073709551621"};
  std::vector<std::string> fields;
  for (const auto& name : names) {
    for (const auto& value : values) fields.push_back(name + ": " + value);
  }
  return fields;
}

std::vector<std::string> coding_fields() {
  const std::vector<std::string> names = {"Transfer-Encoding",       "transfer-encoding",      "Transfer-Encoding ",
                                          "Transfer_Encoding",       " Transfer-Encoding",     "Transfer-Encoding\t",
                                          "X: y\nTransfer-Encoding", "X: y\rTransfer-Encoding"};
  const std::vector<std::string> values = {"chunked",
                                           "CHUNKED",
                                           "\tchunked",
                                           "chunked,",
                                           ",chunked",
                                           "identity",
                                           "identity, chunked",
                                           "chunked, identity",
                                           "gzip, chunked",
                                           "xchunked",
                                           "chunkedx",
                                           "chunked\x0b",
                                           "\x0b"
                                           "chunked",
                                           "chunked;x=y",
                                           "\"chunked\"",
                                           "cow",
                                           "chunked, chunked",
                                           "chunked\r\nTransfer-Encoding: cow",
                                           "cow\r\nTransfer-Encoding: chunked",
                                           "\r\n chunked"};
  std::vector<std::string> fields;
  for (const auto& name : names) {
    for (const auto& value : values) {
      fields.push_back(name + ": " + value);
      fields.push_back("Content-Length: 5\r\n" + name + ": " + value);
      fields.push_back(name + ": " + value + "\r\nContent-Length: 60");
    }
  }
  return fields;
}

/// What follows the header section: `hidden` is a request or not, depending on how it is read.
std::vector<std::string> chunked_bodies(const std::string& hidden) {
  std::vector<std::string> bodies;
  for (const std::string size : {"5", "05", "5 ", "5\t", "+5", "0x5", "5;x=y", "5;x=\"\n\"", "5;\rx",
                                 "000000000000000000005", "10000000000000005", "-5", "5g"}) {
    bodies.push_back(size + "\r\nhello\r\n0\r\n\r\n" + hidden);
    bodies.push_back(size + "\nhello\r\n0\r\n\r\n" + hidden);
  }
  for (const std::string end :
       {"0\r\n\r\n", "0\n\n", "0\r\nContent-Length: 70\r\n\r\n", "0\r\nTransfer-Encoding: x\r\n\r\n",
        "0\r\nX : y\r\n\r\n", "00\r\n\r\n", "0;a\r\n\r\n", "0\r\n\r\r\n", "0\r\n"}) {
    bodies.push_back(std::string("5\r\nhello\r\n") + end + hidden);
    bodies.push_back(std::string("5\r\nhelloXX") + end + hidden);
  }
  return bodies;
}

std::vector<Mutation> mutations(const std::string& hidden) {
  std::vector<Mutation> all;
  for (const auto& fields : length_fields()) all.push_back({fields, hidden});
  for (const auto& fields : length_fields()) all.push_back({fields, "hello" + hidden});
  for (const auto& fields : coding_fields()) all.push_back({fields, "0\r\n\r\n" + hidden});
  for (const auto& body : chunked_bodies(hidden)) all.push_back({"Transfer-Encoding: chunked", body});
  return all;
}

std::string free_port() {
  const ipc::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  socklen_t length = sizeof address;
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  return std::to_string(ntohs(address.sin_port));
}

/// The first words of a file's lines.
std::multiset<std::string> targets_in(const std::string& path) {
  std::ifstream file(path);
  std::multiset<std::string> targets;
  for (std::string line; std::getline(file, line);) targets.insert(line.substr(0, line.find(' ')));
  targets.erase("-");  // was refused
  return targets;
}

class SmugglingTest : public testing::Test {
 protected:
  SmugglingTest() {
    server_.ready(2);
    port_ = free_port();
  }

  /// Starts a proxy, sends it all mutations, and compares what it says that it has forwarded with what was seen behind
  /// it.
  void expect_nothing_hidden(const std::vector<std::string>& command, const std::string& proxy_log) {
    Process proxy(Command{command, {}, {}, {}}, server_.dir() / "proxy.out", server_.dir() / "proxy.err");
    const Address front("tcp://127.0.0.1:" + port_);
    ASSERT_TRUE(eventually([&] {
      try {
        return ask(front, "GET /good HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200");
      } catch (const std::exception&) {
        return false;
      }
    })) << read_file(server_.dir() / "proxy.err");
    std::size_t number = 0;
    for (const Mutation& each : mutations("GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n")) {
      const std::string id = std::to_string(number++);
      std::string body = each.body;
      if (const auto at = body.find("/hidden"); at != std::string::npos) body.replace(at, 7, "/hidden-" + id);
      Client client(front);
      std::size_t sent = 0;
      client.push("POST /first-" + id + " HTTP/1.1\r\nHost: h\r\n" + each.fields + "\r\n\r\n" + body, sent);
      client.finish_sending();
      client.receive_to_end();
    }
    ASSERT_TRUE(ask(front, "GET /last HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200"));
    proxy.signal(SIGTERM);
    EXPECT_TRUE(proxy.wait());
    EXPECT_TRUE(server_.stops_clean());
    const auto forwarded = targets_in(proxy_log), seen = targets_in(server_.dir() / "seen.log");
    EXPECT_GT(number, 700U);
    EXPECT_GT(seen.size(), 20U) << "the proxy let nothing through";
    EXPECT_EQ(seen.count("/last"), 1U);
    for (const auto& target : seen) EXPECT_GE(forwarded.count(target), seen.count(target)) << target;
  }

  Server server_{
      "[pool main]\nworkers = 2\n[service who]\nplugin = {plugins}/who.so\nlisten = tcp://127.0.0.1:0\n"
      "access-log = {dir}/seen.log\naccess-log-format = %U\n"};
  std::string port_;
};

TEST_F(SmugglingTest, NothingIsHiddenBehindNginx) {
  const std::string nginx = "/usr/sbin/nginx";
  if (::access(nginx.c_str(), X_OK) != 0) GTEST_SKIP() << "needs nginx";
  const std::string dir = server_.dir().path(), config = server_.dir() / "nginx.conf",
                    log = server_.dir() / "nginx.log";
  const Address back = server_.address("who");
  write_file(config, "daemon off; worker_processes 1; pid " + dir + "/nginx.pid; error_log " + dir + "/error.log;\n" +
                         (::geteuid() == 0 ? "user root;\n" : "") +
                         "events { worker_connections 100; }\nhttp {\n  client_body_temp_path " + dir +
                         "/t1; proxy_temp_path " + dir + "/t2; fastcgi_temp_path " + dir + "/t3; uwsgi_temp_path " +
                         dir + "/t4; scgi_temp_path " + dir +
                         "/t5;\n  log_format seen '$request_uri $upstream_status';\n" + "  access_log " + log +
                         " seen;\n  client_header_timeout 2s; client_body_timeout 2s; lingering_timeout 1s;\n" +
                         "  upstream us { server " + back.host() + ":" + back.port() +
                         "; keepalive 4; }\n  server { listen 127.0.0.1:" + port_ +
                         "; location / { proxy_pass http://us; proxy_http_version 1.1; proxy_set_header Connection ''; "
                         "proxy_request_buffering off; proxy_ignore_client_abort on; } }\n}\n");
  expect_nothing_hidden({nginx, "-c", config}, log);
}

TEST_F(SmugglingTest, NothingIsHiddenBehindHaproxy) {
  const std::string haproxy = "/usr/sbin/haproxy";
  if (::access(haproxy.c_str(), X_OK) != 0) GTEST_SKIP() << "needs haproxy";
  const std::string config = server_.dir() / "haproxy.cfg";
  const Address back = server_.address("who");
  write_file(config,
             "global\n  maxconn 100\n  log stdout format raw local0\ndefaults\n  mode http\n  log global\n"
             "  log-format \"%HU %ST\"\n  option http-keep-alive\n  http-reuse always\n  timeout connect 5s\n"
             "  timeout client 2s\n  timeout server 5s\n  timeout http-request 2s\nlisten front\n  bind 127.0.0.1:" +
                 port_ + "\n  server us " + back.host() + ":" + back.port() + "\n");
  expect_nothing_hidden({haproxy, "-db", "-f", config}, server_.dir() / "proxy.out");
}

}  // namespace
}  // namespace prefork::system_test
