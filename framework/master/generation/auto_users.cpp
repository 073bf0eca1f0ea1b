#include "framework/master/generation/auto_users.hpp"

#include <algorithm>
#include <cstdint>
#include <set>

namespace prefork::master {

namespace {

// FNV-1a, so that another build of the master derives the same ids.
std::uint64_t hash_of(const std::string& name) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash ^ hash >> 32;
}

}  // namespace

// In the order of names, so that the order in the file does not matter.
std::map<std::string, std::optional<uid_t>> choose_auto_users(const std::vector<std::string>& pools,
                                                              const config::UserRange& range,
                                                              const std::map<std::string, uid_t>& running,
                                                              const std::function<bool(uid_t)>& taken) {
  std::map<std::string, std::optional<uid_t>> chosen;
  std::set<uid_t> used;
  for (const auto& [pool, uid] : running) used.insert(uid);  // also of pools that go away: their workers may live on
  for (const auto& pool : pools) {
    const auto known = running.find(pool);
    const bool stays = known != running.end() && known->second >= range.first && known->second <= range.last;
    chosen[pool] = stays ? std::optional(known->second) : std::nullopt;
  }
  const std::uint64_t size = std::uint64_t{range.last} - range.first + 1;
  for (auto& [pool, uid] : chosen) {
    for (std::uint64_t i = 0; !uid && i < size; ++i) {
      const auto candidate = static_cast<uid_t>(range.first + (hash_of(pool) + i) % size);
      if (!used.contains(candidate) && !taken(candidate)) uid = candidate;
    }
    if (uid) used.insert(*uid);
  }
  return chosen;
}

}  // namespace prefork::master
