#include "framework/http/events/event_format.hpp"

#include <stdexcept>

namespace prefork::http {
namespace {

/// Appends a line for each line of the text, which may end with CR, LF or CR LF.
void append_lines(std::string& out, std::string_view field, std::string_view text) {
  while (true) {
    const std::size_t end = text.find_first_of("\r\n");
    out.append(field).append(text.substr(0, end)).push_back('\n');
    if (end == std::string_view::npos) return;
    text.remove_prefix(text.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  }
}

void require_one_line(std::string_view what, std::string_view text) {
  if (text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos) return;
  throw std::invalid_argument(std::string(what).append(" of an event must have no line end and no NUL"));
}

}  // namespace

void append_event(std::string& out, const ServerEvent& event) {
  require_one_line("the name", event.event);
  require_one_line("the id", event.id);
  if (!event.event.empty()) out.append("event: ").append(event.event).push_back('\n');
  if (!event.id.empty()) out.append("id: ").append(event.id).push_back('\n');
  append_lines(out, "data: ", event.data);
  out.push_back('\n');
}

void append_comment(std::string& out, std::string_view text) { append_lines(out, ": ", text); }

void append_retry(std::string& out, std::chrono::milliseconds delay) {
  out.append("retry: ").append(std::to_string(delay.count())).append("\n\n");
}

}  // namespace prefork::http
