#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "framework/http/server/exchange.hpp"
#include "framework/worker/service/service_host.hpp"

namespace prefork::http {

/// Lets a few lines pass at once and then one a second, and knows how many it held back. Pure.
class LineBudget {
 public:
  static constexpr std::uint64_t kBurst = 10;

  /// @return how many lines were held back since the last that passed; nullopt: this one is held back too
  std::optional<std::uint64_t> take(std::uint64_t now_ns) noexcept;

 private:
  std::uint64_t left_ = kBurst;
  std::uint64_t filled_ns_ = 0;
  std::uint64_t held_back_ = 0;
};

/// Tells the server's log of requests that took longer than `slow-request`, and of those that were cancelled at their
/// request-timeout or shed by `queue-timeout`: each once, with a line of bounded length, and no more lines than
/// LineBudget lets pass.
class SlowLog {
 public:
  /// Reads `slow-request` and `queue-timeout`. @return null where the service has neither of these nor a
  /// request-timeout.
  static std::unique_ptr<SlowLog> of(worker::ServiceHost& host);

  /// REQUIRES that the answer has a call.
  void consider(const Answer& answer);

 private:
  void write(const Answer& answer, std::uint64_t now, std::uint64_t ms, std::string_view why);
  SlowLog(worker::ServiceHost& host, std::chrono::milliseconds limit) noexcept : host_(host), limit_(limit) {}

  worker::ServiceHost& host_;
  std::chrono::milliseconds limit_;  // zero: only those that were cancelled or shed
  LineBudget budget_;
};

/// "GET /x", for log lines: a longer target than that ends with "...". Any bytes. Pure.
std::string short_request(const RequestHead& head, std::size_t most_of_target);

/// "GET /x: 200 after 1234 ms, slow". The target is cut where it is long; the log escapes its bytes. Pure.
std::string slow_line(const RequestHead& head, Status status, std::uint64_t ms, std::string_view why);

}  // namespace prefork::http
