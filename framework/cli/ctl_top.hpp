#pragma once

#include <chrono>
#include <cstddef>
#include <string>

/// The page that `preforkctl top` shows. Pure.
namespace prefork::cli {

/// What the master answered, and when.
struct TopSample {
  std::string status;
  std::string events;
  std::chrono::steady_clock::time_point at;
};

/// Size of the terminal; zero: no limit.
struct TopSize {
  std::size_t columns = 0;
  std::size_t rows = 0;
};

/// Formats the page. Rates and latencies cover the time between the two samples; the busiest workers come first. If
/// there are too few rows, the remaining workers are left out and counted.
std::string top_text(const TopSample& before, const TopSample& now, TopSize size);

}  // namespace prefork::cli
