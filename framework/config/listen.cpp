#include "framework/config/listen.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <stdexcept>

#include "framework/base/units.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

/// sun_path holds a terminating zero too.
constexpr std::size_t kMaxPathBytes = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t kMaxHostBytes = 253;
constexpr int kMaxBacklog = 65'535;
constexpr std::string_view kWhiteSpace = " \t\n";

struct Scheme {
  std::string_view start;
  ListenScheme scheme;
};
constexpr std::array<Scheme, 6> kSchemes{{{"tcp://", ListenScheme::tcp},
                                          {"udp://", ListenScheme::udp},
                                          {"unix:", ListenScheme::unix_stream},
                                          {"unix-dgram:", ListenScheme::unix_dgram},
                                          {"fd:", ListenScheme::fd_stream},
                                          {"fd-dgram:", ListenScheme::fd_dgram}}};

[[noreturn]] void refuse(std::string_view what, const std::string& why) {
  throw std::invalid_argument(in_quotes(what) + " " + why);
}

bool is_ip(ListenScheme scheme) { return scheme == ListenScheme::tcp || scheme == ListenScheme::udp; }
bool is_fd(ListenScheme scheme) { return scheme == ListenScheme::fd_stream || scheme == ListenScheme::fd_dgram; }

bool is_ipv4(const std::string& host) {
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  // The resolver must check a zone ("fe80::1%eth0").
  const auto zone = host.find('%');
  return zone != host.size() - 1 && inet_pton(AF_INET6, host.substr(0, zone).c_str(), &address) == 1;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name_byte(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

void check_host(std::string_view address, const std::string& host, bool bracketed) {
  if (host.empty()) refuse(address, "has no host; write 127.0.0.1 for this machine only or 0.0.0.0 for every address");
  if (bracketed) {
    if (!is_ipv6(host)) refuse(address, fmt::format("has {} in brackets, which is no IPv6 address", in_quotes(host)));
    return;
  }
  if (host == "*") return;
  if (host.find(':') != std::string::npos) {
    refuse(address, "has more than one ':'; write an IPv6 address in brackets, [::1]:PORT");
  }
  const bool numeric = std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; });
  if (numeric && !is_ipv4(host)) refuse(address, fmt::format("has the host {}, no IPv4 address", in_quotes(host)));
  if (host.size() > kMaxHostBytes || host.front() == '-' || !std::all_of(host.begin(), host.end(), is_name_byte)) {
    refuse(address, fmt::format("has the host {}, neither an address nor a host name", in_quotes(host)));
  }
}

std::string checked_port(std::string_view address, std::string_view port) {
  if (port.empty()) refuse(address, "has no port; write 0 to 65535 or a service's name after the ':'");
  if (std::all_of(port.begin(), port.end(), is_digit)) {
    const auto significant = port.substr(std::min(port.find_first_not_of('0'), port.size() - 1));
    if (significant.size() > 5 || std::stoi(std::string(significant)) > 65'535) {
      refuse(address, "has a port beyond 65535");
    }
    return std::string(significant);
  }
  if (port.front() == '-' || !std::all_of(port.begin(), port.end(), is_name_byte)) {
    refuse(address, fmt::format("has the port {}; expected 0 to 65535 or a service's name", in_quotes(port)));
  }
  return std::string(port);
}

void parse_ip(std::string_view rest, ListenSpec& spec) {
  const bool bracketed = rest.starts_with('[');
  const auto host_end = bracketed ? rest.find(']') : rest.rfind(':');
  if (bracketed && host_end == std::string_view::npos) refuse(spec.address, "has a '[' without its ']'");
  if (host_end == std::string_view::npos) {
    check_host(spec.address, std::string(rest), false);
    refuse(spec.address, "has no port; write HOST:PORT");
  }
  const std::string_view after = bracketed ? rest.substr(host_end + 1) : rest.substr(host_end);
  spec.host = std::string(bracketed ? rest.substr(1, host_end - 1) : rest.substr(0, host_end));
  check_host(spec.address, spec.host, bracketed);
  if (!after.starts_with(':')) refuse(spec.address, "has no port; write [HOST]:PORT");
  spec.port = checked_port(spec.address, after.substr(1));
}

void parse_path(std::string_view path, ListenSpec& spec) {
  if (path.empty()) refuse(spec.address, "has no path; write unix:/run/NAME.sock");
  if (path.front() == '@') refuse(spec.address, "is an abstract address, which is not supported; write a path");
  if (path.back() == '/') refuse(spec.address, "is a folder; write the path of the socket file");
  if (path.size() > kMaxPathBytes) {
    refuse(spec.address,
           fmt::format("has a path of {} bytes; a socket's path has {} at most", path.size(), kMaxPathBytes));
  }
  spec.path = std::string(path);
}

void parse_fd(std::string_view name, ListenSpec& spec) {
  if (name.empty()) refuse(spec.address, "has no name; write what FileDescriptorName= of the socket unit says");
  if (name.find(':') != std::string_view::npos) refuse(spec.address, "has a ':' in its name, which no socket's has");
  spec.fd_name = std::string(name);
}

void parse_address(std::string_view address, ListenSpec& spec) {
  spec.address = std::string(address);
  for (const auto& scheme : kSchemes) {
    if (!address.starts_with(scheme.start)) continue;
    spec.scheme = scheme.scheme;
    const std::string_view rest = address.substr(scheme.start.size());
    if (is_fd(spec.scheme)) return parse_fd(rest, spec);
    return is_ip(spec.scheme) ? parse_ip(rest, spec) : parse_path(rest, spec);
  }
  refuse(address,
         "is not an address: expected tcp://HOST:PORT, udp://HOST:PORT, unix:PATH, unix-dgram:PATH or fd:NAME");
}

/// Whether the option has a meaning for the address; otherwise the scheme's own default stays.
bool fits(std::string_view option, const ListenSpec& spec) {
  if (option == "backlog" || option == "proxy-protocol") return is_stream(spec.scheme);
  if (option == "nodelay") return spec.scheme == ListenScheme::tcp || spec.scheme == ListenScheme::fd_stream;
  if (option == "reuseport") return is_ip(spec.scheme);
  if (option == "ipv6only") return is_ip(spec.scheme) && spec.host != "*" && !is_ipv4(spec.host);
  return !spec.path.empty();  // mode, owner, group
}

/// The name of a user or a group; whether it exists is checked when the socket is bound.
std::string parse_name(std::string_view value) {
  if (value.empty()) throw std::invalid_argument("the name must not be empty");
  if (value.front() == '-') throw std::invalid_argument(in_quotes(value) + " is no name");
  return std::string(value);
}

void parse_option(std::string_view option, ListenSpec& spec) {
  const auto equals = option.find('=');
  const std::string name(option.substr(0, equals));
  const std::vector<std::string> names{"backlog", "reuseport", "nodelay", "ipv6only",
                                       "mode",    "owner",     "group",   "proxy-protocol"};
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    throw std::invalid_argument("unknown option " + in_quotes(name) + " of an address" + did_you_mean(name, names));
  }
  if (!fits(name, spec)) {
    throw std::invalid_argument(fmt::format("the option {} does not fit the address {}", name, spec.address));
  }
  const bool has_value = equals != std::string_view::npos;
  const std::string_view value = has_value ? option.substr(equals + 1) : std::string_view("on");
  const bool is_flag = name == "reuseport" || name == "nodelay" || name == "ipv6only" || name == "proxy-protocol";
  if (!has_value && !is_flag) {
    const bool is_name = name == "owner" || name == "group";
    throw std::invalid_argument(fmt::format("the option {0} needs a value: {0}={1}", name, is_name ? "NAME" : "N"));
  }
  try {
    if (name == "backlog") spec.backlog = static_cast<int>(base::parse_integer(value, 1, kMaxBacklog));
    if (name == "reuseport") spec.reuseport = base::parse_flag(value);
    if (name == "nodelay") spec.nodelay = base::parse_flag(value);
    if (name == "ipv6only") spec.ipv6only = base::parse_flag(value);
    if (name == "proxy-protocol") spec.proxy_protocol = base::parse_flag(value);
    if (name == "mode") spec.mode = base::parse_mode(value);
    if (name == "owner") spec.owner = parse_name(value);
    if (name == "group") spec.group = parse_name(value);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(fmt::format("the option {} of {}: {}", name, spec.address, error.what()));
  }
}

/// @return the next word, taken from the front of the rest; empty at its end
std::string_view next_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(kWhiteSpace), rest.size()));
  const std::string_view word = rest.substr(0, rest.find_first_of(kWhiteSpace));
  rest.remove_prefix(word.size());
  return word;
}

}  // namespace

bool is_stream(ListenScheme scheme) noexcept {
  return scheme == ListenScheme::tcp || scheme == ListenScheme::unix_stream || scheme == ListenScheme::fd_stream;
}

ListenSpec parse_listen(std::string_view value) {
  ListenSpec spec;
  std::string_view rest = value;
  parse_address(next_word(rest), spec);
  std::set<std::string_view> seen;
  for (auto option = next_word(rest); !option.empty(); option = next_word(rest)) {
    if (!seen.insert(option.substr(0, option.find('='))).second) {
      throw std::invalid_argument(fmt::format("the option {} is given twice", in_quotes(option)));
    }
    parse_option(option, spec);
  }
  return spec;
}

std::string format_listen(const ListenSpec& spec) {
  const ListenSpec defaults;
  std::string out = spec.address;
  if (spec.backlog != defaults.backlog) out += fmt::format(" backlog={}", spec.backlog);
  if (spec.reuseport != defaults.reuseport) out += " reuseport=" + base::format_flag(spec.reuseport);
  if (spec.nodelay != defaults.nodelay) out += " nodelay=" + base::format_flag(spec.nodelay);
  // An inherited socket itself says what it takes, so this can't be configured.
  if (spec.fd_name.empty() && spec.ipv6only != defaults.ipv6only)
    out += " ipv6only=" + base::format_flag(spec.ipv6only);
  if (spec.mode != defaults.mode) out += " mode=" + base::format_mode(spec.mode);
  if (!spec.owner.empty()) out += " owner=" + spec.owner;
  if (!spec.group.empty()) out += " group=" + spec.group;
  if (spec.proxy_protocol != defaults.proxy_protocol)
    out += " proxy-protocol=" + base::format_flag(spec.proxy_protocol);
  return out;
}

}  // namespace prefork::config
