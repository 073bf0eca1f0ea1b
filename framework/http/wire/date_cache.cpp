#include "framework/http/wire/date_cache.hpp"

#include <chrono>
#include <cstring>

namespace prefork::http {
namespace {

void write_two(unsigned value, char* out) noexcept {
  out[0] = static_cast<char>('0' + value / 10 % 10);
  out[1] = static_cast<char>('0' + value % 10);
}

}  // namespace

void write_http_date(std::time_t when, char* out) noexcept {
  using namespace std::chrono;
  // Avoids gmtime and strftime, which take locks and read the locale.
  const sys_seconds time{seconds(when)};
  const sys_days day = floor<days>(time);
  const year_month_day date(day);
  const auto second = static_cast<unsigned>((time - day).count());
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  std::memcpy(out, "Day, 00 Mon 0000 00:00:00 GMT", 29);
  std::memcpy(out, &"SunMonTueWedThuFriSat"[weekday(day).c_encoding() * 3], 3);
  write_two(static_cast<unsigned>(date.day()), out + 5);
  std::memcpy(out + 8, &"JanFebMarAprMayJunJulAugSepOctNovDec"[(static_cast<unsigned>(date.month()) - 1) * 3], 3);
  write_two(year / 100, out + 12);
  write_two(year, out + 14);
  write_two(second / 3600, out + 17);
  write_two(second / 60 % 60, out + 20);
  write_two(second % 60, out + 23);
}

DateCache::DateCache() noexcept { format(0); }

void DateCache::format(std::time_t now) noexcept {
  std::memcpy(text_.data(), "Date: ", 6);
  write_http_date(now, text_.data() + 6);
  std::memcpy(text_.data() + 35, "\r\n", 2);
  formatted_ = now;
}

}  // namespace prefork::http
