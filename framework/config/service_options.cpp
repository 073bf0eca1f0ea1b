#include "framework/config/service_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "framework/config/config_error.hpp"
#include "framework/config/findings.hpp"
#include "framework/config/schema.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

[[noreturn]] void fail(const Origin& origin, const std::string& sentence) {
  throw ConfigError(origin.text + ": " + sentence);
}

/// `include` belongs to the reader in every section.
bool is_reserved(const std::string& name) {
  return name == "include" || find_key(SectionKind::service, name) != nullptr;
}

void check_declarations(const ServiceOptions& service, const std::vector<OptionSpec>& declared) {
  for (const auto& option : declared) {
    if (!is_reserved(option.name)) continue;
    fail(service.origin, fmt::format("the plugin {} declares the option {}, a name that the server keeps for itself",
                                     in_quotes(service.plugin), in_quotes(option.name)));
  }
}

void check_unknown(const ServiceOptions& service, const std::vector<OptionSpec>& declared, Findings& found) {
  std::vector<std::string> known = key_names(SectionKind::service);
  for (const auto& option : declared) known.push_back(option.name);
  for (const auto& [key, value] : service.own) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string sentence = unknown_key({SectionKind::service, service.name}, key, known);
    found.add(ConfigError(value.origin.text + ": " + sentence));
  }
}

// The plugin's verdict on a text. A warning does not keep it from being used.
void ask_check(const ServiceOptions& service, const OptionSpec& option, const OptionValue& given, Findings& found) {
  if (option.check == nullptr) return;
  try {
    option.check(given.value);
  } catch (const OptionWarning& warning) {
    found.warn(fmt::format("{}: {} in [service {}]: {}", given.origin.text, option.name, service.name, warning.what()));
  }
}

std::string value_of(const ServiceOptions& service, const OptionSpec& option, Findings& found) {
  const ValueRule rule{option.type, option.minimum, option.maximum, option.choices};
  const auto given = service.own.find(option.name);
  try {
    if (given != service.own.end()) {
      ask_check(service, option, given->second, found);
      return normalise(rule, given->second.value);
    }
    if (option.default_value) return normalise(rule, *option.default_value);
  } catch (const std::exception& error) {
    if (given != service.own.end()) {
      fail(given->second.origin, fmt::format("{} in [service {}]: {}", option.name, service.name, error.what()));
    }
    fail(service.origin, fmt::format("the default of the option {} of the plugin {}: {}", in_quotes(option.name),
                                     in_quotes(service.plugin), error.what()));
  }
  const std::string help = option.help.empty() ? "" : fmt::format(" ({})", option.help);
  fail(service.origin, fmt::format("[service {}] has no {}{}", service.name, in_quotes(option.name), help));
}

}  // namespace

std::map<std::string, std::string> check_service_options(const ServiceOptions& service,
                                                         const std::vector<OptionSpec>& declared) {
  Findings found;
  std::map<std::string, std::string> values = check_service_options(service, declared, found);
  found.throw_if_any();
  return values;
}

std::map<std::string, std::string> check_service_options(const ServiceOptions& service,
                                                         const std::vector<OptionSpec>& declared, Findings& found) {
  check_declarations(service, declared);
  check_unknown(service, declared, found);
  std::map<std::string, std::string> values;
  for (const auto& option : declared) {
    found.note([&] { values[option.name] = value_of(service, option, found); });
  }
  return values;
}

// The first byte of a line is one of these.
constexpr char kError = 'E';
constexpr char kWarning = 'W';

std::string judge_service_options(const ServiceOptions& service, const std::vector<OptionSpec>& declared) {
  Findings found;
  found.note([&] { check_service_options(service, declared, found); });
  std::string judgement;
  const auto write = [&](char kind, std::string sentence) {
    for (char& c : sentence) {
      if (c == '\n') c = ' ';
    }
    judgement += kind + sentence + '\n';
  };
  for (const auto& error : found.errors()) write(kError, error);
  for (const auto& warning : found.warnings()) write(kWarning, warning);
  return judgement;
}

void read_judgement(std::string_view judgement, Findings& found) {
  for (std::size_t from = 0; from < judgement.size();) {
    const std::size_t end = std::min(judgement.find('\n', from), judgement.size());
    std::string sentence(judgement.substr(from, end - from));
    from = end + 1;
    const char kind = sentence.empty() ? kError : sentence.front();
    sentence.erase(0, 1);
    if (kind == kWarning) {
      found.warn(std::move(sentence));
    } else {
      found.add(ConfigError(sentence));
    }
  }
}

}  // namespace prefork::config
