#include "framework/base/utf8_check.hpp"

#include <cstring>

#include "framework/base/utf8.hpp"

namespace prefork::base {
namespace {

constexpr std::uint64_t kHighBits = 0x8080808080808080;

const char* skip_ascii(const char* p, const char* end) noexcept {
  for (; end - p >= 16; p += 16) {
    std::uint64_t words[2];
    std::memcpy(words, p, sizeof words);
    if (((words[0] | words[1]) & kHighBits) != 0) break;
  }
  while (p != end && static_cast<unsigned char>(*p) < 0x80) ++p;
  return p;
}

}  // namespace

bool Utf8Check::feed(std::string_view piece) noexcept {
  const char* p = piece.data();
  const char* const end = p + piece.size();
  while (true) {
    for (; more_ > 0 && p != end; ++p, --more_) {
      const auto byte = static_cast<unsigned char>(*p);
      if (byte < low_ || byte > high_) return false;
      low_ = 0x80;
      high_ = 0xbf;
    }
    p = skip_ascii(p, end);
    if (p == end) return true;
    const Utf8Lead lead = utf8_lead(static_cast<unsigned char>(*p++));
    if (lead.following == 0) return false;
    more_ = lead.following;
    low_ = lead.low;
    high_ = lead.high;
  }
}

}  // namespace prefork::base
