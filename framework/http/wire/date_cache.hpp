#pragma once

#include <array>
#include <ctime>
#include <string_view>

namespace prefork::http {

/// Writes the 29 bytes of an IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7), to `out`.
void write_http_date(std::time_t when, char* out) noexcept;

/// The Date line of responses, formatted once per second. One per worker.
class DateCache {
 public:
  DateCache() noexcept;

  /// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"; valid until the next call.
  std::string_view line(std::time_t now) noexcept {
    if (now != formatted_) format(now);
    return {text_.data(), text_.size()};
  }

 private:
  void format(std::time_t now) noexcept;

  std::time_t formatted_ = 0;
  std::array<char, 37> text_;
};

}  // namespace prefork::http
