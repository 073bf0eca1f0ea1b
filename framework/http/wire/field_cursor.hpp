#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "framework/http/wire/char_class.hpp"

namespace prefork::http {

/// Reads a structured field value from left to right: tokens, quoted strings and separators (RFC 9110 5.6). Views point
/// into the value. Any thread; never blocks.
class FieldCursor {
 public:
  explicit constexpr FieldCursor(std::string_view value) noexcept : rest_(value) {}

  constexpr bool at_end() const noexcept { return rest_.empty(); }
  /// How many bytes are not read yet.
  constexpr std::size_t left() const noexcept { return rest_.size(); }

  /// Skips optional white space, RFC 9110 5.6.3.
  constexpr FieldCursor& skip_blank() noexcept {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
    return *this;
  }

  constexpr bool take(char wanted) noexcept {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// @return empty if no token begins here (RFC 9110 5.6.2)
  constexpr std::string_view token() noexcept {
    std::size_t length = 0;
    while (length < rest_.size() && is(rest_[length], kTokenChar)) ++length;
    const std::string_view found = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return found;
  }

  /// The inside of a quoted string, with its escapes (RFC 9110 5.6.4).
  /// @return nullopt if none begins here, or it does not end
  constexpr std::optional<std::string_view> quoted() noexcept {
    if (rest_.empty() || rest_.front() != '"') return std::nullopt;
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == '"') {
        const std::string_view inside = rest_.substr(1, at - 1);
        rest_.remove_prefix(at + 1);
        return inside;
      }
      if (rest_[at] == '\\') ++at;
    }
    return std::nullopt;
  }

  /// A parameter's value: a token or a quoted string. @return nullopt if it is neither
  constexpr std::optional<std::string_view> value() noexcept {
    if (!rest_.empty() && rest_.front() == '"') return quoted();
    const std::string_view found = token();
    if (found.empty()) return std::nullopt;
    return found;
  }

 private:
  std::string_view rest_;
};

/// The text that the inside of a quoted string stands for.
inline std::string unescaped(std::string_view inside) {
  std::string text;
  for (std::size_t at = 0; at < inside.size(); ++at) {
    if (inside[at] == '\\' && at + 1 < inside.size()) ++at;
    text.push_back(inside[at]);
  }
  return text;
}

struct FieldParameter {
  std::string_view name;
  std::string_view value;  ///< a quoted string without its quotes, with its escapes
};

/// Takes `*( OWS ";" OWS [ name "=" value ] )` (RFC 9110 5.6.6), one parameter per call. Skips empty ones.
/// @return nullopt if there is no parameter; `malformed` says whether that is an error or the end
constexpr std::optional<FieldParameter> next_parameter(FieldCursor& cursor, bool& malformed) noexcept {
  for (;;) {
    if (!cursor.skip_blank().take(';')) return std::nullopt;
    const std::string_view name = cursor.skip_blank().token();
    if (name.empty()) continue;
    if (cursor.take('=')) {
      if (const auto value = cursor.value()) return FieldParameter{name, *value};
    }
    malformed = true;
    return std::nullopt;
  }
}

}  // namespace prefork::http
