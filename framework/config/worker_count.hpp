#pragma once

#include <string>
#include <string_view>

#include "framework/config/options.hpp"

/// How many workers a pool has: the value of its key `workers`.
namespace prefork::config {

constexpr unsigned kMaxPoolWorkers = 4096;

struct WorkerCount {
  unsigned least = 1;  ///< zero: the first client starts a worker
  unsigned most = 1;   ///< never less than `least`
  bool by_auto = false;
};

/// Reads `N`, `auto` or `MIN..MAX`, in which either bound may be `auto` and MIN may be 0.
/// @param auto_workers  what `auto` stands for
/// @throws std::invalid_argument, one sentence that quotes the text
WorkerCount parse_workers(std::string_view text, unsigned auto_workers);

/// Whether a value that parse_workers() reads contains an `auto`.
bool is_by_auto(std::string_view text) noexcept;

/// Writes a pool's size so that parse_workers() reads it back.
std::string format_workers(const PoolOptions& pool);

/// The most workers that a pool may have according to its configuration.
constexpr unsigned most_workers(const PoolOptions& pool) noexcept {
  return pool.scaling.max_workers > pool.workers ? pool.scaling.max_workers : pool.workers;
}

/// Whether the number of a pool's workers follows its load.
constexpr bool is_scaled(const PoolOptions& pool) noexcept { return pool.scaling.max_workers > pool.workers; }

}  // namespace prefork::config
