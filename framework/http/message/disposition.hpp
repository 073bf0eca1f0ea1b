#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace prefork::http {

/// The Content-Disposition of a part of a form, RFC 7578 4.2. The client's data.
struct Disposition {
  std::string name;
  std::optional<std::string> filename;  ///< as it was sent; of `filename*` rather than `filename` (RFC 6266 4.3)
};

/// Takes what browsers and other programs write: quoted strings with `\"` and `\\`, other backslashes as they are
/// (paths of old browsers), and `%22`, `%0D`, `%0A` for quote, CR and LF (WHATWG HTML 4.10.21.8).
/// @return nullopt where it is malformed, not "form-data", has no name, or has one twice
std::optional<Disposition> parse_disposition(std::string_view value);

/// What a client's file name may be shown as: the last component of a path in the manner of Unix or Windows, in UTF-8,
/// without control characters, without dots at its start, of 255 bytes at most.
std::string safe_filename(std::string_view filename);

}  // namespace prefork::http
