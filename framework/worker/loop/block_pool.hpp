#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace prefork::worker {

/// Lends the blocks that hold a connection's received bytes while there are any. The block that was given back last is
/// lent next, so that a busy worker stays in the cache and an idle connection holds none.
class BlockPool {
 public:
  static constexpr std::size_t kBlockBytes = 16 * 1024;

  BlockPool() { spare_.reserve(kMaxSpare); }
  /// Blocks: never. @throws std::bad_alloc
  std::unique_ptr<char[]> lend() {
    if (spare_.empty()) return std::unique_ptr<char[]>(new char[kBlockBytes]);
    auto block = std::move(spare_.back());
    spare_.pop_back();
    return block;
  }
  void give_back(std::unique_ptr<char[]> block) noexcept {
    if (spare_.size() < kMaxSpare) spare_.push_back(std::move(block));
  }

 private:
  static constexpr std::size_t kMaxSpare = 16;
  std::vector<std::unique_ptr<char[]>> spare_;
};

}  // namespace prefork::worker
