#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/api.hpp>

namespace prefork::http {

/// The names of one virtual host: "example.org www.example.org *.example.net". A wildcard stands for one or more
/// labels.
class HostNames {
 public:
  /// None: every host.
  HostNames() = default;
  /// Names, with blanks or commas between. @throws std::invalid_argument with a sentence about the first that is none
  PREFORK_API explicit HostNames(std::string_view list);

  bool any() const noexcept { return names_.empty(); }
  /// How closely these names fit: 0 not at all, 1 as every host, more for a longer wildcard, most for the name itself.
  /// @param host  as plain_host() gives it
  std::size_t fit(std::string_view host) const noexcept;
  /// Whether some name is in both; two that stand for every host have that in common.
  bool overlap(const HostNames& other) const noexcept;

 private:
  std::vector<std::string> names_;  ///< lower case; wildcards begin with '.'
};

/// An authority without port and final dot. It is not in lower case yet.
std::string_view plain_host(std::string_view authority) noexcept;

}  // namespace prefork::http
