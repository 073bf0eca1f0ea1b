#include "framework/master/log/log_line.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "framework/base/json_string.hpp"
#include "framework/base/visible.hpp"

namespace prefork::master {
namespace {

constexpr std::array<std::string_view, 5> kNames{"debug", "info", "notice", "warning", "error"};
constexpr std::array kSeverities{7, 6, 5, 4, 3};

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out.append(",\"").append(name).append("\":");
  base::append_json_string(out, value);
}

/// The line with its line end, cut to what can be written at once.
std::string bounded(std::string line) {
  if (line.size() >= kMaxLogLine) line.resize(kMaxLogLine - 1);
  line += '\n';
  return line;
}

}  // namespace

LogLevel log_level(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  return found == kNames.end() ? LogLevel::info : static_cast<LogLevel>(found - kNames.begin());
}

std::string_view log_level_name(LogLevel level) noexcept { return kNames[static_cast<std::size_t>(level)]; }

int severity(LogLevel level) noexcept { return kSeverities[static_cast<std::size_t>(level)]; }

std::string log_time(const timespec& time) {
  tm parts{};
  ::gmtime_r(&time.tv_sec, &parts);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", parts, time.tv_nsec / 1'000'000);
}

std::string log_text(const LogRecord& record) {
  std::string text;
  if (record.passed_on) {
    const LogSubject& speaker = record.subject;
    text = fmt::format("worker {}/{} (pid {}) ", speaker.pool, speaker.index, speaker.pid);
    if (!speaker.service.empty()) text.append(speaker.service).append(": ");
    return text.append(base::escape_untrusted(record.message, kMaxLogLine));
  }
  return base::visible(record.message);
}

std::string log_json(const LogRecord& record, std::size_t max_bytes) {
  const LogSubject& subject = record.subject;
  std::string out = "{\"time\":\"" + log_time(record.time) + '"';
  append_member(out, "level", log_level_name(record.level));
  out.append(",\"pid\":").append(std::to_string(subject.pid != 0 ? subject.pid : ::getpid()));
  if (!subject.pool.empty()) {
    append_member(out, "pool", subject.pool);
    append_member(out, "worker", fmt::format("{}/{}", subject.pool, subject.index));
    out.append(",\"generation\":").append(std::to_string(subject.generation));
  }
  if (!subject.service.empty()) append_member(out, "service", subject.service);
  out.append(",\"message\":");
  base::append_bounded_json_string(out, record.message, max_bytes - out.size() - 1);
  out += '}';
  return out;
}

std::string log_line(const LogRecord& record, LogFormat format) {
  if (format == LogFormat::json) return log_json(record, kMaxLogLine - 1) + '\n';
  return bounded(fmt::format("{} {:<7} {}", log_time(record.time), log_level_name(record.level), log_text(record)));
}

std::string journal_line(const LogRecord& record, LogFormat format) {
  const std::string priority = fmt::format("<{}>", severity(record.level));
  if (format == LogFormat::json) return priority + log_json(record, kMaxLogLine - priority.size() - 1) + '\n';
  return bounded(priority + log_text(record));
}

}  // namespace prefork::master
