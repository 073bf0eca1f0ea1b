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

/// Lets a few lines pass at once and then one per second, and counts those held back. Pure.
class LineBudget {
 public:
  static constexpr std::uint64_t kBurst = 10;

  /// @return how many lines were held back since the last one passed; nullopt: this one is held back too
  std::optional<std::uint64_t> take(std::uint64_t now_ns) noexcept;

 private:
  std::uint64_t left_ = kBurst;
  std::uint64_t filled_ns_ = 0;
  std::uint64_t held_back_ = 0;
};

/// Logs requests that took longer than `slow-request`, and those that were cancelled at their request-timeout or shed
/// by `queue-timeout`: each once, with a line of bounded length, and only as many lines as LineBudget lets pass.
class SlowLog {
 public:
  /// Reads `slow-request` and `queue-timeout`. @return null: the service has neither of these nor a request-timeout
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

/// "GET /x", for log lines; a longer target is cut and ends with "...". Any bytes. Pure.
std::string short_request(const RequestHead& head, std::size_t most_of_target);

/// "GET /x: 200 after 1234 ms, slow". A long target is cut; the log escapes its bytes. Pure.
std::string slow_line(const RequestHead& head, Status status, std::uint64_t ms, std::string_view why);

}  // namespace prefork::http
