#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prefork/api.hpp>
#include <prefork/http/router.hpp>

#include "framework/http/body/transfer_pace.hpp"
#include "framework/http/message/forwarded.hpp"
#include "framework/http/routing/host_names.hpp"
#include "framework/http/wire/parser.hpp"

namespace prefork {
class Context;
}

namespace prefork::ipc {
class SharedHistogram;
class SharedResponses;
}  // namespace prefork::ipc

namespace prefork::http {

class AccessLog;
class SlowLog;

/// The options of an HTTP service (`http::Service::describe_base`).
struct HttpOptions {
  Limits limits;
  std::chrono::milliseconds header_timeout{10'000};
  TransferPace body_pace{std::chrono::milliseconds(30'000)};
  std::chrono::milliseconds keepalive_timeout{75'000};
  std::uint64_t write_min_rate = 0;            ///< of responses, as TransferPace::min_rate
  std::chrono::milliseconds queue_timeout{0};  ///< zero: none
  Networks trusted_proxies;

  /// Reads them from the options. Worker.
  static HttpOptions from(const Context& context);
};

/// The place of a service on a listener: its `mount` and `host` options.
struct Place {
  Place(const char* its_path) : path(its_path) {}
  Place(std::string_view its_path, HostNames its_hosts = {}) : path(its_path), hosts(std::move(its_hosts)) {}

  std::string_view path;  ///< "/", "/a" or "/a/b"; a final '/' is ignored
  HostNames hosts;
};

/// Where a service's requests and their answers are recorded; null: not there. All outlive the endpoint.
struct Records {
  AccessLog* access_log = nullptr;
  SlowLog* slow_log = nullptr;
  const ipc::SharedHistogram* times = nullptr;
  const ipc::SharedResponses* responses = nullptr;
};

/// @throws std::invalid_argument if no service can be mounted at `path`
void check_mount(std::string_view path);

/// Whether two services at these places could both claim the same request.
PREFORK_API bool same_place(const Place& one, const Place& other) noexcept;

/// One HTTP service at its place on a listener; each of its requests points to it. Constant while the worker serves.
struct Mount {
  std::string prefix;  ///< "/hello"; empty for the mount "/"
  HostNames hosts;
  Router router;
  HttpOptions options;
  Context* context = nullptr;  ///< of the service; null in tests
  Records records;
};

/// The HTTP services that share a listener in one worker. Filled when the worker starts, constant after.
class Endpoint {
 public:
  /// `context` is the service's, or null in tests. @throws std::invalid_argument if the path is malformed or the place
  /// is taken
  void mount(const Place& place, Router router, const HttpOptions& options, Context* context,
             const Records& records = {});

  /// Of the services whose names fit `host` best, the one with the longest prefix of `path` that ends at the end of a
  /// segment; nullptr: none.
  /// @param host  the authority of the request
  const Mount* find(std::string_view path, std::string_view host = {}) const noexcept;
  /// Whether any service exists for that host; if not, the request has come to the wrong server.
  bool serves(std::string_view host) const noexcept { return !has_hosts_ || best_fit(plain_host(host)) > 0; }

  /// Whether one of the services has a request-timeout.
  bool has_request_timeout() const noexcept;

  /// The access log of the first service that has one, for requests that belong to none; null: none.
  AccessLog* access_log() const noexcept { return access_log_; }
  /// The counts of the first service that has them, for the answers to such requests.
  const ipc::SharedResponses* responses() const noexcept { return responses_; }

  /// The options that apply until a request's path is known: the most generous of all services.
  const HttpOptions& options() const noexcept { return options_; }

 private:
  std::size_t best_fit(std::string_view host) const noexcept;

  std::vector<Mount> mounts_;  ///< longest prefix first
  AccessLog* access_log_ = nullptr;
  const ipc::SharedResponses* responses_ = nullptr;
  bool has_hosts_ = false;  ///< whether some service has names
  HttpOptions options_;
};

/// The part of `path` below `mount`, with its leading '/'. REQUIRES that find() returned that mount.
inline std::string_view relative_path(std::string_view path, const Mount& mount) noexcept {
  path.remove_prefix(mount.prefix.size());
  return path.empty() ? std::string_view("/") : path;
}

}  // namespace prefork::http
