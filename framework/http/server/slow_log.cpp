#include "framework/http/server/slow_log.hpp"

#include <algorithm>
#include <utility>

namespace prefork::http {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::size_t kMostOfTarget = 200;

}  // namespace

std::optional<std::uint64_t> LineBudget::take(std::uint64_t now_ns) noexcept {
  const std::uint64_t earned = now_ns > filled_ns_ ? (now_ns - filled_ns_) / kSecond : 0;
  if (earned > 0) {
    left_ = std::min(kBurst, left_ + std::min(earned, kBurst));
    filled_ns_ = left_ == kBurst ? now_ns : filled_ns_ + earned * kSecond;
  }
  if (left_ == 0) {
    ++held_back_;
    return std::nullopt;
  }
  --left_;
  return std::exchange(held_back_, 0);
}

std::unique_ptr<SlowLog> SlowLog::of(worker::ServiceHost& host) {
  const auto limit = host.options().duration("slow-request");
  const auto others = host.limits().request_timeout + host.options().duration("queue-timeout");
  if (limit.count() == 0 && others.count() == 0) return nullptr;
  return std::unique_ptr<SlowLog>(new SlowLog(host, limit));
}

void SlowLog::consider(const Answer& answer) {
  const RequestState& request = answer.call->state;
  const bool cancelled = answer.call->cancelled();
  if (request.shed_after_ms > 0) {
    return write(answer, ipc::monotonic_ns(), request.shed_after_ms, "shed: its wait was longer than queue-timeout");
  }
  if (request.started_ns == 0 || (!cancelled && limit_.count() == 0)) return;
  const std::uint64_t now = ipc::monotonic_ns();
  const std::uint64_t ms = now > request.started_ns ? (now - request.started_ns) / 1'000'000 : 0;
  if (!cancelled && ms < static_cast<std::uint64_t>(limit_.count())) return;
  write(answer, now, ms, cancelled ? "cancelled at its request-timeout" : "slow");
}

void SlowLog::write(const Answer& answer, std::uint64_t now, std::uint64_t ms, std::string_view why) {
  const auto held_back = budget_.take(now);
  if (!held_back) return;
  std::string line = slow_line(answer.call->state.head, answer.response->status(), ms, why);
  if (*held_back > 0) line += "; " + std::to_string(*held_back) + " such lines before it were left out";
  host_.log(LogLevel::warning, line);
}

std::string short_request(const RequestHead& head, std::size_t most_of_target) {
  std::string text(head.method_name);
  text.append(" ").append(head.target.substr(0, most_of_target));
  return head.target.size() > most_of_target ? text + "..." : text;
}

std::string slow_line(const RequestHead& head, Status status, std::uint64_t ms, std::string_view why) {
  std::string line = short_request(head, kMostOfTarget);
  line.append(": ").append(std::to_string(code(status))).append(" after ").append(std::to_string(ms));
  return line.append(" ms, ").append(why);
}

}  // namespace prefork::http
