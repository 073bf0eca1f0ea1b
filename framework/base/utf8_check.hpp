#pragma once

#include <cstdint>
#include <string_view>

namespace prefork::base {

/// Checks whether a text that comes in pieces is UTF-8 (RFC 3629 4: no overlong forms, no surrogates, nothing above
/// U+10FFFF).
class Utf8Check {
 public:
  /// @return false: a byte can't belong to UTF-8; nothing more may be fed then
  bool feed(std::string_view piece) noexcept;
  /// Whether the input so far does not end in the middle of a character.
  bool complete() const noexcept { return more_ == 0; }
  void reset() noexcept { more_ = 0; }

 private:
  std::uint8_t more_ = 0;            // bytes that the current character still needs
  std::uint8_t low_ = 0, high_ = 0;  // the range of its next byte
};

inline bool is_utf8(std::string_view text) noexcept {
  Utf8Check check;
  return check.feed(text) && check.complete();
}

}  // namespace prefork::base
