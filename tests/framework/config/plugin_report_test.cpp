#include "framework/config/plugin_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace prefork::config {
namespace {

using testing::HasSubstr;

PluginReport sample() {
  PluginReport report;
  report.kind = ServiceKind::http;
  report.class_name = "Static";
  report.summary = "Serves files \xc3\xbc";
  report.options.push_back({"root", OptionType::text, std::nullopt, 0, 0, {}, "the folder", true});
  report.options.push_back({"name", OptionType::text, "", 0, 0, {}, "", true});
  report.options.push_back({"level", OptionType::integer, "-3", INT64_MIN, INT64_MAX, {}, "any"});
  report.options.push_back({"wait", OptionType::duration, "250ms", 0, 60'000, {}, "how long"});
  report.options.push_back({"room", OptionType::size, "65536", 1, INT64_MAX, {}, "how much"});
  report.options.push_back({"on", OptionType::flag, "off", 0, 0, {}, ""});
  report.options.push_back({"mode", OptionType::choice, "b", 0, 0, {"a", "b", ""}, "one of them"});
  report.shared.push_back({"jobs", SharedKind::queue, Scope::service, "what is to be done"});
  report.shared.push_back({"gate", SharedKind::semaphore, Scope::server, ""});
  report.shared.push_back({"roster",
                           SharedKind::table,
                           Scope::server,
                           "who is here",
                           {{"since", ColumnType::integer, 0}, {"nick", ColumnType::text, 32}}});
  report.signals = true;
  report.request_metrics = true;
  report.options[1].role = OptionRole::log_file;
  report.options[3].role = OptionRole::slow_limit;
  report.reads_given = true;
  report.seals = {"app.txt", "/srv/app"};
  return report;
}

void expect_equal(const PluginReport& a, const PluginReport& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.class_name, b.class_name);
  EXPECT_EQ(a.summary, b.summary);
  ASSERT_EQ(a.options.size(), b.options.size());
  for (std::size_t i = 0; i < a.options.size(); ++i) {
    const OptionSpec &x = a.options[i], &y = b.options[i];
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.type, y.type);
    EXPECT_EQ(x.default_value, y.default_value) << x.name;
    EXPECT_EQ(x.minimum, y.minimum);
    EXPECT_EQ(x.maximum, y.maximum);
    EXPECT_EQ(x.choices, y.choices);
    EXPECT_EQ(x.help, y.help);
    EXPECT_EQ(x.checked, y.checked) << x.name;
    EXPECT_EQ(x.role, y.role) << x.name;
  }
  EXPECT_EQ(a.signals, b.signals);
  EXPECT_EQ(a.request_metrics, b.request_metrics);
  EXPECT_EQ(a.reads_given, b.reads_given);
  EXPECT_EQ(a.seals, b.seals);
  ASSERT_EQ(a.shared.size(), b.shared.size());
  for (std::size_t i = 0; i < a.shared.size(); ++i) {
    const SharedSpec &x = a.shared[i], &y = b.shared[i];
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.kind, y.kind) << x.name;
    EXPECT_EQ(x.scope, y.scope) << x.name;
    EXPECT_EQ(x.help, y.help);
    EXPECT_EQ(x.columns, y.columns) << x.name;
  }
}

TEST(PluginReport, RoundTrip) {
  expect_equal(decode_report(encode_report(sample())), sample());
  expect_equal(decode_report(encode_report({})), {});
}

TEST(PluginReport, CutAnywhereItIsRefusedOrAnEndOfARecord) {
  const std::string bytes = encode_report(sample());
  unsigned whole = 0;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const std::string_view cut = std::string_view(bytes).substr(0, length);
    if (length > 0 && cut.back() == '\x1e') {
      EXPECT_NO_THROW(decode_report(cut));
      ++whole;
    } else {
      EXPECT_THROW(decode_report(cut), std::runtime_error) << length;
    }
  }
  EXPECT_EQ(whole, sample().options.size() + sample().shared.size() + sample().seals.size());
}

// Goal: whatever bytes come, they are refused with a std::runtime_error or give a report that can be shown.
TEST(PluginReport, DamagedBytesAreRefusedOrHarmless) {
  const std::string good = encode_report(sample());
  std::minstd_rand random(7);
  unsigned refused = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string bytes = good;
    for (unsigned n = random() % 4 + 1; n > 0; --n) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.erase(at, random() % 9 + 1);
          break;
        case 2:
          bytes.insert(at, 1, "\x1e\x1f-9\n"[random() % 5]);
          break;
        default:
          bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 40));
          break;
      }
      if (bytes.empty()) bytes = "x";
    }
    try {
      const PluginReport report = decode_report(bytes);
      const std::string text = describe_report(report, "p");
      for (const char c : text) ASSERT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
    } catch (const std::runtime_error& error) {
      ASSERT_THAT(error.what(), HasSubstr("its report is damaged: "));
      ++refused;
    }
  }
  EXPECT_GT(refused, 10'000U);
}

TEST(PluginReport, EveryByteValueAtEveryPlace) {
  const std::string good = encode_report(sample());
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(value);
      try {
        describe_report(decode_report(bytes), "p");
      } catch (const std::runtime_error&) {
      }
    }
  }
}

TEST(PluginReport, NumbersOutOfRangeAreRefused) {
  const std::string good = encode_report(sample());
  for (const std::string kind : {"3", "-1", "99999999999999999999", "", " 1", "1x", "0x1"}) {
    std::string bytes = good;
    bytes.replace(bytes.find("\x1f"
                             "2\x1f") +
                      1,
                  1, kind);
    EXPECT_THROW(decode_report(bytes), std::runtime_error) << kind;
  }
}

std::string refusal(const PluginReport& report) {
  try {
    decode_report(encode_report(report));
    return {};
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

TEST(PluginReport, OptionsAreFoundByTheirRoles) {
  PluginReport report = sample();
  ASSERT_NE(option_of(report, OptionRole::slow_limit), nullptr);
  EXPECT_EQ(option_of(report, OptionRole::slow_limit)->name, "wait");
  EXPECT_EQ(option_of(report, OptionRole::place_host), nullptr);
  report.options[0].role = OptionRole::log_file;
  EXPECT_THAT(refusal(report), HasSubstr("a role twice"));
}

// Each is a report that an honest manifest can't make.
TEST(PluginReport, SharedObjectsAreChecked) {
  const auto spec = [](std::string name) { return SharedSpec{std::move(name), SharedKind::table, Scope::service, ""}; };
  struct Case {
    std::function<void(PluginReport&)> change;
    std::string says;
  };
  const std::vector<Case> cases{
      {[](auto&) {}, ""},
      {[&](auto& r) { r.shared = {spec(std::string(40, 'n'))}; }, ""},
      {[&](auto& r) { r.shared = {spec("")}; }, "a shared object with an ill-formed name"},
      {[&](auto& r) { r.shared = {spec("a.b")}; }, "a shared object with an ill-formed name"},
      {[&](auto& r) { r.shared = {spec("a b")}; }, "a shared object with an ill-formed name"},
      {[&](auto& r) { r.shared = {spec("\xff")}; }, "a shared object with an ill-formed name"},
      {[&](auto& r) { r.shared = {spec(std::string(41, 'n'))}; }, "a shared object with an ill-formed name"},
      {[&](auto& r) {
         r.shared = {spec("a"), spec("b"), spec("a")};
       },
       "a shared object twice"},
      {[&](auto& r) { r.shared.assign(kMaxReportedObjects + 1, spec("a")); }, "a shared object twice"},
      {[&](auto& r) { r.shared[0].help = "a\tb"; }, "a control character"},
      {[&](auto& r) { r.shared[0].help = "a\x7f"; }, "a control character"},
      {[&](auto& r) { r.shared[0].kind = static_cast<SharedKind>(11); }, "a number out of range"},
      {[&](auto& r) { r.shared[0].scope = static_cast<Scope>(2); }, "a number out of range"},
      {[&](auto& r) { r.shared[2].columns[0].name = "A/B"; }, "a column with an ill-formed name"},
      {[&](auto& r) { r.shared[2].columns[0].type = static_cast<ColumnType>(3); }, "a number out of range"},
      {[&](auto& r) { r.shared[2].columns.resize(kMaxReportedColumns + 1, r.shared[2].columns[0]); },
       "too many columns"},
      {[&](auto& r) {
         for (int i = 0; i < 65; ++i) r.shared.push_back(spec("o" + std::to_string(i)));
       },
       "too many shared objects"},
      {[&](auto& r) { r.options.resize(kMaxReportedOptions + 1, r.options[0]); }, "too many options"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    PluginReport report = sample();
    cases[i].change(report);
    EXPECT_EQ(refusal(report), cases[i].says.empty() ? "" : "its report is damaged: " + cases[i].says) << i;
  }
}

TEST(PluginReport, ARecordOfAnotherKindIsRefused) {
  std::string bytes = encode_report(sample());
  bytes.replace(bytes.find("shared\x1f"), 6, "sharod");
  EXPECT_THROW(decode_report(bytes), std::runtime_error);
}

TEST(PluginReport, TooLongIsRefused) {
  PluginReport report;
  report.summary.assign(kMaxReportBytes, 'x');
  EXPECT_THROW(decode_report(encode_report(report)), std::runtime_error);
}

TEST(PluginReport, IsDescribedForPeople) {
  const std::string text = describe_report(sample(), "static");
  EXPECT_THAT(text, HasSubstr("static: Serves files \xc3\xbc (HTTP service)\n"));
  EXPECT_THAT(text, HasSubstr("text; must be given\n"));
  EXPECT_THAT(text, HasSubstr("text; default empty\n"));
  EXPECT_THAT(text, HasSubstr("integer; default -3\n"));
  EXPECT_THAT(text, HasSubstr("duration, at most 1m; default 250ms\n"));
  EXPECT_THAT(text, HasSubstr("size, at least 1; default 64KiB\n"));
  EXPECT_THAT(text, HasSubstr("on or off; default off\n"));
  EXPECT_THAT(text, HasSubstr("one of a b ; default b\n"));
  EXPECT_THAT(text, HasSubstr("shared between workers:\n"
                              "  jobs                 queue\n"
                              "                       what is to be done\n"
                              "  gate                 semaphore; of all services that declare it\n"
                              "  roster               table of integer since, text nick (32); of all services that "
                              "declare it\n"
                              "                       who is here\n"
                              "  signals to and from other workers\n"));
  EXPECT_THAT(describe_report({}, "p"), HasSubstr("(no summary)"));
  EXPECT_THAT(describe_report({}, "p"), testing::Not(HasSubstr("shared")));
}

TEST(PluginReport, SecretsAreOfAKindOfTheirOwn) {
  PluginReport report;
  report.options.push_back({"token", OptionType::secret, "", 0, 0, {}, "who may"});
  report.options.push_back({"key", OptionType::secret, std::nullopt, 0, 0, {}, ""});
  report.options.push_back({"odd", OptionType::secret, "hunter2", 0, 0, {}, ""});
  const PluginReport read = decode_report(encode_report(report));
  EXPECT_EQ(read.options.at(0).type, OptionType::secret);
  EXPECT_EQ(read.options.at(0).default_value, "");
  EXPECT_EQ(read.options.at(1).default_value, std::nullopt);
  const std::string text = describe_report(read, "p");
  EXPECT_THAT(text, HasSubstr("  token                secret; default empty\n                       who may\n"));
  EXPECT_THAT(text, HasSubstr("  key                  secret; must be given\n"));
  EXPECT_THAT(text, HasSubstr("  odd                  secret; has a default\n"));
}

TEST(PluginReport, WhatAServiceNeedsIsTold) {
  PluginReport report;
  report.options.push_back({"root", OptionType::folder, std::nullopt, 0, 0, {}, ""});
  report.options.push_back({"page", OptionType::file, "", 0, 0, {}, ""});
  EXPECT_FALSE(decode_report(encode_report(report)).asks_master);
  report.asks_master = true;
  const PluginReport read = decode_report(encode_report(report));
  EXPECT_TRUE(read.asks_master);
  EXPECT_FALSE(read.signals);
  EXPECT_EQ(read.options.at(0).type, OptionType::folder);
  EXPECT_EQ(read.options.at(1).type, OptionType::file);
  const std::string text = describe_report(read, "p");
  EXPECT_THAT(text, HasSubstr("  root                 folder; must be given\n"));
  EXPECT_THAT(text, HasSubstr("  page                 file; default empty\n"));
  EXPECT_THAT(text, HasSubstr("needs master-access in its pool\n"));
}

TEST(PluginReport, ADefaultMayHaveAnyUnit) {
  PluginReport report;
  report.options.push_back({"a", OptionType::duration, "30s", 0, INT64_MAX, {}, ""});
  report.options.push_back({"b", OptionType::size, "4KiB", 0, INT64_MAX, {}, ""});
  report.options.push_back({"c", OptionType::duration, "soon", INT64_MIN, INT64_MAX, {}, ""});
  const std::string text = describe_report(report, "p");
  EXPECT_THAT(text, HasSubstr("duration; default 30s\n"));
  EXPECT_THAT(text, HasSubstr("size; default 4KiB\n"));
  EXPECT_THAT(text, HasSubstr("duration; default soon\n"));
}

}  // namespace
}  // namespace prefork::config
