#include "framework/config/worker_count.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "framework/base/units.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

constexpr std::string_view kAuto = "auto";
constexpr std::string_view kDots = "..";

unsigned parse_bound(std::string_view text, unsigned minimum, WorkerCount& count, unsigned auto_workers) {
  if (text == kAuto) {
    count.by_auto = true;
    return auto_workers;
  }
  try {
    return static_cast<unsigned>(base::parse_integer(text, minimum, kMaxPoolWorkers));
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string(error.what()) + ", auto or MIN..MAX");
  }
}

}  // namespace

WorkerCount parse_workers(std::string_view text, unsigned auto_workers) {
  WorkerCount count;
  const auto dots = text.find(kDots);
  if (dots == std::string_view::npos) {
    count.least = count.most = parse_bound(text, 1, count, auto_workers);
    return count;
  }
  count.least = parse_bound(text.substr(0, dots), 0, count, auto_workers);
  count.most = parse_bound(text.substr(dots + kDots.size()), 1, count, auto_workers);
  if (count.least <= count.most) return count;
  const std::string granted = count.by_auto ? fmt::format("; auto is {} here", auto_workers) : "";
  throw std::invalid_argument(fmt::format("{} asks for at least {} and at most {} workers{}", in_quotes(text),
                                          count.least, count.most, granted));
}

bool is_by_auto(std::string_view text) noexcept { return text.find(kAuto) != std::string_view::npos; }

std::string format_workers(const PoolOptions& pool) {
  return is_scaled(pool) ? fmt::format("{}..{}", pool.workers, pool.scaling.max_workers) : std::to_string(pool.workers);
}

}  // namespace prefork::config
