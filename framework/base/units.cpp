#include "framework/base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <stdexcept>
#include <system_error>

#include "framework/base/visible.hpp"

namespace prefork::base {

namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t factor;
};

/// Descending, in the order in which the format functions try them.
constexpr std::array<Unit, 5> kDurationUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 5> kSizeUnits{{{"GiB", std::int64_t{1} << 30},
                                          {"MiB", std::int64_t{1} << 20},
                                          {"KiB", std::int64_t{1} << 10},
                                          {"B", 1},
                                          {"", 1}}};

constexpr std::string_view kDurationWords = "a duration such as 250ms, 30s, 5m, 1h or 1d";
constexpr std::string_view kSizeWords = "a size such as 512, 64KiB, 10MiB or 1GiB";

[[noreturn]] void refuse(std::string_view text, std::string_view expected) {
  throw std::invalid_argument(fmt::format("{} is not {}", in_quotes(text), expected));
}

std::int64_t parse_quantity(std::string_view text, std::span<const Unit> units, std::string_view expected) {
  std::int64_t number = 0;
  if (text.empty() || text.front() == '-') refuse(text, expected);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::invalid_argument) refuse(text, expected);
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& unit : units) {
    if (unit.suffix != suffix) continue;
    if (error == std::errc::result_out_of_range || number > std::numeric_limits<std::int64_t>::max() / unit.factor) {
      throw std::invalid_argument(in_quotes(text) + " is too large");
    }
    return number * unit.factor;
  }
  refuse(text, expected);
}

/// @param forms  of milliseconds, seconds and tenths, minutes and seconds, hours and minutes, days and hours
std::string two_units(std::chrono::milliseconds duration, const std::array<std::string_view, 5>& forms) {
  const auto ms = std::max<std::chrono::milliseconds::rep>(duration.count(), 0);
  const auto s = ms / 1000;
  const auto say = [&](std::size_t form, auto large, auto small) {
    return fmt::format(fmt::runtime(forms[form]), large, small);
  };
  if (s < 1) return say(0, ms, 0);
  if (s < 60) return say(1, s, ms % 1000 / 100);
  if (s < 3600) return say(2, s / 60, s % 60);
  if (s < 86400) return say(3, s / 3600, s % 3600 / 60);
  return say(4, s / 86400, s % 86400 / 3600);
}

}  // namespace

std::chrono::milliseconds parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds::zero();
  return std::chrono::milliseconds(parse_quantity(text, kDurationUnits, kDurationWords));
}

std::string format_duration(std::chrono::milliseconds duration) {
  const std::int64_t count = duration.count();
  if (count == 0) return "0";
  for (const auto& unit : kDurationUnits) {
    if (count % unit.factor == 0) return fmt::format("{}{}", count / unit.factor, unit.suffix);
  }
  return fmt::format("{}ms", count);
}

std::string duration_words(std::chrono::milliseconds duration) {
  return two_units(duration, {"{} ms", "{}.{} s", "{}m {}s", "{}h {}m", "{}d {}h"});
}

std::string short_duration(std::chrono::milliseconds duration) {
  return two_units(duration, {"{}ms", "{}.{}s", "{}m{:02}s", "{}h{:02}m", "{}d{:02}h"});
}

std::uint64_t parse_size(std::string_view text) {
  return static_cast<std::uint64_t>(parse_quantity(text, kSizeUnits, kSizeWords));
}

std::string format_size(std::uint64_t bytes) {
  for (const auto& unit : kSizeUnits) {
    const auto factor = static_cast<std::uint64_t>(unit.factor);
    if (factor > 1 && bytes != 0 && bytes % factor == 0) return fmt::format("{}{}", bytes / factor, unit.suffix);
  }
  return std::to_string(bytes);
}

std::string size_words(std::uint64_t bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  // 1023.95 would be printed as 1024.0.
  while (size >= 1023.95 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

bool parse_flag(std::string_view text) {
  if (text == "on" || text == "yes" || text == "true") return true;
  if (text == "off" || text == "no" || text == "false") return false;
  refuse(text, "a flag: on or off, yes or no, true or false");
}

std::string format_flag(bool value) { return value ? "on" : "off"; }

std::int64_t parse_integer(std::string_view text, std::int64_t minimum, std::int64_t maximum) {
  const std::string expected =
      minimum == std::numeric_limits<std::int64_t>::min() && maximum == std::numeric_limits<std::int64_t>::max()
          ? "an integer"
          : fmt::format("an integer from {} to {}", minimum, maximum);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < minimum ||
      number > maximum) {
    refuse(text, expected);
  }
  return number;
}

mode_t parse_mode(std::string_view text) {
  mode_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (text.size() < 3 || text.size() > 4 || error != std::errc() || end != text.data() + text.size() || mode > 0777) {
    refuse(text, "an octal mode from 0000 to 0777");
  }
  return mode;
}

std::string format_mode(mode_t mode) { return fmt::format("{:04o}", mode); }

}  // namespace prefork::base
