#pragma once

#include <memory>
#include <span>

#include <prefork/api.hpp>
#include <prefork/http/router.hpp>
#include <prefork/manifest.hpp>
#include <prefork/service.hpp>

namespace prefork::http {

/// A service that answers HTTP/1.1 requests (RFC 9110, RFC 9112). Several may share a listener, each at its `mount`; a
/// request goes to the longest mount that is a prefix of the path and ends at the end of a segment. All requests of a
/// worker share its one thread: a service must not call anything that blocks.
class PREFORK_API Service : public ServiceBase {
 public:
  static constexpr ServiceKind kKind = ServiceKind::http;
  /// Declares `mount`, the time limits and the size limits that every HTTP service has.
  static void describe_base(Manifest& manifest);

  ~Service() override;

  /// Called once in each worker, after `start` has ended and before the first request.
  virtual void routes(Router& router) = 0;

  std::unique_ptr<Protocol> make_protocol(std::span<const Hosted> sharing) final;
};

}  // namespace prefork::http
