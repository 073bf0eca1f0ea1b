#include "framework/master/log.hpp"

#include <time.h>

#include "framework/master/journal.hpp"

namespace prefork::master {

namespace {

constexpr std::chrono::seconds kRetry{1};

timespec wall_clock() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

}  // namespace

Log::Log(const LogSettings& settings)
    : threshold_(settings.threshold),
      format_(settings.format),
      facility_(syslog_facility(settings.facility)),
      journal_(settings.target == "stderr" && stderr_is_journal()),
      file_(settings.target, LogFile::Patience::none) {
  if (settings.target == "syslog") {
    syslog_.emplace(settings.syslog_socket);
  } else {
    file_.open();
  }
}

void Log::set(LogLevel threshold, LogFormat format) noexcept {
  threshold_ = threshold;
  format_ = format;
}

void Log::reopen() {
  if (!syslog_ && !file_.open()) lose();
}

void Log::write(LogLevel level, std::string_view line, const LogSubject& about) {
  if (level >= threshold_) put({level, wall_clock(), line, about});
}

void Log::pass_on(LogLevel level, std::string_view line, const LogSubject& speaker, std::optional<LogLevel> threshold) {
  if (level >= threshold.value_or(threshold_)) put({level, wall_clock(), line, speaker, true});
}

void Log::put(const LogRecord& record) noexcept {
  if (!settle() || !put_once(record)) lose();
  if (!file_.is_complete()) next_try_ = Clock::now() + kRetry;
}

bool Log::put_once(const LogRecord& record) noexcept {
  if (syslog_) return syslog_->send(syslog_datagram(record, format_, facility_));
  const std::string line = journal_ ? journal_line(record, format_) : log_line(record, format_);
  return file_.append(line) == line.size();
}

void Log::lose() noexcept {
  ++dropped_;
  ++unsaid_;
  next_try_ = Clock::now() + kRetry;
}

/// Writes what is due before any other line. @return whether nothing is
bool Log::settle() noexcept {
  if (!file_.complete()) return false;
  if (unsaid_ == 0) return true;
  const std::string line = std::to_string(unsaid_) + " log lines were lost";
  if (!put_once({LogLevel::warning, wall_clock(), line, {}})) return false;
  unsaid_ = 0;
  return true;
}

void Log::tend(TimePoint now) noexcept {
  if (!next_try_ || now < *next_try_) return;
  next_try_.reset();
  if (!settle() || !file_.is_complete()) next_try_ = now + kRetry;
}

}  // namespace prefork::master
