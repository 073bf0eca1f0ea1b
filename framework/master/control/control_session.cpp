#include "framework/master/control/control_session.hpp"

#include <utility>

#include "ipc/posix/check.hpp"

namespace prefork::master {

ControlSession::ControlSession(TimePoint now, const Limits& limits)
    : limits_(limits), input_by_(now + limits.input), output_by_(now) {}

ControlSession::ControlSession(TimePoint now, const Limits& limits, Kept kept)
    : limits_(limits),
      input_(std::move(kept.input)),
      output_(std::move(kept.output)),
      input_ended_(kept.input_ended),
      waiting_(kept.waiting),
      closing_(kept.closing),
      input_by_(now + limits_.input),
      output_by_(now + limits_.output) {}

bool ControlSession::wants_input() const noexcept {
  return !input_ended_ && !closing_ && output().empty() && input_.find('\n') == std::string::npos;
}

ControlSession::Fed ControlSession::feed(std::string_view bytes) {
  input_ += bytes;
  const auto end = input_.find('\n');
  // The carriage return before the line end is not part of the line.
  const std::size_t length = end == std::string::npos ? input_.size() : end;
  const bool has_return = length > 0 && input_[length - 1] == '\r';
  if (length - (has_return ? 1 : 0) <= limits_.line_bytes) return Fed::ok;
  input_.clear();
  return Fed::too_long;
}

bool ControlSession::has_line() const noexcept {
  return !waiting_ && !closing_ && output().empty() && input_.find('\n') != std::string::npos;
}

std::optional<std::string> ControlSession::next_line(TimePoint now) {
  if (!has_line()) return std::nullopt;
  const auto end = input_.find('\n');
  std::string line = input_.substr(0, end);
  input_.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  input_by_ = now + limits_.input;
  return line;
}

void ControlSession::answer(std::string_view line, TimePoint now) {
  waiting_ = false;
  if (output().empty()) output_by_ = now + limits_.output;
  output_ += line;
}

void ControlSession::wrote(std::size_t bytes, TimePoint now) {
  PREFORK_CHECK(bytes <= output().size());
  written_ += bytes;
  if (bytes > 0) output_by_ = now + limits_.output;
  if (written_ < output_.size()) return;
  output_.clear();
  written_ = 0;
  input_by_ = now + limits_.input;
}

bool ControlSession::finished() const noexcept {
  if (waiting_ || !output().empty()) return false;
  return closing_ || (input_ended_ && input_.find('\n') == std::string::npos);
}

std::optional<TimePoint> ControlSession::deadline() const noexcept {
  if (!output().empty()) return output_by_;
  if (waiting_ || limits_.input.count() == 0) return std::nullopt;
  return input_by_;
}

}  // namespace prefork::master
