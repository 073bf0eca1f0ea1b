#include "framework/cli/ctl_top.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace prefork::cli {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

std::string worker(int index, int pid, int cpu_ms, int requests) {
  return R"({"pool":"main","index":)" + std::to_string(index) + R"(,"pid":)" + std::to_string(pid) +
         R"(,"generation":2,"state":"busy","uptime_ms":61000,"connections":5,"requests":)" + std::to_string(requests) +
         R"(,"datagrams":0,"rss_bytes":1048576,"cpu_ms":)" + std::to_string(cpu_ms) +
         R"(,"serving":"GET /\u001b[2J","serving_ms":1200})";
}

std::string status(const std::string& workers, int requests, const std::string& buckets,
                   const std::string& responses = R"({"1xx":0,"2xx":0,"3xx":0,"4xx":0,"5xx":0},"shed":0)") {
  return R"({"ok":true,"master":{"pid":7,"version":"0.1.0","generation":2,"uptime_ms":61000,"state":"running",)"
         R"("reload":"","rss_bytes":1048576,"cpu_ms":100},"pools":[{"name":"main","target":3,"ready":2,"failures":4,)"
         R"("last_failure":"cannot start"}],"services":[{"name":"web","latency":{"buckets":)" +
         buckets + R"(},"responses":)" + responses +
         R"(},{"name":"api","responses":{"5xx":1},"shed":2},{"name":"echo"}],"latency_bounds_us":[8.192,1048.576],"workers":[)" +
         workers + R"(],"totals":{"connections":10,"accepted":20,"requests":)" + std::to_string(requests) +
         R"(,"datagrams":0,"bytes_in":0,"bytes_out":)" + std::to_string(requests * 1024) + "}}";
}

constexpr const char* kEvents =
    R"({"ok":true,"next":1,"lost":0,"events":[{"number":1,"time_ms":0,"level":"notice","text":"it happened"}]})";

TopSample sample(const std::string& text, std::chrono::steady_clock::duration at) {
  return {text, kEvents, std::chrono::steady_clock::time_point(at)};
}

TEST(CtlTop, ShowsWhatHappenedBetweenTheLooks) {
  const auto before = sample(status(worker(0, 11, 100, 500) + "," + worker(1, 12, 100, 500), 1000, "[10,0,0]"), 10s);
  const auto now = sample(
      status(worker(0, 11, 200, 600) + "," + worker(1, 12, 1900, 2500) + "," + worker(2, 13, 0, 0), 3100, "[20,85,5]"),
      12s);
  const std::string text = top_text(before, now, {});
  EXPECT_THAT(text, HasSubstr("1050 requests/s, p50 <1.0ms, p99 >8s, 0 datagrams/s, 10 connections (0 new/s)\n"));
  EXPECT_THAT(text, HasSubstr("1.0 MiB/s out, CPU 95%, memory 4.0 MiB\n"));
  EXPECT_THAT(text, HasSubstr("\nresponses/s: 0 1xx, 0 2xx, 0 3xx, 0 4xx, 0 5xx, 0 shed\n"));
  EXPECT_THAT(text, HasSubstr("4 failures in a row: cannot start"));
  EXPECT_THAT(text, HasSubstr("1.2s GET /\\x1b[2J"));
  EXPECT_THAT(text, HasSubstr("it happened"));
  const auto first = text.find("main/1"), second = text.find("main/0"), third = text.find("main/2");
  EXPECT_TRUE(first < second && second < third && third != std::string::npos) << text;
}

TEST(CtlTop, ShowsTheShareOfErrors) {
  const auto at = [](const std::string& responses, std::chrono::seconds when) {
    return sample(status("", 0, "[0,0,0]", responses), when);
  };
  const auto before = at(R"({"1xx":7,"2xx":100,"3xx":0,"4xx":5,"5xx":9},"shed":4)", 10s);
  EXPECT_THAT(top_text(before, at(R"({"1xx":7,"2xx":2081,"3xx":3,"4xx":9,"5xx":21},"shed":14)", 12s), {}),
              HasSubstr("\nresponses/s: 0 1xx, 990 2xx, 1.5 3xx, 2.0 4xx, 6.0 5xx (0.60%), 5.0 shed\n"));
  EXPECT_THAT(top_text(before, at(R"({"1xx":7,"2xx":100,"3xx":0,"4xx":5,"5xx":90},"shed":4)", 12s), {}),
              HasSubstr(", 40 5xx (100%), "));
  EXPECT_THAT(top_text(before, before, {}), HasSubstr("0 5xx, 0 shed\n"));
  const auto none = sample(R"({"services":[{"name":"echo"}]})", 10s);
  EXPECT_THAT(top_text(none, none, {}), Not(HasSubstr("responses"))) << "no HTTP service";
}

TEST(CtlTop, ShowsAFullPool) {
  const auto full = sample(R"({"pools":[{"name":"a","full_ms":1500,"waiting":12},{"name":"b","full_ms":1,"waiting":1,)"
                           R"("failures":2,"last_failure":"x"},{"name":"c","full_ms":0,"waiting":3}]})",
                           1s);
  const std::string text = top_text(full, full, {});
  EXPECT_THAT(text, HasSubstr("  full, 12 waiting\n"));
  EXPECT_THAT(text, HasSubstr("  full, 1 waiting; 2 failures in a row: x\n"));
  EXPECT_THAT(text, Not(HasSubstr("3 waiting")));
}

TEST(CtlTop, FitsTheTerminal) {
  std::string workers;
  for (int i = 0; i < 200; ++i) workers += (i > 0 ? "," : "") + worker(i, 100 + i, 0, 0);
  const auto at = sample(status(workers, 0, "[0,0,0]"), 1s);
  for (const std::size_t rows : {3U, 10U, 24U, 60U}) {
    std::istringstream text(top_text(at, at, {80, rows}));
    std::size_t lines = 0;
    for (std::string line; std::getline(text, line); ++lines) EXPECT_LE(line.size(), 110U) << line;
    EXPECT_LE(lines, rows);
    EXPECT_TRUE(rows < 24 || lines == rows) << lines;
  }
  EXPECT_THAT(top_text(at, at, {80, 24}), HasSubstr("more\n"));
  EXPECT_THAT(top_text(at, at, {0, 0}), Not(HasSubstr(" more\n")));
}

TEST(CtlTop, WhatIsNoAnswerIsNothing) {
  for (const char* text :
       {"", "7", "[]", "{}", "{\"workers\":7,\"services\":[1],\"pools\":[null],\"latency_bounds_us\":[\"x\"]}"}) {
    EXPECT_THAT(top_text(sample(text, 1s), sample(text, 1s), {80, 24}), HasSubstr("requests/s, p50 -")) << text;
  }
}

}  // namespace
}  // namespace prefork::cli
