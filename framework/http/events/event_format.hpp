#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <prefork/http/event_stream.hpp>

/// Lines of a text/event-stream (WHATWG HTML, 9.2.5).
namespace prefork::http {

/// Appends one event, with the empty line that dispatches it. Each line of its data, whatever its line end, becomes a
/// `data:` line. Empty data becomes one too, since an event without any would not be dispatched.
/// @throws std::invalid_argument for an event name or an id with a line end or NUL; nothing is appended then
void append_event(std::string& out, const ServerEvent& event);
/// Appends a comment, which clients ignore: a line for each line of the text.
void append_comment(std::string& out, std::string_view text);
/// Appends how long clients should wait before they reconnect.
void append_retry(std::string& out, std::chrono::milliseconds delay);

}  // namespace prefork::http
