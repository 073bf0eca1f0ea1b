#include "framework/master/upgrade/handover.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <random>
#include <stdexcept>

namespace prefork::master {
namespace {

const std::string kLayout = "layout 7";

TimePoint at(std::int64_t count) { return TimePoint(TimePoint::duration(count)); }

/// Every member differs from what it is by itself.
Handover full() {
  Handover h;
  h.master = 4711;
  h.version = "1.2.3";
  h.lost = 4711;
  h.started = at(123456789012345);
  h.last_number = 7;
  h.last_reload = "generation 6 serves";
  h.reloads_done = 7;
  h.reloads_failed = 8;
  h.wants_reload = true;
  h.reload_only = "main";
  h.notify_socket = "@notify";
  h.watchdog_us = 8;
  h.tells_pid = true;
  h.was_ready = true;
  h.lost_lines = {{"/log", 9}};
  h.pid_file = 10;
  h.control = 11;
  h.seats = {{9, 12}};
  h.wakeups = {{13, 113}, {14, 114}, {15, 115}};
  h.plugins = {{"/p/a.so", 16, std::string("a\x1f\x1e\0b", 6)}};
  ipc::SharedShape shape{ipc::SharedKind::table, 8, 64, 4, 16, {{"name", ipc::ColumnType::text, 9}}};
  h.objects = {{"web.rows", shape, 17, 18, 5}, {"gate", {}, 19, -1, 0}};
  h.sockets = {{20, "", "/run/x.sock", {1, 2}}, {21, "web", "", {0, 0}}};
  HandedGeneration generation;
  generation.number = 6;
  generation.config = "[pool main]\nworkers = 2\n";
  generation.plugins = {0};
  generation.services = {{0, {{"root", "/srv, \"x\": 3:"}, {"empty", ""}}}};
  generation.identities = {{"main", {33, 34, {4, 5}, "www-data"}}};
  generation.objects = {1, 0};
  generation.listeners = {
      {{0}, "unix:/run/x.sock", config::ListenScheme::unix_stream, false, "unix:/run/x.sock", {0, 1}}};
  h.generations = {generation, generation};
  h.pools = {
      {3, 1, 0, 9, PoolRole::leaving, 2, true, {4, 5, ThrottleReason::fast_exit, at(-1), at(2), at(3), at(4), at(5)}},
      {4, 0, 0, 9, PoolRole::serving, 3, false, {}}};
  h.next_pool = 5;
  h.next_number = 10;
  h.workers = {{3, 1, 2, 6, 4712, 22, 23, 122, 123, WorkerState::retiring, at(5), at(6), at(7), ExitIntent::retired,
                "why\n", "x"},
               {4, 0, 0, 6, 4713, 24, 25, 124, 125, WorkerState::ready, at(5), at(6), std::nullopt, {}, "", ""}};
  h.writers = {{"/log", 26, 27, 30, 31, 4714, 5, 6}, {"/old", 28, -1, 32, 33, -1, 0, 0}};
  h.clients = {{29, ControlAccess::operate, true, {"sta", "{\"ok\"", true, true, true}, Awaited::upgrade}};
  h.retained = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, UINT64_MAX};
  h.departures = {1, 0, 3};
  h.recycled = {{"max-rss", 2}};
  return h;
}

std::string refusal(const std::string& text) {
  try {
    decode_handover(text, kLayout);
    return "(none)";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

TEST(Handover, ReadsBackToTheSame) {
  const std::string text = encode_handover(full(), kLayout);
  const Handover back = decode_handover(text, kLayout);
  EXPECT_EQ(encode_handover(back, kLayout), text);
  EXPECT_EQ(back.workers[0].start_error, "why\n");
  EXPECT_EQ(back.plugins[0].report.size(), 6U);
  EXPECT_EQ(back.generations[0].services[0].options.at("root"), "/srv, \"x\": 3:");
  EXPECT_EQ(back.pools[0].policy.last_failure, at(-1));
  EXPECT_EQ(back.retained[10], UINT64_MAX);
  EXPECT_EQ(descriptors_of(back).size(), 31U);
}

TEST(Handover, BringsSealedFiles) {
  Handover handover = full();
  handover.plugins[0].files = {{"app.txt", 60}};
  const Handover back = decode_handover(encode_handover(handover, kLayout), kLayout);
  EXPECT_EQ(back.plugins[0].files.at(0).name, "app.txt");
  EXPECT_EQ(back.plugins[0].files.at(0).copy, 60);
  EXPECT_EQ(descriptors_of(back).size(), descriptors_of(full()).size() + 1);
}

TEST(Handover, EveryCutIsRefused) {
  const std::string text = encode_handover(full(), kLayout);
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_NE(refusal(text.substr(0, length)), "(none)") << length;
  }
  EXPECT_NE(refusal(text + "0,"), "(none)");
}

TEST(Handover, EveryChangedByteIsRefused) {
  std::string text = encode_handover(full(), kLayout);
  for (char& byte : text) {
    byte = static_cast<char>(byte ^ 1);
    EXPECT_NE(refusal(text), "(none)");
    byte = static_cast<char>(byte ^ 1);
  }
}

TEST(Handover, AnotherVersionOrLayoutIsNamed) {
  const std::string text = encode_handover(full(), "layout 8");
  EXPECT_EQ(refusal(text), "what workers share has another layout: \"layout 8\", not \"layout 7\"");
  EXPECT_NE(refusal("prefork-handover 1" + text.substr(text.find('\n'))).find("another version"), std::string::npos);
  EXPECT_NE(refusal("").find("damaged"), std::string::npos);
}

// A damaged text with a correct checksum is read or refused, but never trusted beyond its lists.
TEST(Handover, NonsenseIsReadOrRefused) {
  const std::string good = encode_handover(full(), kLayout);
  const std::size_t body_at = good.find('\n', good.find('\n', good.find('\n') + 1) + 1) + 1;
  std::minstd_rand random(7);
  int refused = 0;
  for (int i = 0; i < 5'000; ++i) {
    std::string body = good.substr(body_at);
    for (auto n = random() % 3 + 1; n > 0; --n) body[random() % body.size()] = "0123456789,:-x\n"[random() % 15];
    std::uint64_t hash = 14695981039346656037U;
    for (const char byte : body) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211U;
    const std::string text = "prefork-handover 4\n" + kLayout + "\n" + std::to_string(hash) + "\n" + body;
    refused += refusal(text) == "(none)" ? 0 : 1;
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 5000) << "a changed letter of a text is not seen without its checksum";
}

struct Wrong {
  const char* name;
  std::function<void(Handover&)> make;
  const char* reason;
};
void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }
class WrongHandover : public testing::TestWithParam<Wrong> {};
TEST_P(WrongHandover, IsRefused) {
  Handover handover = full();
  GetParam().make(handover);
  EXPECT_NE(refusal(encode_handover(handover, kLayout)).find(GetParam().reason), std::string::npos)
      << refusal(encode_handover(handover, kLayout));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongHandover,
    testing::Values(
        Wrong{"master", [](Handover& h) { h.master = 0; }, "no master"},
        Wrong{"no_generation", [](Handover& h) { h.generations.clear(); }, "no generation"},
        Wrong{"no_wakeup", [](Handover& h) { h.wakeups.clear(); }, "no generation"},
        Wrong{"plugin", [](Handover& h) { h.generations[1].plugins[0] = 1; }, "beyond"},
        Wrong{"object", [](Handover& h) { h.generations[0].objects[0] = 2; }, "beyond"},
        Wrong{"service", [](Handover& h) { h.generations[0].services[0].plugin = 1; }, "beyond"},
        Wrong{"listener_service", [](Handover& h) { h.generations[0].listeners[0].services = {1}; }, "beyond"},
        Wrong{"listener_of_none", [](Handover& h) { h.generations[0].listeners[0].services = {}; }, "without"},
        Wrong{"socket", [](Handover& h) { h.generations[0].listeners[0].sockets = {2}; }, "beyond"},
        Wrong{"pool_generation", [](Handover& h) { h.pools[0].generation = 2; }, "beyond"},
        Wrong{"pool_twice", [](Handover& h) { h.pools[0].id = 4; }, "twice"},
        Wrong{"pool_to_come", [](Handover& h) { h.next_pool = 4; }, "twice"},
        Wrong{"rolling", [](Handover& h) { h.pools[0].role = PoolRole::incoming; }, "roll"},
        Wrong{"worker_of_no_pool", [](Handover& h) { h.workers[0].pool = 0; }, "no pool"},
        Wrong{"slot", [](Handover& h) { h.workers[0].slot = 3; }, "beyond"},
        Wrong{"slot_twice", [](Handover& h) { h.workers[0].slot = 0; }, "twice"},
        Wrong{"pid_twice", [](Handover& h) { h.workers[0].pid = 4713; }, "twice"},
        Wrong{"pid", [](Handover& h) { h.workers[0].pid = -1; }, "twice"},
        Wrong{"gone", [](Handover& h) { h.workers[0].state = WorkerState::gone; }, "unknown word"},
        Wrong{"descriptor_twice", [](Handover& h) { h.workers[0].control = 13; }, "twice"},
        Wrong{"standard_descriptor", [](Handover& h) { h.sockets[0].fd = 2; }, "twice"},
        Wrong{"no_descriptor", [](Handover& h) { h.workers[1].status = -1; }, "twice"}),
    [](const auto& which) { return std::string(which.param.name); });

}  // namespace
}  // namespace prefork::master
