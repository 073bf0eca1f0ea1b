#pragma once

#include <string>
#include <string_view>

#include "framework/http/wire/refusal.hpp"

/// Percent escapes and dot segments, RFC 3986 2.1, 3.3, 5.2.4.
namespace prefork::http {

/// Appends `raw` to `out` with all escapes decoded except those of '/' and '%', which stay as "%2F" and "%25", so that
/// segments stay as the client sent them. Never appends more bytes than `raw` has.
/// @return why it is refused: a malformed escape, or NUL, which no file name and no C string can hold
const Refusal* append_canonical_path(std::string_view raw, std::string& out);

/// Whether a segment is "." or "..", with each dot written as it is or as "%2e".
bool has_dot_segment(std::string_view path) noexcept;

/// Appends `path` to `out` with its dot segments resolved (RFC 3986 5.2.4), as browsers do before they send: ".."
/// removes the segment before it, and nothing at the top. Never appends more bytes than `path` has. REQUIRES that
/// `path` begins with '/'.
void append_without_dot_segments(std::string_view path, std::string& out);

/// Appends `text` with its escapes decoded. @return false: an escape is malformed
bool append_decoded(std::string_view text, std::string& out, bool plus_is_space = false);

}  // namespace prefork::http
