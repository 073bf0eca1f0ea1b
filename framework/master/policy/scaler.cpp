#include "framework/master/policy/scaler.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace prefork::master {

namespace {

/// Less work than this, as a fraction of one worker's time, is a worker's own: timers, its heartbeat.
constexpr double kOwnWork = 0.05;
/// Workers that were busy for this fraction of their time had none left for waiting clients.
constexpr double kFull = 0.95;

}  // namespace

Scaler::Scaler(const ScaleRule& rule, unsigned workers, TimePoint now) : rule_(rule) { keep(workers, now); }

void Scaler::keep(unsigned workers, TimePoint now) {
  while (!peaks_.empty() && peaks_.back().workers <= workers) peaks_.pop_back();
  peaks_.push_back({now, workers});
}

double Scaler::smoothed(double busy) noexcept {
  busy_[samples_++ % kSamples] = busy;
  const auto count = static_cast<std::ptrdiff_t>(std::min(samples_, kSamples));
  return std::accumulate(busy_.begin(), busy_.begin() + count, 0.0) / static_cast<double>(count);
}

unsigned Scaler::asked_for(const LoadSample& sample) {
  const double ready = sample.ready;
  const double busy = std::clamp(sample.busy, 0.0, ready);
  const double load = smoothed(busy);
  busyness_ = sample.ready == 0 ? 0 : std::min(load / ready, 1.0);
  if (!sample.in_use && sample.waiting == 0 && load < kOwnWork) return rule_.least;
  // The most that were busy at one time counts beside the average: with fewer workers clients would have waited. A
  // quotient that is whole except for rounding counts as whole.
  const double needed = std::max({load / rule_.busyness, busy, sample.occupied});
  const double most = rule_.most;
  const unsigned by_load = static_cast<unsigned>(std::clamp(std::ceil(needed - 1e-9), 1.0, most)) + rule_.spare;
  const bool nobody_can = busy >= kFull * ready || sample.occupied >= ready;
  if (sample.waiting == 0 || !nobody_can) return by_load;
  const std::uint64_t at_once = std::min<std::uint64_t>(sample.waiting, std::max(sample.ready, 1U));
  return std::max(by_load, sample.ready + static_cast<unsigned>(at_once));
}

unsigned Scaler::wanted(const LoadSample& sample, TimePoint now) {
  keep(std::clamp(asked_for(sample), rule_.least, rule_.most), now);
  while (peaks_.front().last + rule_.idle_after <= now && peaks_.size() > 1) peaks_.pop_front();
  return std::clamp(peaks_.front().workers, rule_.least, rule_.most);
}

}  // namespace prefork::master
