#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "ipc/objects/party.hpp"

/// Walks a large shared object in pieces, so that a caller with other work to do does not stall meanwhile.
namespace prefork::ipc {

/// A piece of an object: some of its places in memory, which are looked at one by one.
struct Spots {
  std::size_t first = 0;
  std::size_t count = 0;

  static constexpr Spots all() noexcept { return {0, SIZE_MAX}; }
  /// @return where the part of the piece below `limit` ends
  constexpr std::size_t end(std::size_t limit) const noexcept {
    return first >= limit ? first : first + (count < limit - first ? count : limit - first);
  }
};

/// A set of workers.
class OwnerSet {
 public:
  OwnerSet() = default;
  explicit OwnerSet(Owner owner) { insert(owner); }

  void insert(Owner owner) {
    if (contains(owner)) return;
    if (owner / 64U >= words_.size()) words_.resize(owner / 64U + 1);
    words_[owner / 64U] |= std::uint64_t{1} << owner % 64U;
    owners_.push_back(owner);
  }
  bool contains(Owner owner) const noexcept {
    return owner / 64U < words_.size() && (words_[owner / 64U] >> owner % 64U & 1) != 0;
  }
  const std::vector<Owner>& owners() const noexcept { return owners_; }
  bool empty() const noexcept { return owners_.empty(); }

 private:
  std::vector<std::uint64_t> words_;
  std::vector<Owner> owners_;
};

/// How many words each owner holds. Takes memory in proportion to the greatest owner seen, not to the number of owners.
class HolderCounts {
 public:
  void add(Owner owner) {
    if (owner >= counts_.size()) counts_.resize(owner + std::size_t{1});
    ++counts_[owner];
    ++total_;
  }
  std::uint64_t total() const noexcept { return total_; }
  /// Ordered by owner.
  std::vector<std::pair<Owner, std::uint64_t>> holders() const {
    std::vector<std::pair<Owner, std::uint64_t>> holders;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] > 0) holders.emplace_back(static_cast<Owner>(i), counts_[i]);
    }
    return holders;
  }

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
};

}  // namespace prefork::ipc
