#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/http/router.hpp>

#include "framework/http/parser.hpp"

namespace prefork {
class Context;
}

namespace prefork::http {

/// What a service's options say (`http::Service::describe_base`).
struct ServiceLimits {
  Limits limits;
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds keepalive_timeout{75'000};

  /// Reads them from the options. Worker.
  static ServiceLimits from(const Context& context);
};

/// One HTTP service at its place on a listener.
struct Mount {
  std::string prefix;  ///< "/hello"; empty for the mount "/"
  Router router;
  Context* context = nullptr;
  std::uint64_t body_bytes = 0;  ///< this service's own limit
};

/// The HTTP services that share a listener in one worker. Filled when the worker starts, constant after.
class Endpoint {
 public:
  /// `path` is "/", "/a" or "/a/b"; a final '/' is ignored. `context` is that of the service, or null in
  /// tests. @throws std::invalid_argument where the path is malformed or taken.
  void mount(std::string_view path, Router router, const ServiceLimits& limits, Context* context);

  /// The mount with the longest prefix of `path` that ends at the end of a segment; nullptr for none.
  const Mount* find(std::string_view path) const noexcept;

  /// Before a request's path is known, the most generous of its services' limits hold.
  const ServiceLimits& limits() const noexcept { return limits_; }

 private:
  std::vector<Mount> mounts_;  ///< longest prefix first
  ServiceLimits limits_;
};

/// The part of `path` below `mount`, with its leading '/'. REQUIRES that find() gave that mount.
inline std::string_view relative_path(std::string_view path, const Mount& mount) noexcept {
  path.remove_prefix(mount.prefix.size());
  return path.empty() ? std::string_view("/") : path;
}

}  // namespace prefork::http
