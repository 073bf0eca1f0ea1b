#include <array>
#include <chrono>
#include <optional>
#include <string_view>

#include <prefork/http/conditional.hpp>

#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/date_cache.hpp"

namespace prefork::http {
namespace {

constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

struct Fields {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
};

/// Reads the text from its front; once something does not fit, everything after it is false.
class Reader {
 public:
  explicit Reader(std::string_view text) noexcept : rest_(text) {}

  bool literal(std::string_view text) noexcept {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  template <class Number>
  bool number(std::size_t digits, Number& value) noexcept {
    if (rest_.size() < digits || !all(rest_.substr(0, digits), kDecimalDigit)) return false;
    value = 0;
    for (const char c : rest_.substr(0, digits)) value = value * 10 + static_cast<Number>(c - '0');
    rest_.remove_prefix(digits);
    return true;
  }
  bool month(unsigned& value) noexcept {
    if (rest_.size() < 3) return false;
    const std::size_t at = kMonths.find(rest_.substr(0, 3));
    if (at == std::string_view::npos || at % 3 != 0) return false;
    value = static_cast<unsigned>(at / 3 + 1);
    rest_.remove_prefix(3);
    return true;
  }
  bool day_name(bool in_full) noexcept {
    for (const std::string_view name : kDays) {
      if (literal(in_full ? name : name.substr(0, 3))) return true;
    }
    return false;
  }
  bool time(Fields& f) noexcept {
    return number(2, f.hour) && literal(":") && number(2, f.minute) && literal(":") && number(2, f.second);
  }
  bool at_end() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

bool read_imf_fixdate(Reader in, Fields& f) noexcept {
  return in.day_name(false) && in.literal(", ") && in.number(2, f.day) && in.literal(" ") && in.month(f.month) &&
         in.literal(" ") && in.number(4, f.year) && in.literal(" ") && in.time(f) && in.literal(" GMT") && in.at_end();
}

/// The year has only its last two digits.
bool read_rfc850(Reader in, Fields& f) noexcept {
  return in.day_name(true) && in.literal(", ") && in.number(2, f.day) && in.literal("-") && in.month(f.month) &&
         in.literal("-") && in.number(2, f.year) && in.literal(" ") && in.time(f) && in.literal(" GMT") && in.at_end();
}

bool read_asctime(Reader in, Fields& f) noexcept {
  return in.day_name(false) && in.literal(" ") && in.month(f.month) && in.literal(" ") &&
         (in.literal(" ") ? in.number(1, f.day) : in.number(2, f.day)) && in.literal(" ") && in.time(f) &&
         in.literal(" ") && in.number(4, f.year) && in.at_end();
}

std::optional<std::time_t> to_time(const Fields& f) noexcept {
  using namespace std::chrono;
  const year_month_day date{year(f.year), month(f.month), day(f.day)};
  // 60 is a leap second.
  if (!date.ok() || f.hour > 23 || f.minute > 59 || f.second > 60) return std::nullopt;
  const auto time = sys_days(date) + hours(f.hour) + minutes(f.minute) + seconds(f.second);
  return static_cast<std::time_t>(duration_cast<seconds>(time.time_since_epoch()).count());
}

/// RFC 9110 5.6.7: a date more than 50 years ahead is in the past.
std::optional<std::time_t> to_time_of_century(Fields f, std::time_t now) noexcept {
  using namespace std::chrono;
  const auto today = floor<days>(sys_seconds(seconds(now)));
  const int this_year = static_cast<int>(year_month_day(today).year());
  f.year += this_year - this_year % 100 + 100;
  std::optional<std::time_t> latest;
  for (int centuries = 0; centuries < 3; ++centuries, f.year -= 100) {
    latest = to_time(f);
    Fields limit = f;
    limit.year -= 50;
    if (limit.month == 2 && limit.day == 29) limit.day = 28;
    const auto fifty_before = to_time(limit);
    if (latest && fifty_before && *fifty_before <= now) return latest;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::time_t> parse_http_date(std::string_view text, std::time_t now) noexcept {
  Fields fields;
  const Reader reader(text);
  if (read_imf_fixdate(reader, fields) || read_asctime(reader, fields)) return to_time(fields);
  if (read_rfc850(reader, fields)) return to_time_of_century(fields, now);
  return std::nullopt;
}

std::string format_http_date(std::time_t when) {
  std::string text(29, ' ');
  write_http_date(when, text.data());
  return text;
}

}  // namespace prefork::http
