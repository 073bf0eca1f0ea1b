#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "framework/config/config_error.hpp"
#include "framework/config/listen.hpp"

namespace prefork::config {

namespace {

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// One spelling for each host: "*" is 0.0.0.0, and IPv6 has many ways to write an address.
std::string canonical_host(const std::string& host) {
  if (host == "*") return "0.0.0.0";
  in6_addr address{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_pton(AF_INET6, host.c_str(), &address) == 1 &&
      inet_ntop(AF_INET6, &address, text.data(), static_cast<socklen_t>(text.size())) != nullptr) {
    return text.data();
  }
  return lower(host);
}

/// @return the same text for the same address; empty for port 0, of which each bind gets another
std::string identity(const ListenSpec& spec) {
  switch (spec.scheme) {
    case ListenScheme::tcp:
    case ListenScheme::udp:
      if (spec.port == "0") return {};
      return fmt::format("{} {} {}", spec.scheme == ListenScheme::tcp ? "tcp" : "udp", canonical_host(spec.host),
                         spec.port);
    // Streams and datagrams share the file system's names.
    case ListenScheme::unix_stream:
    case ListenScheme::unix_dgram:
      return "unix " + std::filesystem::path(spec.path).lexically_normal().string();
    case ListenScheme::fd_stream:
    case ListenScheme::fd_dgram:
      return "fd " + spec.fd_name;
  }
  return {};
}

bool same_options(const ListenSpec& a, const ListenSpec& b) {
  return a.scheme == b.scheme && a.backlog == b.backlog && a.reuseport == b.reuseport && a.nodelay == b.nodelay &&
         a.ipv6only == b.ipv6only && a.mode == b.mode && a.owner == b.owner && a.group == b.group &&
         a.proxy_protocol == b.proxy_protocol;
}

struct Use {
  const ServiceOptions* service;
  const ListenSpec* spec;
};

/// @return why two services can't share the address; empty: they can
std::string objection(const Use& first, const Use& second, const ObjectToSharing& object) {
  if (std::string why = object(*first.service, *second.service); !why.empty()) return why;
  if (first.service->pool != second.service->pool) return ", and they are in different pools";
  if (!same_options(*first.spec, *second.spec)) return " with other options";
  return {};
}

}  // namespace

void check_own_listeners(const ServiceOptions& service) {
  std::map<std::string, const ListenSpec*> seen;
  for (const auto& spec : service.listeners) {
    const std::string id = identity(spec);
    if (id.empty()) continue;
    const auto [first, is_new] = seen.try_emplace(id, &spec);
    if (is_new) continue;
    throw ConfigError(fmt::format("{}: [service {}] listens on {} twice; first at {}", spec.origin.text, service.name,
                                  spec.address, first->second->origin.text));
  }
}

void check_shared_listeners(const std::vector<ServiceOptions>& services, const ObjectToSharing& object) {
  std::map<std::string, std::vector<Use>> seen;
  for (const auto& service : services) {
    for (const auto& spec : service.listeners) {
      const std::string id = identity(spec);
      if (id.empty()) continue;
      const Use use{&service, &spec};
      for (const Use& other : seen[id]) {
        if (other.service == &service) continue;
        const std::string why = objection(other, use, object);
        if (why.empty()) continue;
        throw ConfigError(fmt::format("{}: [service {}] listens on {}, as does [service {}] at {}{}", spec.origin.text,
                                      service.name, spec.address, other.service->name, other.spec->origin.text, why));
      }
      seen[id].push_back(use);
    }
  }
}

}  // namespace prefork::config
