#include "framework/config/service_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "framework/config/config_error.hpp"
#include "framework/config/schema.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

[[noreturn]] void fail(const Origin& origin, const std::string& sentence) {
  throw ConfigError(origin.text + ": " + sentence);
}

/// `include` is the reader's, in every section.
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

void check_unknown(const ServiceOptions& service, const std::vector<OptionSpec>& declared) {
  std::vector<std::string> known = key_names(SectionKind::service);
  for (const auto& option : declared) known.push_back(option.name);
  for (const auto& [key, value] : service.own) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    fail(value.origin, unknown_key({SectionKind::service, service.name}, key, known));
  }
}

std::string value_of(const ServiceOptions& service, const OptionSpec& option) {
  const ValueRule rule{option.type, option.minimum, option.maximum, option.choices};
  const auto given = service.own.find(option.name);
  try {
    if (given != service.own.end()) {
      if (option.check != nullptr) option.check(given->second.value);
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
  check_declarations(service, declared);
  check_unknown(service, declared);
  std::map<std::string, std::string> values;
  for (const auto& option : declared) values[option.name] = value_of(service, option);
  return values;
}

}  // namespace prefork::config
