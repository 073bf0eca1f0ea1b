#include "framework/http/wire/field_list.hpp"

#include <stdexcept>

#include "framework/http/wire/char_class.hpp"

namespace prefork::http {
namespace {

constexpr std::size_t kFirstRoom = 120;  // for a few fields, so that they are one allocation

std::uint32_t checked_size(std::string_view text) {
  if (text.size() > UINT32_MAX) throw std::length_error("a response's field is longer than 4 GiB");
  return static_cast<std::uint32_t>(text.size());
}

}  // namespace

std::optional<std::string_view> FieldList::find(std::string_view name) const noexcept {
  for (const Header field : *this) {
    if (equals_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

void FieldList::append(std::string& fields, std::string_view name, std::string_view value) {
  const Sizes sizes{checked_size(name), checked_size(value)};
  const std::size_t bytes = sizeof sizes + name.size() + value.size();
  if (fields.empty()) fields.reserve(bytes > kFirstRoom ? bytes : kFirstRoom);
  char head[sizeof sizes];
  std::memcpy(head, &sizes, sizeof sizes);
  fields.append(head, sizeof head).append(name).append(value);
}

void FieldList::erase(std::string& fields, std::string_view name) {
  for (std::size_t at = 0; at < fields.size();) {
    const Iterator field(fields.data() + at);
    if (equals_ignoring_case((*field).name, name)) {
      fields.erase(at, field.bytes());
    } else {
      at += field.bytes();
    }
  }
}

}  // namespace prefork::http
