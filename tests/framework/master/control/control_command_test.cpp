#include "framework/master/control/control_command.hpp"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <random>

namespace prefork::master {
namespace {

// The command as a word, for tables: "scale jobs +2", "error: SENTENCE".
std::string told(std::string_view line) {
  struct Teller {
    std::string operator()(const StatusCommand&) const { return "status"; }
    std::string operator()(const WorkersCommand&) const { return "workers"; }
    std::string operator()(const ScaleCommand& scale) const {
      if (scale.automatic) return "scale " + scale.pool + " by itself";
      return "scale " + scale.pool + (scale.relative ? " by " : " to ") + std::to_string(scale.amount);
    }
    std::string operator()(const StopCommand& stop) const { return stop.fast ? "stop fast" : "stop"; }
    std::string operator()(const ReopenCommand&) const { return "reopen"; }
    std::string operator()(const ReloadCommand& reload) const {
      std::string text =
          "reload" + (reload.only ? " of " + *reload.only : "") + (reload.wait ? "" : " without waiting");
      for (const std::string& name : reload.discard) text += ", discarding " + name;
      return text;
    }
    std::string operator()(const UpgradeCommand& upgrade) const {
      return "upgrade" + (upgrade.binary ? " to " + *upgrade.binary : "");
    }
    std::string operator()(const IpcCommand&) const { return "ipc"; }
    std::string operator()(const MetricsCommand&) const { return "metrics"; }
    std::string operator()(const EventsCommand& events) const { return "events since " + std::to_string(events.since); }
    std::string operator()(const QueueCommand& queue) const {
      constexpr const char* kActions[] = {"list", "requeue", "drop"};
      return std::string("queue ") + kActions[static_cast<std::size_t>(queue.action)] + " of " + queue.queue +
             (queue.most ? " at most " + std::to_string(*queue.most) : "");
    }
  };
  const auto parsed = parse_command(line);
  if (const auto* error = std::get_if<CommandError>(&parsed)) return "error: " + error->text;
  return std::visit(Teller{}, std::get<ControlCommand>(parsed));
}

struct Line {
  const char* line;
  const char* expected;
};
class ControlLine : public testing::TestWithParam<Line> {};
TEST_P(ControlLine, IsRead) { EXPECT_EQ(told(GetParam().line), GetParam().expected); }

INSTANTIATE_TEST_SUITE_P(
    Good, ControlLine,
    testing::Values(Line{"status", "status"}, Line{"workers", "workers"}, Line{"reopen", "reopen"},
                    Line{"reload", "reload"}, Line{"upgrade", "upgrade"}, Line{"stop", "stop"},
                    Line{"upgrade /usr/sbin/x", "upgrade to /usr/sbin/x"}, Line{"stop --fast", "stop fast"},
                    Line{" \t status \r", "status"}, Line{"scale main 4", "scale main to 4"},
                    Line{"scale  main\t0", "scale main to 0"}, Line{"scale main +1", "scale main by 1"},
                    Line{"scale main -1", "scale main by -1"}, Line{"scale main 65534", "scale main to 65534"},
                    Line{"scale 4 4", "scale 4 to 4"}, Line{"scale main auto", "scale main by itself"},
                    Line{"ipc", "ipc"}, Line{"queue list web.jobs", "queue list of web.jobs"},
                    Line{"queue requeue web.jobs", "queue requeue of web.jobs"},
                    Line{"queue requeue web.jobs 3", "queue requeue of web.jobs at most 3"},
                    Line{"queue drop web.jobs", "queue drop of web.jobs"}, Line{"metrics", "metrics"},
                    Line{"reload --only jobs", "reload of jobs"}, Line{"reload --no-wait", "reload without waiting"},
                    Line{"reload --no-wait --only jobs", "reload of jobs without waiting"},
                    Line{"reload --discard a.q --discard b.q", "reload, discarding a.q, discarding b.q"},
                    Line{"events", "events since 0"}, Line{"events 17", "events since 17"},
                    Line{"events 18446744073709551615", "events since 18446744073709551615"}));

INSTANTIATE_TEST_SUITE_P(
    Bad, ControlLine,
    testing::Values(
        Line{"", "error: the line has no command"}, Line{"  \t ", "error: the line has no command"},
        Line{"statsu", "error: unknown command \"statsu\"; did you mean \"status\"?"},
        Line{"xyzzy", "error: unknown command \"xyzzy\""},
        Line{"Status", "error: unknown command \"Status\"; did you mean \"status\"?"},
        Line{"status now", "error: status takes no arguments; \"now\" is one too many"},
        Line{"stop --slow", "error: stop takes --fast or nothing, not \"--slow\""},
        Line{"stop --fast x", "error: stop takes --fast or nothing, not \"x\""},
        Line{"scale", "error: scale takes a pool and a number: scale POOL N, +N, -N or auto"},
        Line{"scale main", "error: scale takes a pool and a number: scale POOL N, +N, -N or auto"},
        Line{"scale main 1 2", "error: scale takes a pool and a number: scale POOL N, +N, -N or auto"},
        Line{"scale main x", "error: scale takes N, +N or -N with N from 0 to 65534, or auto, not \"x\""},
        Line{"scale main +", "error: scale takes N, +N or -N with N from 0 to 65534, or auto, not \"+\""},
        Line{"scale main --1", "error: scale takes N, +N or -N with N from 0 to 65534, or auto, not \"--1\""},
        Line{"scale main +-1", "error: scale takes N, +N or -N with N from 0 to 65534, or auto, not \"+-1\""},
        Line{"scale main 1x", "error: scale takes N, +N or -N with N from 0 to 65534, or auto, not \"1x\""},
        Line{"scale main 65535", "error: scale takes N, +N or -N with N from 0 to 65534, or auto, not \"65535\""},
        Line{"ipc now", "error: ipc takes no arguments; \"now\" is one too many"},
        Line{"queue", "error: queue takes list NAME, requeue NAME [N] or drop NAME"},
        Line{"queue list", "error: queue takes list NAME, requeue NAME [N] or drop NAME"},
        Line{"queue lits jobs",
             "error: queue takes list NAME, requeue NAME [N] or drop NAME, not \"lits\"; did you mean "
             "\"list\"?"},
        Line{"queue list jobs 3", "error: queue takes list NAME, requeue NAME [N] or drop NAME; \"3\" is one too many"},
        Line{"queue requeue jobs 3 4",
             "error: queue takes list NAME, requeue NAME [N] or drop NAME; \"4\" is one too many"},
        Line{"reload now", "error: reload takes --only POOL, --discard QUEUE and --no-wait, not \"now\""},
        Line{"reload --discard", "error: reload takes --only POOL, --discard QUEUE and --no-wait, not \"--discard\""},
        Line{"reload --only", "error: reload takes --only POOL, --discard QUEUE and --no-wait, not \"--only\""},
        Line{"metrics now", "error: metrics takes no arguments; \"now\" is one too many"},
        Line{"events x", "error: events takes the number of the last one known or nothing, not \"x\""},
        Line{"events -1", "error: events takes the number of the last one known or nothing, not \"-1\""},
        Line{"events 1 2", "error: events takes the number of the last one known or nothing, not \"2\""},
        Line{"queue requeue jobs 0", "error: requeue takes a number from 1 to 1000000000, not \"0\""},
        Line{"queue requeue jobs -1", "error: requeue takes a number from 1 to 1000000000, not \"-1\""},
        Line{"queue requeue jobs 1x", "error: requeue takes a number from 1 to 1000000000, not \"1x\""},
        Line{"scale main 99999999999",
             "error: scale takes N, +N or -N with N from 0 to 65534, or auto, not \"99999999999\""}));

TEST(ControlCommand, EveryCutOfAGoodLineIsReadOrRefused) {
  for (const std::string line : {"stop --fast", "scale main +12", "workers"}) {
    for (std::size_t length = 0; length < line.size(); ++length) {
      const std::string result = told(line.substr(0, length));
      const bool shorter_command = result == "stop" || result.starts_with("scale main by 1");
      EXPECT_TRUE(shorter_command || result.starts_with("error: ")) << line.substr(0, length) << " -> " << result;
    }
  }
}

// A command that nobody has thought about here needs all rights.
TEST(ControlCommand, HasTheAccessThatItNeeds) {
  const std::map<std::string, ControlAccess> expected{
      {"status", ControlAccess::read},    {"workers", ControlAccess::read},     {"ipc", ControlAccess::read},
      {"metrics", ControlAccess::read},   {"events", ControlAccess::read},      {"scale a 1", ControlAccess::operate},
      {"reload", ControlAccess::operate}, {"reopen", ControlAccess::operate},   {"stop", ControlAccess::full},
      {"upgrade", ControlAccess::full},   {"queue list a", ControlAccess::full}};
  for (const auto& [line, access] : expected) {
    EXPECT_EQ(needed_access(std::get<ControlCommand>(parse_command(line))), access) << line;
  }
}

TEST(ControlCommand, LengthIsBounded) {
  EXPECT_EQ(told("status" + std::string(kMaxCommandBytes - 6, ' ')), "status");
  EXPECT_EQ(told("status" + std::string(kMaxCommandBytes - 5, ' ')), "error: the line is longer than 1024 bytes");
}

TEST(ControlCommand, AnyBytesAreAnswered) {
  std::minstd_rand random(7);
  for (int i = 0; i < 5'000; ++i) {
    std::string line(random() % 64, '\0');
    for (char& c : line) c = static_cast<char>(random() % 256);
    const auto parsed = parse_command(line);
    if (const auto* error = std::get_if<CommandError>(&parsed)) {
      EXPECT_TRUE(nlohmann::json::accept(answer_error(error->text, kExitUsage)));
    }
  }
}

TEST(ControlAnswer, IsOneLine) {
  EXPECT_EQ(answer_ok(), "{\"ok\":true}\n");
  EXPECT_EQ(answer_ok("message", "pool main: 4 workers"), "{\"ok\":true,\"message\":\"pool main: 4 workers\"}\n");
  EXPECT_EQ(answer_error("no\nway", 64), "{\"ok\":false,\"error\":\"no\\nway\",\"exit\":64}\n");
}

}  // namespace
}  // namespace prefork::master
