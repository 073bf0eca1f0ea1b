#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace prefork::worker {

/// The result of `scan_line` at the start of received bytes.
struct LineScan {
  bool found = false;
  bool overlong = false;     ///< no line of at most the allowed length can come any more
  std::size_t length = 0;    ///< of the line, without its end
  std::size_t line_end = 0;  ///< bytes of CR LF or LF
};

/// Looks for a line that ends in LF or CR LF. `full`: no more bytes can be received after these.
inline LineScan scan_line(std::string_view bytes, std::size_t max_line, bool full) noexcept {
  LineScan result;
  max_line = std::min(max_line, SIZE_MAX - 2);
  const std::size_t feed = bytes.substr(0, max_line + 2).find('\n');
  if (feed == std::string_view::npos) {
    result.overlong = bytes.size() > max_line + 1 || full;
    return result;
  }
  result.length = feed > 0 && bytes[feed - 1] == '\r' ? feed - 1 : feed;
  result.line_end = feed + 1 - result.length;
  result.overlong = result.length > max_line;
  result.found = !result.overlong;
  return result;
}

}  // namespace prefork::worker
