#include "framework/master/log/log.hpp"

#include <time.h>

#include "framework/master/log/journal.hpp"

namespace prefork::master {

namespace {

constexpr std::chrono::seconds kRetry{1};

timespec wall_clock() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

std::int64_t milliseconds_of(const timespec& time) noexcept {
  return static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1'000'000;
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
  if (syslog_ || file_.open()) return;
  ++dropped_;  // for the rest of a line
  ++unsaid_;
}

void Log::write(LogLevel level, std::string_view line, const LogSubject& about) {
  const LogRecord record{level, wall_clock(), line, about};
  if (level >= LogLevel::info) events_.add(level, log_text(record), milliseconds_of(record.time));
  if (level >= threshold_) put(record);
}

void Log::pass_on(LogLevel level, std::string_view line, const LogSubject& speaker, std::optional<LogLevel> threshold) {
  const LogRecord record{level, wall_clock(), line, speaker, true};
  if (level >= LogLevel::notice) events_.add(level, log_text(record), milliseconds_of(record.time));
  if (level >= threshold.value_or(threshold_)) put(record);
}

void Log::put(const LogRecord& record) noexcept {
  if (!put_once(record)) {
    ++dropped_;
    ++unsaid_;
  }
  if (unsaid_ > 0 || !file_.is_complete()) next_try_ = Clock::now() + kRetry;
}

// The notice of lost lines precedes the line, in one write: if the line has no room, the notice does not go out either,
// and a pipe does not fill up with notices.
bool Log::put_once(const LogRecord& record) noexcept {
  const std::string line = made(record);
  if (unsaid_ > 0 && !syslog_) {
    std::string sentence;
    const std::string both = made(losses(sentence)) + line;
    if (both.size() <= kMaxLogLine) {
      const std::size_t taken = file_.append(both);
      if (taken >= both.size() - line.size()) unsaid_ = 0;
      return taken == both.size();
    }
  }
  return settle() && (syslog_ ? syslog_->send(line) : file_.append(line) == line.size());
}

/// Writes what is due before any other line. @return whether nothing is left
bool Log::settle() noexcept {
  if (!file_.complete()) return false;
  if (unsaid_ == 0) return true;
  std::string sentence;
  const std::string line = made(losses(sentence));
  if (!(syslog_ ? syslog_->send(line) : file_.append(line) == line.size())) return false;
  unsaid_ = 0;
  return true;
}

LogRecord Log::losses(std::string& sentence) const {
  sentence = std::to_string(unsaid_) + " log lines were lost";
  return {LogLevel::warning, wall_clock(), sentence, {}};
}

std::string Log::made(const LogRecord& record) const {
  if (syslog_) return syslog_datagram(record, format_, facility_);
  return journal_ ? journal_line(record, format_) : log_line(record, format_);
}

void Log::tend(TimePoint now) noexcept {
  if (!next_try_ || now < *next_try_) return;
  next_try_.reset();
  if (!settle() || !file_.is_complete()) next_try_ = now + kRetry;
}

}  // namespace prefork::master
