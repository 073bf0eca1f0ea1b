#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/config/option_table.hpp"
#include "framework/config/value_types.hpp"

/// The building blocks of the rows in the option table (option_table.cpp).
namespace prefork::config {

/// A member of a section, and how its value is read and written.
template <class Section>
struct Member {
  ValueRule rule;
  decltype(OptionRow<Section>::set) set;
  decltype(OptionRow<Section>::get) get;
  bool may_be_empty = false;
  bool list = false;
};

/// A member that always has a value.
template <class Section, class T>
Member<Section> value(T Section::*member, ValueType<T> type) {
  return {type.rule,
          [=](Section& section, const OptionValue& given, unsigned) { section.*member = type.parse(given.value); },
          [=](const Section& section) {
            return std::vector<OptionValue>{{type.format(section.*member), {}}};
          },
          type.may_be_empty};
}

/// A member that is unset while it is empty.
template <class Section, class T>
Member<Section> value_unless_empty(T Section::*member, ValueType<T> type) {
  Member<Section> result = value(member, std::move(type));
  result.get = [member, get = std::move(result.get)](const Section& section) {
    return (section.*member).empty() ? std::vector<OptionValue>{} : get(section);
  };
  return result;
}

/// A member that may be unset.
template <class Section, class T>
Member<Section> optional_value(std::optional<T> Section::*member, ValueType<T> type) {
  return {type.rule,
          [=](Section& section, const OptionValue& given, unsigned) { section.*member = type.parse(given.value); },
          [=](const Section& section) {
            const std::optional<T>& held = section.*member;
            return held ? std::vector<OptionValue>{{type.format(*held), {}}} : std::vector<OptionValue>{};
          },
          type.may_be_empty};
}

/// A member that holds any number of values, each with its origin.
template <class Section, class T>
Member<Section> list_of(std::vector<T> Section::*member, ValueType<T> type) {
  return {type.rule,
          [=](Section& section, const OptionValue& given, unsigned) {
            T item = type.parse(given.value);
            item.origin = given.origin;
            (section.*member).push_back(std::move(item));
          },
          [=](const Section& section) {
            std::vector<OptionValue> values;
            for (const T& item : section.*member) values.push_back({type.format(item), item.origin});
            return values;
          },
          false, true};
}

/// One row.
template <class Section>
OptionRow<Section> option(std::string_view name, std::string_view argument, Member<Section> member,
                          std::string_view help) {
  KeySpec key;
  key.name = name;
  key.argument = argument;
  key.rule = std::move(member.rule);
  key.help = help;
  key.list = member.list;
  key.may_be_empty = member.may_be_empty;
  return {std::move(key), std::move(member.set), std::move(member.get)};
}

/// A row whose value must be given.
template <class Section>
OptionRow<Section> required(OptionRow<Section> row) {
  row.key.required = true;
  return row;
}

/// Rows of a structure within a section, as rows of the section.
template <class Section, class Part>
std::vector<OptionRow<Section>> within(Part Section::*part, const std::vector<OptionRow<Part>>& rows) {
  std::vector<OptionRow<Section>> result;
  for (const OptionRow<Part>& row : rows) {
    result.push_back({row.key,
                      [part, set = row.set](Section& section, const OptionValue& given, unsigned auto_workers) {
                        set(section.*part, given, auto_workers);
                      },
                      [part, get = row.get](const Section& section) { return get(section.*part); }});
  }
  return result;
}

}  // namespace prefork::config
