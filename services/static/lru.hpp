#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace services::static_files {

/// What a cache holds, or the most that it may hold.
struct Load {
  std::size_t bytes = 0;
  std::size_t entries = 0;
  std::size_t descriptors = 0;

  bool within(const Load& most) const noexcept {
    return bytes <= most.bytes && entries <= most.entries && descriptors <= most.descriptors;
  }
};

/// A map that drops the entries that were looked up longest ago when it would hold more than it may.
template <class Value>
class LruCache {
 public:
  explicit LruCache(const Load& most) noexcept : most_(most) {}

  /// @return nullptr: not there; else valid until the next change of the cache
  Value* find(std::string_view key) noexcept {
    const auto place = index_.find(key);
    if (place == index_.end()) return nullptr;
    if (place->second != items_.begin()) items_.splice(items_.begin(), items_, place->second);
    return &place->second->value;
  }
  /// Inserts a value, replacing the one of that key. A value that is too large by itself is not kept.
  void insert(std::string key, Value value, std::size_t bytes, std::size_t descriptors) {
    erase(key);
    const Load load{bytes + key.size() + kOverhead, 1, descriptors};
    if (!load.within(most_)) return;
    items_.push_front(Item{std::move(key), std::move(value), load});
    index_.emplace(items_.front().key, items_.begin());
    grow(load);
  }
  /// The value has grown. It may be dropped by this call.
  void charge(std::string_view key, std::size_t more_bytes) {
    const auto place = index_.find(key);
    if (place == index_.end()) return;
    place->second->load.bytes += more_bytes;
    grow({more_bytes, 0, 0});
  }
  void erase(std::string_view key) noexcept {
    const auto place = index_.find(key);
    if (place != index_.end()) erase(place->second);
  }
  const Load& load() const noexcept { return load_; }

 private:
  /// Roughly what an entry takes besides what is counted.
  static constexpr std::size_t kOverhead = 1024;

  struct Item {
    std::string key;
    Value value;
    Load load;
  };
  using Items = std::list<Item>;

  void grow(const Load& more) {
    load_ = {load_.bytes + more.bytes, load_.entries + more.entries, load_.descriptors + more.descriptors};
    while (!load_.within(most_)) erase(std::prev(items_.end()));
  }
  void erase(typename Items::iterator item) noexcept {
    const Load& less = item->load;
    load_ = {load_.bytes - less.bytes, load_.entries - less.entries, load_.descriptors - less.descriptors};
    index_.erase(item->key);
    items_.erase(item);
  }

  Load most_;
  Load load_;
  Items items_;  ///< the last one looked up first
  std::unordered_map<std::string_view, typename Items::iterator> index_;
};

}  // namespace services::static_files
