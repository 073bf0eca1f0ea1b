#pragma once

#include <cstdint>
#include <string_view>

namespace prefork::base {

/// Whether a text that comes in pieces is UTF-8 (RFC 3629 4: no overlong forms, no surrogates, nothing above
/// U+10FFFF).
class Utf8Check {
 public:
  /// @return false once a byte can't belong to UTF-8; nothing more is to be fed then
  bool feed(std::string_view piece) noexcept;
  /// Whether no character is cut short at the end of what came.
  bool complete() const noexcept { return more_ == 0; }
  void reset() noexcept { more_ = 0; }

 private:
  std::uint8_t more_ = 0;            // bytes that the character under way still needs
  std::uint8_t low_ = 0, high_ = 0;  // between which its next byte must be
};

inline bool is_utf8(std::string_view text) noexcept {
  Utf8Check check;
  return check.feed(text) && check.complete();
}

}  // namespace prefork::base
