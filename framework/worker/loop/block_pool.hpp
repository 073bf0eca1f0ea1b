#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace prefork::worker {

/// Where a connection's received bytes lie while there are any. The last block that was given back is
/// the next to be lent, so that a busy worker stays in the cache and an idle connection holds none.
class BlockPool {
 public:
  static constexpr std::size_t kBlockBytes = 16 * 1024;

  BlockPool() { spare_.reserve(kMaxSpare); }
  /// Blocks: never. Throws std::bad_alloc.
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
