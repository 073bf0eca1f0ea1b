#include "framework/http/routing/host_names.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "framework/http/wire/authority.hpp"
#include "framework/http/wire/char_class.hpp"

namespace prefork::http {
namespace {

bool ends_with_ignoring_case(std::string_view text, std::string_view end) noexcept {
  return text.size() > end.size() && equals_ignoring_case(text.substr(text.size() - end.size()), end);
}

std::string parse_name(std::string_view text) {
  std::string name;
  for (const char c : text) name.push_back(to_lower(c));
  if (name.starts_with("*.")) name.erase(0, 1);
  const std::string_view plain = name.starts_with('.') ? std::string_view(name).substr(1) : std::string_view(name);
  if (plain.empty() || plain.find('*') != std::string_view::npos || !is_authority(plain) ||
      plain_host(plain) != plain) {
    throw std::invalid_argument("\"" + std::string(text) +
                                "\": a name such as example.org or *.example.org is wanted, without a port");
  }
  if (text.starts_with('.')) throw std::invalid_argument("\"" + std::string(text) + "\": write *" + name);
  return name;
}

}  // namespace

HostNames::HostNames(std::string_view list) {
  constexpr std::string_view kBetween = " \t,";
  while (true) {
    const std::size_t begin = list.find_first_not_of(kBetween);
    if (begin == std::string_view::npos) return;
    list.remove_prefix(begin);
    const std::string_view text = list.substr(0, list.find_first_of(kBetween));
    names_.push_back(parse_name(text));
    list.remove_prefix(text.size());
  }
}

std::size_t HostNames::fit(std::string_view host) const noexcept {
  if (any()) return 1;
  std::size_t best = 0;
  for (const std::string& name : names_) {
    if (name.front() == '.') {
      if (ends_with_ignoring_case(host, name)) best = std::max(best, name.size() + 1);
    } else if (equals_ignoring_case(host, name)) {
      return SIZE_MAX;
    }
  }
  return best;
}

bool HostNames::overlap(const HostNames& other) const noexcept {
  if (any() || other.any()) return any() && other.any();
  return std::any_of(names_.begin(), names_.end(), [&](const std::string& name) {
    return std::find(other.names_.begin(), other.names_.end(), name) != other.names_.end();
  });
}

std::string_view plain_host(std::string_view authority) noexcept {
  const std::size_t colon = authority.rfind(':');
  const std::size_t bracket = authority.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon))
    authority = authority.substr(0, colon);
  if (authority.ends_with('.')) authority.remove_suffix(1);
  return authority;
}

}  // namespace prefork::http
