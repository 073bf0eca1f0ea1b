#include "framework/master/workforce/pool_table.hpp"

#include <algorithm>
#include <utility>

namespace prefork::master {

std::size_t PoolTable::add(const std::shared_ptr<Generation>& generation, std::size_t place, PoolRole role) {
  Pool pool = make_pool(generation, place);
  const auto namesake = std::ranges::find_if(pools_, [&](const auto& known) { return known.second.name == pool.name; });
  const bool is_known = namesake != pools_.end();
  pool.seats = is_known ? namesake->second.seats : std::make_shared<const ipc::Seats>(ipc::Seats::create(slots_));
  pool.number = is_known ? namesake->second.number : next_.number++;
  pool.role = role;
  pools_.emplace(next_.id, std::move(pool));
  return next_.id++;
}

std::optional<std::size_t> PoolTable::find(const std::string& name, PoolRole role) const noexcept {
  for (const auto& [id, pool] : pools_) {
    if (pool.role == role && pool.name == name) return id;
  }
  return std::nullopt;
}

std::optional<std::size_t> PoolTable::find(const std::string& name) const noexcept {
  const auto found = find(name, preferred_);
  return found ? found : find(name, PoolRole::serving);
}

}  // namespace prefork::master
