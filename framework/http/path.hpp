#pragma once

#include <string>
#include <string_view>

#include "framework/http/refusal.hpp"

/// Percent escapes and dot segments, RFC 3986 2.1, 3.3, 5.2.4.
namespace prefork::http {

/// Appends `raw` to `out` with all escapes decoded but those of '/' and '%', which stay as "%2F" and
/// "%25", so that segments stay what the client sent. Never appends more bytes than `raw` has.
/// @return why it is refused: a malformed escape, or NUL, which no file name and no C string can hold.
const Refusal* append_canonical_path(std::string_view raw, std::string& out);

/// Whether a segment is "." or "..". Clients resolve these before they send (RFC 3986 5.2.4); one that
/// arrives is a mistake or an attempt to leave a mount.
bool has_dot_segment(std::string_view path) noexcept;

/// Appends `text` with its escapes decoded. @return false where an escape is malformed.
bool append_decoded(std::string_view text, std::string& out, bool plus_is_space = false);

}  // namespace prefork::http
