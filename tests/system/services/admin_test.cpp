// Goal: the server can be observed: by preforkctl metrics and events, and by the admin service's endpoints, which can
// do no more than the configuration allows.
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <regex>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kToken = "an-Example_of.a~token/+=";

std::string config(const std::string& access, const std::string& admin = "") {
  // The token lies in the test's folder, which nobody else can enter.
  const std::string user = ::geteuid() == 0 ? "\nuser = root" : "";
  return "[pool main]\nworkers = 2\n[pool watch]\nworkers = 1\nmaster-access = " + access + user + R"(
[service hello]
plugin = hello
listen = tcp://127.0.0.1:0
[service echo]
plugin = echo
listen = udp://127.0.0.1:0
[service admin]
plugin = admin
pool = watch
listen = tcp://127.0.0.1:0
)" + admin;
}

Server::How with_token(mode_t mode = 0600) {
  return {.before = [mode](const TempDir& dir) {
    write_file(dir / "token", std::string(kToken) + "\n");
    ::chmod((dir / "token").c_str(), mode);
  }};
}

/// One request on a connection of its own. @return the whole response
std::string request(const Server& server, const std::string& line, const std::string& fields = "",
                    const std::string& body = "") {
  const std::string host = fields.find("Host:") == std::string::npos ? "Host: localhost\r\n" : "";
  const std::string length = body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return ask(server.address("admin"),
             line + " HTTP/1.1\r\n" + host + length + fields + "Connection: close\r\n\r\n" + body);
}

std::string get_body(const Server& server, const std::string& path) {
  const std::string response = request(server, "GET " + path);
  EXPECT_THAT(response, testing::StartsWith("HTTP/1.1 200 ")) << path;
  return body_of(response);
}

int code_of(const std::string& response) { return std::stoi(response.substr(9, 3)); }

// The value of one sample; -1: it is not there.
double sample(const std::string& metrics, const std::string& series) {
  const auto at = ("\n" + metrics).find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(metrics.substr(at + series.size() + 1));
}

double responses(const std::string& metrics, const std::string& service, const std::string& of) {
  return sample(metrics, "prefork_http_responses_total{service=\"" + service + "\",code=\"" + of + "\"}");
}

TEST(Admin, MetricsTellOfTheServer) {
  Server server(config("read"));
  server.ready(3);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(ask(server.address("hello"), "GET / HTTP/1.0\r\n\r\n"), HasSubstr("200 OK"));
  Client(server.address("echo")).send("x").receive();
  std::string metrics;
  EXPECT_TRUE(eventually([&] {
    metrics = get_body(server, "/metrics");
    return sample(metrics, "prefork_http_request_duration_seconds_count{service=\"hello\"}") == 3 &&
           sample(metrics, "prefork_datagrams_total") == 1;
  })) << metrics;
  EXPECT_GE(sample(metrics, "prefork_requests_total"), 3);
  EXPECT_EQ(responses(metrics, "hello", "2xx"), 3);
  EXPECT_EQ(responses(metrics, "echo", "2xx"), -1) << "no HTTP service";
  EXPECT_EQ(sample(metrics, "prefork_pool_workers_wanted{pool=\"main\"}"), 2);
  EXPECT_EQ(sample(metrics, "prefork_http_request_duration_seconds_bucket{service=\"hello\",le=\"+Inf\"}"), 3);
  EXPECT_GT(sample(metrics, "prefork_http_request_duration_seconds_sum{service=\"hello\"}"), 0);
  EXPECT_EQ(sample(metrics, "prefork_accept_queue_connections{address=\"" + server.address("hello").text + "\"}"), 0);
  EXPECT_GT(sample(metrics, "prefork_accept_queue_limit{address=\"" + server.address("hello").text + "\"}"), 0);
  EXPECT_GT(sample(metrics, "prefork_datagram_queue_limit_bytes{address=\"" + server.address("echo").text + "\"}"), 0);
  EXPECT_GT(sample(metrics, "prefork_master_resident_memory_bytes"), 100'000);
  EXPECT_GT(sample(metrics, "prefork_worker_resident_memory_bytes{pool=\"main\",slot=\"0\"}"), 100'000);
  EXPECT_THAT(server.ctl({"metrics"}).out, HasSubstr("# TYPE prefork_pool_workers gauge\n"));
  const pid_t victim = server.workers("main").front();
  ::kill(victim, SIGKILL);
  EXPECT_TRUE(eventually(
      [&] { return sample(server.ctl({"metrics"}).out, "prefork_worker_restarts_total{reason=\"killed\"}") == 1; }));
  server.ready(3);
  EXPECT_GE(sample(server.ctl({"metrics"}).out, "prefork_requests_total"), 3) << "a dead worker's stay";
  EXPECT_EQ(sample(server.ctl({"metrics"}).out, "prefork_http_request_duration_seconds_count{service=\"hello\"}"), 3);
  EXPECT_TRUE(server.stops_clean());
}

// Goal: what was answered is told by class of status, and is neither lost nor told twice when a worker is killed, when
// the configuration is loaded again and when another program goes on.
TEST(Admin, ResponsesStayCounted) {
  Server server(config("read"));
  server.ready(3);
  const auto say = [&](const std::string& line) { return ask(server.address("hello"), line + "\r\n\r\n"); };
  for (int i = 0; i < 5; ++i) EXPECT_THAT(say("GET / HTTP/1.0"), HasSubstr("200 OK"));
  EXPECT_THAT(say("GET /no/such HTTP/1.0"), HasSubstr("404 Not"));
  EXPECT_THAT(say("DELETE / HTTP/1.0"), HasSubstr("405 Meth"));
  EXPECT_THAT(say("BREW / HTTP/1.0"), HasSubstr("501 Not"));
  EXPECT_THAT(say("nonsense"), HasSubstr("400 Bad"));
  const auto expect = [&](double ok, const char* when) {
    const std::string metrics = server.ctl({"metrics"}).out;
    EXPECT_EQ(responses(metrics, "hello", "1xx"), 0) << when;
    EXPECT_EQ(responses(metrics, "hello", "2xx"), ok) << when;
    EXPECT_EQ(responses(metrics, "hello", "3xx"), 0) << when;
    EXPECT_EQ(responses(metrics, "hello", "4xx"), 3) << when;
    EXPECT_EQ(responses(metrics, "hello", "5xx"), 1) << when;
    EXPECT_EQ(sample(metrics, "prefork_http_requests_shed_total{service=\"hello\"}"), 0) << when;
  };
  expect(5, "at first");
  const Json status = server.status();  // whose parts do not live longer
  for (const Json& service : status["services"]) {
    EXPECT_EQ(service.contains("responses"), service["name"] != "echo") << service;
    if (service["name"] != "hello") continue;
    EXPECT_EQ(service["responses"]["4xx"], 3);
  }
  for (const pid_t worker : server.workers("main")) ::kill(worker, SIGKILL);
  EXPECT_TRUE(eventually(
      [&] { return sample(server.ctl({"metrics"}).out, "prefork_worker_restarts_total{reason=\"killed\"}") == 2; }));
  server.ready(3);
  expect(5, "after kill -9");
  EXPECT_THAT(say("GET / HTTP/1.0"), HasSubstr("200 OK"));
  expect(6, "with new workers in the old slots");
  const Outcome reload = server.ctl({"reload"});
  EXPECT_EQ(reload.code, 0) << reload.err;
  expect(6, "after a reload");
  const Outcome upgrade = server.ctl({"upgrade"});
  EXPECT_EQ(upgrade.code, 0) << upgrade.err;
  expect(6, "after an upgrade");
  EXPECT_THAT(say("GET / HTTP/1.0"), HasSubstr("200 OK"));
  expect(7, "in the end");
  EXPECT_THAT(server.ctl({"ipc"}).out, Not(HasSubstr("http"))) << "no business of services";
  EXPECT_TRUE(server.stops_clean());
}

TEST(Admin, PromtoolTakesTheMetrics) {
  if (!have("promtool")) {
    GTEST_SKIP()
        << "needs promtool: Debian's package prometheus, which scripts/setup.sh leaves out since it takes 330 MB "
           "and starts a server that listens on port 9090 of all addresses";
  }
  Server server(config("read"));
  server.ready(3);
  write_file(server.dir() / "metrics", server.ctl({"metrics"}).out);
  const Outcome check = run({{"/bin/sh", "-c", "promtool check metrics < '" + (server.dir() / "metrics") + "'"}});
  EXPECT_EQ(check.code, 0) << check.out << check.err;
  EXPECT_EQ(check.err, "") << "a complaint about style";
  EXPECT_TRUE(server.stops_clean());
}

TEST(Admin, EventsTellWhatHappened) {
  Server server(config("read"));
  server.ready(3);
  const Outcome events = server.ctl({"events"});
  EXPECT_EQ(events.code, 0) << events.err;
  EXPECT_TRUE(std::regex_search(events.out, std::regex("\\d{4}-\\d\\d-\\d\\dT\\S+Z info +worker main/0 .* is ready\n")))
      << events.out;
  Process follow({{kCtl, "-s", server.control_path(), "events", "--follow"}}, server.dir() / "follow", "/dev/null");
  EXPECT_TRUE(eventually([&] { return count(read_file(server.dir() / "follow"), "is ready") == 3; }));
  EXPECT_EQ(server.ctl({"scale", "main", "3"}).code, 0);
  EXPECT_TRUE(eventually([&] { return count(read_file(server.dir() / "follow"), "2 -> 3 workers") == 1; }));
  EXPECT_EQ(count(read_file(server.dir() / "follow"), "main/0"), 1U) << "each event once";
  const Json all = server.tell("events");
  EXPECT_EQ(all["next"], all["events"].back()["number"]);
  EXPECT_EQ(server.tell("events " + std::to_string(all["next"].get<unsigned>()))["events"].size(), 0U);
  EXPECT_TRUE(server.stops_clean());
  const auto end = follow.wait();
  ASSERT_TRUE(end.has_value()) << "it ends with the master";
  EXPECT_EQ(WEXITSTATUS(*end), 69);
}

// Goal: top shows a page in a terminal, ends with q and leaves the terminal as it was; elsewhere it is plain text.
TEST(Admin, TopInATerminalAndElsewhere) {
  Server server(config("read"));
  server.ready(3);
  const Outcome plain = server.ctl({"top"});
  EXPECT_EQ(plain.code, 0) << plain.err;
  EXPECT_THAT(plain.out, testing::AllOf(HasSubstr("requests/s"), HasSubstr(" 5xx, 0 shed\n"), HasSubstr("main/0"),
                                        Not(HasSubstr("\x1b"))));
  winsize size{};
  size.ws_col = 100;
  size.ws_row = 12;
  int terminal = -1;
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (pid == 0) {
    ::execl(kCtl.c_str(), "preforkctl", "-s", server.control_path().c_str(), "top", nullptr);
    ::_exit(127);
  }
  ASSERT_GT(pid, 0);
  std::string seen;
  const auto see = [&](const std::string& what) {
    return eventually([&] {
      pollfd readable{terminal, POLLIN, 0};
      char bytes[4096];
      if (::poll(&readable, 1, 10) == 1)
        seen.append(bytes, static_cast<std::size_t>(std::max<ssize_t>(::read(terminal, bytes, sizeof bytes), 0)));
      return seen.find(what) != std::string::npos;
    });
  };
  EXPECT_TRUE(see("requests/s")) << seen;
  EXPECT_TRUE(see("\x1b[J")) << seen;
  EXPECT_LE(count(seen.substr(0, seen.find("\x1b[J")), "\n"), 11U) << "it fits the window";
  EXPECT_EQ(::write(terminal, "q", 1), 1);
  EXPECT_TRUE(see("\x1b[?1049l")) << seen;
  int status = 0;
  EXPECT_TRUE(eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }));
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  ::close(terminal);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Admin, HealthAndReadiness) {
  Server server(config("read"));
  server.ready(3);
  EXPECT_EQ(get_body(server, "/healthz"), "ok\n");
  EXPECT_TRUE(eventually([&] { return code_of(request(server, "GET /readyz")) == 200; }));
  EXPECT_EQ(Json::parse(get_body(server, "/status"))["master"]["pid"], server.pid());
  EXPECT_EQ(server.ctl({"scale", "main", "0"}).code, 0);
  server.ready(0, "main");
  EXPECT_TRUE(eventually([&] { return code_of(request(server, "GET /readyz")) == 200; })) << "as it was told to be";
  const std::string page = request(server, "GET /");
  EXPECT_THAT(page, HasSubstr("Content-Security-Policy: default-src 'none'; style-src 'sha256-"));
  EXPECT_THAT(page, HasSubstr("<title>prefork</title>"));
  EXPECT_EQ(code_of(request(server, "GET /nothing")), 404);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Admin, ALivePageIsFedUntilItsWorkerRetires) {
  Server server(config("read"));
  server.ready(3);
  Client viewer(server.address("admin"));
  viewer.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(viewer.receive_until("is ready"),
              testing::AllOf(HasSubstr("text/event-stream"), HasSubstr("event: status"), HasSubstr("event: events"),
                             HasSubstr("\"controls\":false")));
  EXPECT_EQ(server.ctl({"scale", "main", "3"}).code, 0);
  viewer.receive_until("2 -> 3 workers");
  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  EXPECT_TRUE(viewer.closed());
  EXPECT_TRUE(server.stops_clean());
}

// Goal: nothing can be changed without the token, nor from another site's page, nor by a pool that may only look.
TEST(Admin, ChangesNeedTheToken) {
  const std::string bearer = "Authorization: Bearer " + std::string(kToken) + "\r\n";
  const std::string body = R"({"pool":"main","workers":"+1"})";
  {
    Server open(config("operate"));
    open.ready(3);
    EXPECT_EQ(code_of(request(open, "POST /scale", bearer, body)), 403) << "no token is configured";
    EXPECT_EQ(code_of(request(open, "POST /reload", bearer)), 403);
    EXPECT_TRUE(open.stops_clean());
  }
  Server server(config("operate", "token-file = {dir}/token\n"), with_token());
  server.ready(3);
  for (const char* wrong : {"", "Authorization: Bearer wrong\r\n", "Authorization: Basic YTpi\r\n",
                            "Cookie: token=an-Example_of.a~token/+=\r\n", "Authorization: Bearer \r\n"}) {
    EXPECT_EQ(code_of(request(server, "POST /scale", wrong, body)), 401) << wrong;
    EXPECT_EQ(code_of(request(server, "POST /reload", wrong)), 401) << wrong;
  }
  EXPECT_EQ(code_of(request(server, "GET /reload", bearer)), 405);
  EXPECT_EQ(code_of(request(server, "OPTIONS /reload")), 204) << "no leave for other sites";
  EXPECT_THAT(request(server, "OPTIONS /reload", "Origin: http://evil.example\r\n"), Not(HasSubstr("Access-Control")));
  EXPECT_EQ(code_of(request(server, "POST /scale", bearer, R"({"pool":"main 9\nstop","workers":"1"})")), 400);
  EXPECT_EQ(code_of(request(server, "POST /scale", bearer, "{")), 400);
  EXPECT_EQ(code_of(request(server, "POST /scale", bearer, R"({"pool":"none","workers":"1"})")), 409);
  EXPECT_EQ(server.pool("main")["target"], 2);
  EXPECT_THAT(request(server, "POST /scale", bearer, body), HasSubstr("2 -> 3 workers"));
  server.ready(3, "main");
  EXPECT_THAT(request(server, "POST /reload", bearer), HasSubstr("under way"));
  EXPECT_TRUE(server.logged("reloaded: generation 2 serves"));
  EXPECT_TRUE(server.logged("127.0.0.1"));
  EXPECT_THAT(server.log(), Not(HasSubstr(kToken)));
  EXPECT_TRUE(server.stops_clean());
}

// Goal: a secret that the configuration names is read at the start and at each reload, goes over upgrades as it was,
// and nobody is shown it.
TEST(Admin, TheTokenIsASecret) {
  Server server(config("operate", "token = file:{dir}/token\n"), with_token());
  server.ready(3);
  const auto post = [&](const std::string& token) {
    return code_of(
        request(server, "POST /scale", "Authorization: Bearer " + token + "\r\n", R"({"pool":"main","workers":"2"})"));
  };
  const std::string next = "another-token-0123456789";
  EXPECT_EQ(post(kToken), 200);
  write_file(server.dir() / "token", next + "\n");
  const pid_t before = server.workers("watch").front();
  EXPECT_EQ(server.ctl({"upgrade"}).code, 0);
  ::kill(before, SIGKILL);
  ASSERT_TRUE(eventually([&] {
    const auto workers = server.workers("watch");
    return workers.size() == 1 && workers.front() != before && server.pool("watch")["ready"] == 1;
  }));
  EXPECT_EQ(post(kToken), 200) << "as long as the generation lives";
  EXPECT_EQ(post(next), 401);
  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  EXPECT_EQ(post(next), 200);
  EXPECT_EQ(post(kToken), 401);

  const Outcome by_file = run({{kMaster, "-T", "-c", server.config_path()}});
  EXPECT_THAT(by_file.out, HasSubstr("token = file:" + server.dir().path() + "/token  # "));
  const Outcome literal = run({{kMaster, "-T", "-c", server.config_path(), "-o", "service.admin.token=" + next}});
  EXPECT_EQ(literal.code, 0) << literal.err;
  EXPECT_THAT(literal.out, HasSubstr("token = ********  # -o"));
  for (const std::string& text : {by_file.out, literal.out, server.log(), server.ctl({"status", "--json"}).out}) {
    EXPECT_THAT(text, Not(HasSubstr(next)));
    EXPECT_THAT(text, Not(HasSubstr(kToken)));
  }
  ::unlink((server.dir() / "token").c_str());
  const Outcome missing = run({{kMaster, "-t", "-c", server.config_path()}});
  EXPECT_EQ(missing.code, 66);
  EXPECT_THAT(missing.err, HasSubstr("token in [service admin]: open " + server.dir().path() + "/token: No such file"));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Admin, APoolThatMayOnlyLookChangesNothing) {
  Server server(config("read", "token-file = {dir}/token\n"), with_token());
  server.ready(3);
  const std::string bearer = "Authorization: Bearer " + std::string(kToken) + "\r\n";
  const std::string refused = request(server, "POST /reload", bearer);
  EXPECT_EQ(code_of(refused), 409);
  EXPECT_THAT(refused, HasSubstr("master-access"));
  EXPECT_EQ(code_of(request(server, "POST /scale", bearer, R"({"pool":"main","workers":"9"})")), 409);
  EXPECT_EQ(server.pool("main")["target"], 2);
  EXPECT_EQ(server.status()["master"]["generation"], 1);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Admin, StrangersAreTurnedAway) {
  Server server(config("read"));
  server.ready(3);
  EXPECT_EQ(code_of(request(server, "GET /status", "Host: evil.example\r\n")), 421) << "DNS rebinding";
  EXPECT_EQ(code_of(request(server, "GET /status", "Host: 127.0.0.1:80\r\n")), 200);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Admin, WhatItNeedsIsSaid) {
  Server without(config("none"));
  EXPECT_TRUE(without.logged("set master-access = read, or operate, in [pool watch]"));
  EXPECT_EQ(without.wait_exit(), 78);
  Server readable(config("operate", "token-file = {dir}/token\n"), with_token(0644));
  EXPECT_TRUE(readable.logged("chmod 0640 or 0600"));
  EXPECT_TRUE(readable.stops_clean());
}

// Goal: a pool without master-access has no descriptor to ask on, and one that has it has one.
TEST(Admin, OnlyWhoMayAskHasALine) {
  Server server(config("read"));
  server.ready(3);
  const auto sockets = [](pid_t worker) {
    const auto all = descriptors_of(worker);
    return std::count_if(all.begin(), all.end(), [](const auto& fd) { return fd.second.starts_with("socket:"); });
  };
  EXPECT_EQ(sockets(server.workers("main").front()), 3) << "its two listeners and its bell";
  EXPECT_EQ(sockets(server.workers("watch").front()), 3) << "its listener, its bell and the line";
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
