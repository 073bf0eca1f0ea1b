#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "framework/master/workforce/pool.hpp"

namespace prefork::master {

/// The pools that have workers or may start some, each under an id that no other pool has ever had. While a generation
/// is being rolled in, two pools have the same name. Ids, and the addresses of pools, stay the same when other pools
/// come and go.
class PoolTable {
 public:
  using Map = std::map<std::size_t, Pool>;
  /// What the next pool gets.
  struct Next {
    std::size_t id = 0;
    std::uint32_t number = 0;
  };

  /// @param slots  of the scoreboard
  explicit PoolTable(std::size_t slots) : slots_(slots) {}

  /// Adds a pool of a generation. It shares number and seats with a pool of the same name. @return its id
  /// @throws std::system_error: no memory for its seats
  std::size_t add(const std::shared_ptr<Generation>& generation, std::size_t place, PoolRole role);
  /// Adds a pool that another program has handed over, with its number and seats.
  void restore(std::size_t id, Pool pool) { pools_.emplace(id, std::move(pool)); }
  const Next& next() const noexcept { return next_; }
  void restore_next(const Next& next) noexcept { next_ = next; }

  Pool& at(std::size_t id) { return pools_.at(id); }
  const Pool& at(std::size_t id) const { return pools_.at(id); }

  /// @return the pool with this name; during a rollout the incoming side, or the side set by prefer()
  std::optional<std::size_t> find(const std::string& name) const noexcept;
  std::optional<std::size_t> find(const std::string& name, PoolRole role) const noexcept;
  /// From now on a name means this side of a pool during a rollout.
  void prefer(PoolRole side) noexcept { preferred_ = side; }

  /// Removes the pools for which `is_done(id, pool)` is true.
  template <class IsDone>
  void remove_if(IsDone is_done) {
    std::erase_if(pools_, [&](const auto& entry) { return is_done(entry.first, entry.second); });
  }

  Map::iterator begin() noexcept { return pools_.begin(); }
  Map::iterator end() noexcept { return pools_.end(); }
  Map::const_iterator begin() const noexcept { return pools_.begin(); }
  Map::const_iterator end() const noexcept { return pools_.end(); }

 private:
  std::size_t slots_;
  Map pools_;
  Next next_;
  PoolRole preferred_ = PoolRole::incoming;
};

}  // namespace prefork::master
