#include "framework/config/service_options.hpp"

#include <stdexcept>

#include "framework/config/config_error.hpp"
#include "framework/config/schema.hpp"
#include "framework/config/values.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

// A default is written as the manifest's author wrote it: a duration in ms, a size in bytes.
std::string default_of(const ServiceOptions& service, const OptionSpec& option) {
  if (!option.default_value) {
    throw ConfigError(service.origin.text + ": service " + in_quotes(service.name) + " needs a key " + in_quotes(option.name));
  }
  return *option.default_value;
}

}  // namespace

std::map<std::string, std::string> check_service_options(const ServiceOptions& service,
                                                         const std::vector<OptionSpec>& declared) {
  std::map<std::string, std::string> result;
  for (const auto& option : declared) {
    const ValueRule rule{option.type, option.minimum, option.maximum, option.choices};
    const auto given = service.own.find(option.name);
    try {
      result[option.name] = normalise(rule, given == service.own.end() ? default_of(service, option) : given->second.value);
    } catch (const std::invalid_argument& error) {
      const Origin& origin = given == service.own.end() ? service.origin : given->second.origin;
      throw ConfigError(origin.text + ": " + option.name + ": " + error.what());
    }
  }
  for (const auto& [key, option] : service.own) {
    if (result.contains(key)) continue;
    std::vector<std::string> known = key_names(SectionKind::service);
    for (const auto& [name, value] : result) known.push_back(name);
    throw ConfigError(option.origin.text + ": " + unknown_key({SectionKind::service, service.name}, key, known));
  }
  return result;
}

}  // namespace prefork::config
