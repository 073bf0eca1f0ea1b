#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "framework/http/server/access_format.hpp"
#include "framework/worker/service/service_host.hpp"

namespace prefork::http {

/// A service's access log in one worker: collects lines and passes them to the log writer's pipe, without ever waiting
/// for it. Lines stay here for at most a fifth of a second; a killed worker loses them.
class AccessLog final : private worker::TimerWheel::Entry {
 public:
  /// Reads `access-log-format` and `access-log-sample`. @return null: the service has no access log
  /// @throws std::invalid_argument
  static std::unique_ptr<AccessLog> of(worker::ServiceHost& host);
  ~AccessLog();

  /// Whether this answer gets a line: one in so many, and every server error.
  bool wants(Status status) noexcept { return ++seen_ % sample_ == 0 || code(status) >= 500; }
  void record(const AccessRecord& record);
  /// Passes on what is there. Waits at most a second for a slow reader: for the worker's end.
  void finish() noexcept;

 private:
  AccessLog(worker::ServiceHost& host, AccessFormat format, std::uint64_t sample);

  void on_timer() override { flush(); }
  void flush() noexcept;
  void tell_losses() noexcept;

  worker::ServiceHost& host_;
  AccessFormat format_;
  AccessSource source_;
  std::uint64_t sample_;
  std::uint64_t seen_ = 0;
  std::string lines_;
  std::uint64_t lost_ = 0;
};

}  // namespace prefork::http
