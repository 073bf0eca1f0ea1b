#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace prefork::http {

/// The Content-Disposition of a form's part, RFC 7578 4.2. Comes from the client.
struct Disposition {
  std::string name;
  std::optional<std::string> filename;  ///< as it was sent; `filename*` takes precedence over `filename` (RFC 6266 4.3)
};

/// Accepts what browsers and other programs write: quoted strings with `\"` and `\\`, other backslashes as they are
/// (paths from old browsers), and `%22`, `%0D`, `%0A` for quote, CR and LF (WHATWG HTML 4.10.21.8).
/// @return nullopt if it is malformed, is not "form-data", has no name, or has one twice
std::optional<Disposition> parse_disposition(std::string_view value);

/// A client's file name made safe for display: the last component of a Unix or Windows path, in UTF-8, without control
/// characters or leading dots, at most 255 bytes.
std::string safe_filename(std::string_view filename);

}  // namespace prefork::http
