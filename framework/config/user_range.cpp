#include "framework/config/user_range.hpp"

#include <charconv>
#include <stdexcept>
#include <system_error>

#include "framework/config/wording.hpp"

namespace prefork::config {

UserRange parse_user_range(std::string_view text) {
  constexpr auto kNoUser = static_cast<uid_t>(-1);  // means none to the kernel
  UserRange range;
  const char* const end = text.data() + text.size();
  const auto [dash, error] = std::from_chars(text.data(), end, range.first);
  if (error == std::errc() && dash != end && *dash == '-') {
    const auto [stop, wrong] = std::from_chars(dash + 1, end, range.last);
    if (wrong == std::errc() && stop == end && 0 < range.first && range.first <= range.last && range.last != kNoUser) {
      return range;
    }
  }
  throw std::invalid_argument(in_quotes(text) + " is not a range of user ids, such as 61184-65519");
}

std::string format_user_range(const UserRange& range) {
  return std::to_string(range.first) + "-" + std::to_string(range.last);
}

}  // namespace prefork::config
