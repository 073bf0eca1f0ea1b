#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_set>

namespace chat {

/// The latest numbers that were seen, up to a limit: distinguishes repeated ones from new ones.
class Recent {
 public:
  explicit Recent(std::size_t most) : most_(most) {}

  /// @return whether it is new; it is remembered from now on
  bool first(std::int64_t number) {
    if (!known_.insert(number).second) return false;
    order_.push_back(number);
    if (order_.size() > most_) {
      known_.erase(order_.front());
      order_.pop_front();
    }
    return true;
  }

 private:
  std::size_t most_;
  std::unordered_set<std::int64_t> known_;
  std::deque<std::int64_t> order_;
};

}  // namespace chat
