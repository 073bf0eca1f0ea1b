#include "framework/http/routing/endpoint.hpp"

#include <algorithm>
#include <stdexcept>

#include <prefork/context.hpp>

#include "framework/http/routing/route_table.hpp"
#include "framework/http/wire/path.hpp"
#include "framework/worker/service/service_host.hpp"

namespace prefork::http {
namespace {

[[noreturn]] void refuse(std::string_view path, std::string_view why) {
  throw std::invalid_argument("\"" + std::string(path) + "\": " + std::string(why));
}

std::string_view prefix_of(std::string_view path) noexcept {
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

void widen(HttpOptions& all, const HttpOptions& one) noexcept {
  all.limits.request_line_bytes = std::max(all.limits.request_line_bytes, one.limits.request_line_bytes);
  all.limits.header_bytes = std::max(all.limits.header_bytes, one.limits.header_bytes);
  all.limits.fields = std::max(all.limits.fields, one.limits.fields);
  all.limits.body_bytes = std::max(all.limits.body_bytes, one.limits.body_bytes);
  all.header_timeout = std::max(all.header_timeout, one.header_timeout);
  all.body_pace.timeout = std::max(all.body_pace.timeout, one.body_pace.timeout);
  all.body_pace.min_rate = std::min(all.body_pace.min_rate, one.body_pace.min_rate);
  all.keepalive_timeout = std::max(all.keepalive_timeout, one.keepalive_timeout);
  all.write_min_rate = std::min(all.write_min_rate, one.write_min_rate);
  all.queue_timeout = std::max(all.queue_timeout, one.queue_timeout);
}

}  // namespace

HttpOptions HttpOptions::from(const Context& context) {
  HttpOptions result;
  result.limits.request_line_bytes = static_cast<std::uint32_t>(context.options().size("max-request-line"));
  result.limits.header_bytes = static_cast<std::uint32_t>(context.options().size("max-header-bytes"));
  result.limits.fields = static_cast<std::uint16_t>(context.options().integer("max-headers"));
  result.limits.body_bytes = context.options().size("max-body-bytes");
  result.header_timeout = context.options().duration("header-timeout");
  result.body_pace = {context.options().duration("body-timeout"), context.options().size("body-min-rate")};
  result.keepalive_timeout = context.options().duration("keepalive-timeout");
  result.write_min_rate = context.options().size("write-min-rate");
  result.queue_timeout = context.options().duration("queue-timeout");
  result.trusted_proxies = Networks(context.options().text("trusted-proxies"));
  return result;
}

void check_mount(std::string_view path) {
  if (!path.starts_with('/')) refuse(path, "it does not begin with '/'");
  if (path.find_first_of("?#%{}") != std::string_view::npos) refuse(path, "it is a plain path, without escapes");
  if (path.find("//") != std::string_view::npos || has_dot_segment(path))
    refuse(path, "it has an empty or dot segment");
}

bool same_place(const Place& one, const Place& other) noexcept {
  return prefix_of(one.path) == prefix_of(other.path) && one.hosts.overlap(other.hosts);
}

void Endpoint::mount(const Place& place, Router router, const HttpOptions& options, Context* context,
                     const Records& records) {
  check_mount(place.path);
  const std::string_view prefix = prefix_of(place.path);
  for (const Mount& other : mounts_) {
    if (other.prefix == prefix && other.hosts.overlap(place.hosts))
      refuse(place.path, "another service of this listener is mounted there");
  }
  if (mounts_.empty()) options_ = options;
  widen(options_, options);
  options_.limits.body_bytes = std::max(options_.limits.body_bytes, RouteTable::of(router).max_body_bytes());
  if (access_log_ == nullptr) access_log_ = records.access_log;
  if (responses_ == nullptr) responses_ = records.responses;
  has_hosts_ = has_hosts_ || !place.hosts.any();
  const auto before = std::find_if(mounts_.begin(), mounts_.end(),
                                   [&](const Mount& other) { return other.prefix.size() < prefix.size(); });
  mounts_.insert(before, Mount{std::string(prefix), place.hosts, std::move(router), options, context, records});
}

bool Endpoint::has_request_timeout() const noexcept {
  return std::any_of(mounts_.begin(), mounts_.end(), [](const Mount& mount) {
    return mount.context != nullptr && worker::host_of(*mount.context).limits().request_timeout.count() > 0;
  });
}

std::size_t Endpoint::best_fit(std::string_view host) const noexcept {
  std::size_t best = 0;
  for (const Mount& mount : mounts_) best = std::max(best, mount.hosts.fit(host));
  return best;
}

const Mount* Endpoint::find(std::string_view path, std::string_view host) const noexcept {
  std::size_t fit = 0;
  if (has_hosts_) {
    host = plain_host(host);
    fit = best_fit(host);
    if (fit == 0) return nullptr;
  }
  for (const Mount& mount : mounts_) {
    if (has_hosts_ && mount.hosts.fit(host) != fit) continue;
    const std::size_t end = mount.prefix.size();
    if (path.starts_with(mount.prefix) && (path.size() == end || path[end] == '/')) return &mount;
  }
  return nullptr;
}

}  // namespace prefork::http
