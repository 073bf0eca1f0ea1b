#include "framework/http/message/disposition.hpp"

#include "framework/base/utf8.hpp"
#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/field_cursor.hpp"
#include "framework/http/wire/path.hpp"
#include "framework/http/wire/scan.hpp"

namespace prefork::http {
namespace {

/// The character of an escape as browsers write it, with its length in `text`; 0 if none begins here.
struct Escape {
  char character = 0;
  std::size_t length = 0;
};

Escape escape_at(std::string_view text) noexcept {
  if (text.starts_with("\\\"") || text.starts_with("\\\\")) return {text[1], 2};
  const std::string_view three = text.substr(0, 3);
  if (three == "%22") return {'"', 3};
  if (equals_ignoring_case(three, "%0d")) return {'\r', 3};
  if (equals_ignoring_case(three, "%0a")) return {'\n', 3};
  return {};
}

std::string plain(std::string_view inside) {
  std::string text;
  while (!inside.empty()) {
    const Escape escape = escape_at(inside);
    text.push_back(escape.length > 0 ? escape.character : inside.front());
    inside.remove_prefix(escape.length > 0 ? escape.length : 1);
  }
  return text;
}

/// ext-value, RFC 8187 3.2.1: charset "'" [ language ] "'" escaped. @return nullopt: malformed or not UTF-8
std::optional<std::string> extended(std::string_view value) {
  const std::size_t first = value.find('\'');
  if (!equals_ignoring_case(value.substr(0, first), "utf-8")) return std::nullopt;
  const std::size_t second = value.find('\'', first + 1);
  std::string text;
  if (second == std::string_view::npos || !append_decoded(value.substr(second + 1), text)) return std::nullopt;
  return text;
}

}  // namespace

std::optional<Disposition> parse_disposition(std::string_view value) {
  FieldCursor cursor(value);
  if (!equals_ignoring_case(cursor.token(), "form-data")) return std::nullopt;
  std::optional<std::string> name, filename, extended_filename;
  bool malformed = false;
  while (const auto parameter = next_parameter(cursor, malformed)) {
    if (equals_ignoring_case(parameter->name, "name")) {
      if (name) return std::nullopt;
      name = plain(parameter->value);
    } else if (equals_ignoring_case(parameter->name, "filename")) {
      if (filename) return std::nullopt;
      filename = plain(parameter->value);
    } else if (equals_ignoring_case(parameter->name, "filename*")) {
      if (extended_filename) return std::nullopt;
      extended_filename = extended(parameter->value);
    }
  }
  if (malformed || !cursor.skip_blank().at_end() || !name) return std::nullopt;
  return Disposition{std::move(*name), extended_filename ? std::move(extended_filename) : std::move(filename)};
}

std::string safe_filename(std::string_view filename) {
  constexpr std::size_t kMaxName = 255;
  if (const std::size_t slash = filename.find_last_of("/\\"); slash != std::string_view::npos)
    filename.remove_prefix(slash + 1);
  while (filename.starts_with('.')) filename.remove_prefix(1);
  std::string name;
  while (!filename.empty()) {
    const std::size_t length = base::utf8_length(filename);
    const std::string_view piece = length > 0 ? filename.substr(0, length) : base::kReplacement;
    if (name.size() + piece.size() > kMaxName) break;
    // The controls U+0080 to U+009F are two bytes, the first of which is C2.
    const bool high_control = piece.size() == 2 && piece[0] == '\xc2' && (piece[1] & 0xff) < 0xa0;
    name.append(is_control(piece.front()) || piece.front() == '\t' || high_control ? "_" : piece);
    filename.remove_prefix(length > 0 ? length : 1);
  }
  return name;
}

}  // namespace prefork::http
