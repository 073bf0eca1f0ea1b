#include <prefork/manifest.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "framework/worker/plugin/manifest_check.hpp"

namespace prefork {

using worker::check_text;
using worker::is_name;
using worker::quoted;

namespace {

constexpr std::size_t kMaxOptions = 200;

OptionSpec make(OptionType type, std::string_view name, std::optional<std::string> default_value,
                std::string_view help) {
  OptionSpec option;
  option.name = name;
  option.type = type;
  option.default_value = std::move(default_value);
  option.help = help;
  return option;
}

OptionSpec make_text(std::string_view name, std::optional<std::string> default_value, std::string_view help,
                     TextCheck check) {
  OptionSpec option = make(OptionType::text, name, std::move(default_value), help);
  option.checked = check != nullptr;
  option.check = check;
  return option;
}

OptionSpec make_number(OptionType type, std::string_view name, std::int64_t value, std::string_view help,
                       Manifest::Range range) {
  if (value < range.minimum || value > range.maximum) {
    throw std::invalid_argument("the default of option \"" + std::string(name) + "\" is outside its own range");
  }
  const char* unit = type == OptionType::duration ? "ms" : "";
  OptionSpec option = make(type, name, std::to_string(value) + unit, help);
  option.minimum = range.minimum;
  option.maximum = range.maximum;
  return option;
}

}  // namespace

void Manifest::summary(std::string_view line) {
  check_text("the summary", line);
  summary_ = line;
}

void Manifest::add(OptionSpec option) {
  if (!is_name(option.name)) throw std::invalid_argument(quoted(option.name) + " is not a valid option name");
  if (options_.size() - sizes_ >= kMaxOptions) throw std::invalid_argument("more than 200 options are declared");
  push(std::move(option));
}

void Manifest::push(OptionSpec option) {
  check_text("option \"" + option.name + "\"", option.help);
  check_text("option \"" + option.name + "\"", option.default_value.value_or(""));
  const bool declared =
      std::any_of(options_.begin(), options_.end(), [&](const auto& o) { return o.name == option.name; });
  if (declared) throw std::invalid_argument("option \"" + option.name + "\" is declared twice");
  options_.push_back(std::move(option));
}

void Manifest::role(std::string_view name, OptionRole role) {
  const auto option = std::find_if(options_.begin(), options_.end(), [&](const auto& o) { return o.name == name; });
  if (option == options_.end()) throw std::logic_error(quoted(name) + " is not declared and can't have a role");
  option->role = role;
}

void Manifest::seal(std::string_view path) {
  constexpr std::size_t kMaxSeals = 64;
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  check_text("a path to seal", path);
  if (path.empty()) throw std::invalid_argument("an empty path is to be sealed");
  if (std::find(seals_.begin(), seals_.end(), path) != seals_.end()) {
    throw std::invalid_argument(quoted(path) + " is to be sealed twice");
  }
  if (seals_.size() >= kMaxSeals) throw std::invalid_argument("more than 64 paths are to be sealed");
  seals_.emplace_back(path);
}

void Manifest::text(std::string_view name, std::string_view default_value, std::string_view help, TextCheck check) {
  OptionSpec option = make_text(name, std::string(default_value), help, check);
  try {
    if (check != nullptr) check(*option.default_value);
  } catch (const std::exception& error) {
    throw std::invalid_argument("the default of option \"" + option.name + "\": " + error.what());
  }
  add(std::move(option));
}

void Manifest::required_text(std::string_view name, std::string_view help, TextCheck check) {
  add(make_text(name, std::nullopt, help, check));
}

void Manifest::secret(std::string_view name, std::string_view help) {
  add(make(OptionType::secret, name, std::string(), help));
}

void Manifest::required_secret(std::string_view name, std::string_view help) {
  add(make(OptionType::secret, name, std::nullopt, help));
}

void Manifest::folder(std::string_view name, std::string_view default_value, std::string_view help) {
  add(make(OptionType::folder, name, std::string(default_value), help));
}

void Manifest::file(std::string_view name, std::string_view default_value, std::string_view help) {
  add(make(OptionType::file, name, std::string(default_value), help));
}

void Manifest::required_folder(std::string_view name, std::string_view help) {
  add(make(OptionType::folder, name, std::nullopt, help));
}

void Manifest::required_file(std::string_view name, std::string_view help) {
  add(make(OptionType::file, name, std::nullopt, help));
}

void Manifest::integer(std::string_view name, std::int64_t default_value, std::string_view help, Range range) {
  add(make_number(OptionType::integer, name, default_value, help, range));
}

void Manifest::flag(std::string_view name, bool default_value, std::string_view help) {
  add(make(OptionType::flag, name, default_value ? "on" : "off", help));
}

void Manifest::duration(std::string_view name, std::chrono::milliseconds default_value, std::string_view help,
                        Range range_in_ms) {
  add(make_number(OptionType::duration, name, default_value.count(), help, range_in_ms));
}

void Manifest::size(std::string_view name, std::uint64_t default_bytes, std::string_view help, Range range_in_bytes) {
  add(make_number(OptionType::size, name, static_cast<std::int64_t>(default_bytes), help, range_in_bytes));
}

void Manifest::choice(std::string_view name, std::string_view default_value,
                      std::initializer_list<std::string_view> values, std::string_view help) {
  OptionSpec option = make(OptionType::choice, name, std::string(default_value), help);
  for (const auto value : values) {
    check_text("option \"" + option.name + "\"", value);
    option.choices.emplace_back(value);
  }
  if (std::find(option.choices.begin(), option.choices.end(), default_value) == option.choices.end()) {
    throw std::invalid_argument("the default of option \"" + option.name + "\" is not one of its choices");
  }
  add(std::move(option));
}

}  // namespace prefork
