#include "framework/config/merge.hpp"

#include <boost/any.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>

#include "framework/config/schema.hpp"

namespace po = boost::program_options;

namespace prefork::config {

/// What variables_map holds for a key: each value with its origin. It is a type of our own because the library's
/// vectors would take the origin for another value.
struct LocatedValues {
  std::vector<OptionValue> items;
};

/// The library finds it through the type. The tokens are a value and its origin; they are added to earlier values of
/// the same source.
static void validate(boost::any& stored, const std::vector<std::string>& tokens, LocatedValues*, int) {
  if (stored.empty()) stored = LocatedValues{};
  boost::any_cast<LocatedValues&>(stored).items.push_back({tokens.at(0), {tokens.at(1)}});
}

namespace {

std::string full_key(const SectionId& id, std::string_view key) { return prefix(id) + '.' + std::string(key); }

/// The framework's keys of one section, under their full names and with their defaults.
po::options_description description_of(const SectionId& id) {
  po::options_description description;
  for (const auto& key : keys()) {
    if (key.section != id.kind) continue;
    auto* value = po::value<LocatedValues>();
    if (key.default_value) {
      const std::string text(*key.default_value);
      value->default_value(LocatedValues{{{text, {"default"}}}}, text);
    }
    description.add_options()(full_key(id, key.name).c_str(), value, std::string(key.help).c_str());
  }
  return description;
}

po::parsed_options parsed(const po::options_description& description, const SectionId& id,
                          const std::vector<Entry>& entries) {
  po::parsed_options result(&description);
  for (const auto& entry : entries) {
    if (find_key(id.kind, entry.key) == nullptr) continue;
    result.options.emplace_back(full_key(id, entry.key), std::vector<std::string>{entry.value, entry.origin.text});
  }
  return result;
}

const Origin& place_of(const SectionInput& input) {
  if (!input.implied) return input.origin;
  if (!input.command_line.empty()) return input.command_line.front().origin;
  return input.environment.empty() ? input.origin : input.environment.front().origin;
}

}  // namespace

const OptionValue* SectionValues::find(const std::string& key) const {
  const auto found = values.find(key);
  return found == values.end() ? nullptr : &found->second.front();
}

SectionValues merge(const SectionInput& input) {
  SectionValues merged{input.id, place_of(input), {}, {}};
  const po::options_description description = description_of(input.id);
  po::variables_map map;
  // What is stored first takes precedence.
  for (const auto* entries : {&input.command_line, &input.environment, &input.file}) {
    po::store(parsed(description, input.id, *entries), map);
    for (const auto& entry : *entries) {
      if (find_key(input.id.kind, entry.key) != nullptr) continue;
      merged.own.try_emplace(entry.key, OptionValue{entry.value, entry.origin});
    }
  }
  for (const auto& key : keys()) {
    if (key.section != input.id.kind) continue;
    const auto found = map.find(full_key(input.id, key.name));
    if (found != map.end()) merged.values[std::string(key.name)] = found->second.as<LocatedValues>().items;
  }
  return merged;
}

}  // namespace prefork::config
