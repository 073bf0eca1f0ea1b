#include "framework/master/generation/shared_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>

#include "framework/config/config_error.hpp"
#include "framework/config/service_options.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

using prefork::test::thrown_by;
using testing::HasSubstr;
using namespace std::chrono_literals;
using Given = std::map<std::string, std::string>;

config::PluginReport queue_report(Scope scope = Scope::service) {
  config::PluginReport report;
  report.shared.push_back({"jobs", SharedKind::queue, scope, ""});
  report.options = {{"jobs-capacity", OptionType::integer, "1024", 0, 1 << 24, {}, ""},
                    {"jobs-message-bytes", OptionType::size, "256", 1, 1 << 24, {}, ""},
                    {"jobs-max-deliveries", OptionType::integer, "5", 0, 1 << 24, {}, ""},
                    {"jobs-dead-letters", OptionType::integer, "64", 0, 1 << 24, {}, ""},
                    {"jobs-hold-limit", OptionType::duration, "0", 0, 86'400'000, {}, ""}};
  return report;
}

config::PluginReport channel_report(Scope scope = Scope::service) {
  config::PluginReport report;
  report.shared.push_back({"talk", SharedKind::channel, scope, ""});
  report.options = {{"talk-ends", OptionType::text, "0 1", 0, 0, {}, ""},
                    {"talk-capacity", OptionType::integer, "16", 0, 1 << 24, {}, ""},
                    {"talk-message-bytes", OptionType::size, "64", 1, 1 << 24, {}, ""}};
  return report;
}

config::PluginReport plain_report(std::string name, SharedKind kind, Scope scope = Scope::server) {
  config::PluginReport report;
  report.shared.push_back({std::move(name), kind, scope, ""});
  return report;
}

/// Services as a file "a.conf" would have them: [service N] stands in line 10 N, its options in the lines after it.
class SharedPlanTest : public testing::Test {
 protected:
  void service(const std::string& name, config::PluginReport report, const Given& given = {},
               const std::string& pool = "main") {
    config::ServiceOptions& options = options_.emplace_back();
    options.name = name;
    options.plugin = "p";
    options.pool = pool;
    std::size_t line = 10 * options_.size();
    options.origin.text = "a.conf:" + std::to_string(line);
    for (const auto& [key, value] : given) options.own[key] = {value, {"a.conf:" + std::to_string(++line)}};
    reports_.push_back(std::move(report));
    const auto checked = config::check_service_options(options, reports_.back().options);
    values_.emplace_back(checked.begin(), checked.end());
  }
  SharedPlan plan() {
    std::vector<SharingService> services;
    for (std::size_t i = 0; i < options_.size(); ++i) services.push_back({options_[i], reports_[i], values_[i]});
    std::vector<config::PoolOptions> pools(2);
    pools[0].name = "main";
    pools[1].name = "jobs";
    return plan_shared(services, pools);
  }
  std::string fault() {
    return thrown_by([this] { plan(); });
  }

  std::deque<config::ServiceOptions> options_;
  std::deque<config::PluginReport> reports_;
  std::deque<std::map<std::string, std::string, std::less<>>> values_;
};

TEST_F(SharedPlanTest, SizesComeFromTheOptions) {
  service("web", queue_report(),
          {{"jobs-capacity", "2048"},
           {"jobs-hold-limit", "3s"},
           {"jobs-max-deliveries", "2"},
           {"jobs-message-bytes", "1KiB"}});
  const SharedPlan made = plan();
  ASSERT_EQ(made.objects.size(), 1U);
  EXPECT_EQ(made.objects[0].name, "web.jobs");
  EXPECT_EQ(made.objects[0].shape, (ipc::SharedShape{ipc::SharedKind::queue, 2048, 1024, 64, 0, {}}));
  EXPECT_EQ(made.objects[0].hold_limit, 3s);
  ASSERT_EQ(made.services.at(0).objects.size(), 1U);
  EXPECT_EQ(made.services[0].objects[0].name, "jobs");
  EXPECT_EQ(made.services[0].objects[0].max_deliveries, 2U);
  EXPECT_FALSE(made.services[0].signals);
  EXPECT_FALSE(made.signals);
}

TEST_F(SharedPlanTest, AShapeThatCanNotBeIsToldWhereItWasWritten) {
  struct Case {
    Given given;
    std::string begins;
  };
  const std::vector<Case> cases{
      {{{"jobs-capacity", "1000"}},
       "a.conf:11: jobs-capacity in [service web]: capacity is 1000, which is no power of two"},
      {{{"jobs-capacity", "0"}}, "a.conf:11: jobs-capacity in [service web]: capacity is 0, which is no power of two"},
      {{{"jobs-capacity", "16777216"}}, "a.conf:11: jobs-capacity in [service web]: capacity is 16777216"},
      {{{"jobs-dead-letters", "16777216"}}, "a.conf:11: jobs-dead-letters in [service web]: dead-letters is 16777216"},
      {{{"jobs-capacity", "64"}, {"jobs-dead-letters", "16777216"}, {"jobs-max-deliveries", "1"}},
       "a.conf:12: jobs-dead-letters in [service web]: "},
  };
  for (const auto& [given, begins] : cases) {
    options_.clear(), reports_.clear(), values_.clear();
    service("web", queue_report(), given);
    EXPECT_THAT(fault(), testing::StartsWith(begins));
  }
  options_.clear(), reports_.clear(), values_.clear();
  config::PluginReport bad_default = queue_report();
  bad_default.options[0].default_value = "1000";
  service("web", std::move(bad_default));
  EXPECT_THAT(fault(), testing::StartsWith("a.conf:10: queue jobs in [service web]: capacity is 1000"));
}

TEST_F(SharedPlanTest, ServicesShareWhatIsTheServers) {
  service("a", queue_report(Scope::server), {{"jobs-hold-limit", "5s"}, {"jobs-max-deliveries", "1"}});
  service("b", queue_report(Scope::server), {{"jobs-hold-limit", "2s"}, {"jobs-max-deliveries", "9"}}, "jobs");
  service("c", queue_report());
  const SharedPlan made = plan();
  ASSERT_EQ(made.objects.size(), 2U);
  EXPECT_EQ(made.objects[0].name, "jobs");
  EXPECT_EQ(made.objects[1].name, "c.jobs");
  EXPECT_EQ(made.objects[0].hold_limit, 2s) << "the strictest";
  EXPECT_EQ(made.services[1].objects[0].object, 0U);
  EXPECT_EQ(made.services[1].objects[0].max_deliveries, 9U) << "each its own";
}

TEST_F(SharedPlanTest, DeclarationsThatDifferAreRefusedWithBothPlaces) {
  service("a", queue_report(Scope::server));
  service("b", queue_report(Scope::server), {{"jobs-capacity", "512"}});
  EXPECT_EQ(fault(),
            "a.conf:20: [service b] declares the shared object \"jobs\" with 512 messages of 256 bytes and 64 dead "
            "letters, but [service a] (a.conf:10) with 1024 messages of 256 bytes and 64 dead letters");
}

TEST_F(SharedPlanTest, KindsThatDifferAreRefused) {
  service("a", plain_report("x", SharedKind::event));
  service("b", plain_report("x", SharedKind::counter));
  EXPECT_EQ(fault(),
            "a.conf:20: [service b] declares the shared object \"x\" as a counter, but [service a] (a.conf:10) as an "
            "event");
}

TEST_F(SharedPlanTest, NamesOfOtherScopesCanNotMeet) {
  service("talk", plain_report("to-first", SharedKind::event, Scope::service));
  service("b", channel_report(Scope::server));
  EXPECT_EQ(fault(),
            "a.conf:20: [service b] declares the shared object \"talk.to-first\" for itself, but [service talk] "
            "(a.conf:10) has an object of that name");
}

TEST_F(SharedPlanTest, AChannelIsTwoQueues) {
  service("web", channel_report(), {{"talk-ends", "1 jobs/*"}});
  const SharedPlan made = plan();
  ASSERT_EQ(made.objects.size(), 2U);
  EXPECT_EQ(made.objects[0].name, "web.talk.to-second");
  EXPECT_EQ(made.objects[1].name, "web.talk.to-first");
  EXPECT_EQ(made.objects[0].shape, (ipc::SharedShape{ipc::SharedKind::queue, 16, 64, 0, 0, {}}));
  EXPECT_TRUE(made.services[0].objects.empty());
  const ChannelUse& use = made.services[0].channels.at(0);
  EXPECT_EQ(channel_end_text(use.first) + channel_end_text(use.second), "main/1jobs/*");
  EXPECT_EQ(use.to_second, 0U);
  EXPECT_EQ(use.to_first, 1U);
}

TEST_F(SharedPlanTest, EndsAreTakenFromTheirServicesPool) {
  service("a", channel_report(Scope::server));
  service("b", channel_report(Scope::server), {}, "jobs");
  EXPECT_EQ(fault(),
            "a.conf:20: [service b] declares the shared object \"talk.to-second\" between jobs/0 and jobs/1, but "
            "[service a] (a.conf:10) between main/0 and main/1");
}

TEST_F(SharedPlanTest, EndsThatAreNoneAreToldWhereTheyWereWritten) {
  service("web", channel_report(), {{"talk-ends", "0 job/1"}});
  EXPECT_EQ(fault(),
            "a.conf:11: talk-ends in [service web]: there is no pool \"job\" for the end \"job/1\"; did you mean "
            "\"jobs\"?");
}

TEST_F(SharedPlanTest, SignalsAreOneTopic) {
  config::PluginReport report;
  report.signals = true;
  service("a", report);
  service("b", {});
  service("c", report);
  const SharedPlan made = plan();
  ASSERT_EQ(made.objects.size(), 1U);
  EXPECT_EQ(made.objects[0].name, "signals");
  EXPECT_EQ(made.objects[0].shape, (ipc::SharedShape{ipc::SharedKind::topic, 1024, 1088, 0, 0, {}}));
  EXPECT_EQ(made.signals, 0U);
  EXPECT_TRUE(made.services[0].signals && !made.services[1].signals && made.services[2].signals);
}

TEST_F(SharedPlanTest, TheFrameworkMeasuresHttpServices) {
  config::PluginReport http;
  http.kind = ServiceKind::http;
  http.request_metrics = true;
  service("web", http);
  service("echo", {});
  service("site", http);
  const SharedPlan made = plan();
  ASSERT_EQ(made.objects.size(), 4U);
  const auto expect = [&](std::optional<std::size_t> place, const char* name, ipc::SharedKind kind) {
    ASSERT_TRUE(place) << name;
    EXPECT_EQ(made.objects[*place].name, name);
    EXPECT_EQ(made.objects[*place].shape.kind, kind) << name;
  };
  expect(made.services[0].request_times, "web.http.request-times", ipc::SharedKind::histogram);
  expect(made.services[0].responses, "web.http.responses", ipc::SharedKind::counter);
  EXPECT_FALSE(made.services[1].responses);
  expect(made.services[2].responses, "site.http.responses", ipc::SharedKind::counter);
}

TEST(FullShapeText, HasAllThatShapesCanDifferIn) {
  using ipc::SharedKind;
  const std::vector<std::pair<ipc::SharedShape, std::string>> cases{
      {{SharedKind::queue, 8, 64, 4, 0, {}}, "8 messages of 64 bytes and 4 dead letters"},
      {{SharedKind::queue, 8, 64, 0, 0, {}}, "8 messages of 64 bytes"},
      {{SharedKind::semaphore, 3, 0, 0, 0, {}}, "3 permits"},
      {{SharedKind::table, 9, 0, 0, 32, {{"since", ipc::ColumnType::integer, 0}, {"nick", ipc::ColumnType::text, 16}}},
       "9 rows with keys of 32 bytes, integer since, text nick of 16 bytes"},
  };
  for (const auto& [shape, text] : cases) EXPECT_EQ(full_shape_text(shape), text);
}

// Reports that no honest manifest makes.
TEST_F(SharedPlanTest, AReportWithoutItsOptionsIsRefused) {
  struct Case {
    std::function<void(config::PluginReport&)> change;
    std::string option;
  };
  const std::vector<Case> cases{
      {[](auto& r) { r.options.erase(r.options.begin()); }, "jobs-capacity"},
      {[](auto& r) { r.options.pop_back(); }, "jobs-hold-limit"},
      {[](auto& r) { r.options[0] = {"jobs-capacity", OptionType::text, "many", 0, 0, {}, ""}; }, "jobs-capacity"},
      {[](auto& r) { r.options[0] = {"jobs-capacity", OptionType::integer, "-4", INT64_MIN, INT64_MAX, {}, ""}; },
       "jobs-capacity"},
      {[](auto& r) { r.options[0] = {"jobs-capacity", OptionType::integer, "4294967296", 0, INT64_MAX, {}, ""}; },
       "jobs-capacity"},
  };
  for (const auto& [change, option] : cases) {
    options_.clear(), reports_.clear(), values_.clear();
    config::PluginReport report = queue_report();
    change(report);
    service("web", std::move(report));
    EXPECT_EQ(fault(),
              "a.conf:10: the plugin \"p\" declares the queue \"jobs\" without a proper option \"" + option + "\"");
  }
}

TEST_F(SharedPlanTest, MemoryIsChecked) {
  service("web", queue_report(), {{"jobs-capacity", "65536"}, {"jobs-message-bytes", "4KiB"}});
  service("b", queue_report(), {{"jobs-capacity", "32768"}, {"jobs-message-bytes", "4KiB"}});
  const SharedPlan made = plan();
  EXPECT_NO_THROW(check_memory(made, 64, 1U << 30));
  EXPECT_THAT(thrown_by([&] { check_memory(made, 64, 128U << 20); }),
              testing::MatchesRegex("a.conf:10: queue web.jobs would take [0-9]+ bytes of memory, and the machine has "
                                    "134217728"));
  EXPECT_THAT(thrown_by([&] { check_memory(made, 64, 300U << 20); }),
              testing::MatchesRegex("a.conf:10: the shared objects would take [0-9]+ bytes of memory, and the machine "
                                    "has 314572800; the largest is queue web.jobs with [0-9]+"));
}

}  // namespace
}  // namespace prefork::master
