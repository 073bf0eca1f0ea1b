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
  /// No names: every host.
  HostNames() = default;
  /// `list` is separated by blanks or commas. @throws std::invalid_argument with a sentence about the first invalid
  /// name
  PREFORK_API explicit HostNames(std::string_view list);

  bool any() const noexcept { return names_.empty(); }
  /// How closely these names fit: 0 not at all, 1 as every host, more for a longer wildcard, most for the name itself.
  /// @param host  as returned by plain_host()
  std::size_t fit(std::string_view host) const noexcept;
  /// Whether some name is in both; two lists that stand for every host overlap.
  bool overlap(const HostNames& other) const noexcept;

 private:
  std::vector<std::string> names_;  ///< lower case; wildcards begin with '.'
};

/// An authority without port and final dot. Its case is unchanged.
std::string_view plain_host(std::string_view authority) noexcept;

}  // namespace prefork::http
