#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/objects/shared_shape.hpp"
#include "ipc/objects/table_row.hpp"

/// How a table lies in shared memory:
///
///     the hash's seed                        a cache line
///     a lock word per bucket                 whole cache lines
///     a state word per slot                  a bucket is eight slots: a cache line
///     a row per slot                         whole cache lines: the key, then two copies of the row
///
/// A key is its length and its bytes in words. A copy is the time at which the row expires and then, per column,
/// a word, or of text the length and the bytes. All words are atomic: readers copy while writers write.
namespace prefork::ipc {

struct TableShape {
  std::uint32_t capacity = 0;   ///< rows, 1 to 2^24
  std::uint32_t key_bytes = 0;  ///< the longest key, 1 to 1024
  std::vector<Column> columns;  ///< 1 to 32; a text column takes 1 byte to 1 MiB
};

/// @throws std::invalid_argument: one sentence without the table's name
void check_table_shape(const TableShape& shape);

constexpr std::uint32_t kMostTableRows = 1U << 24;
constexpr std::uint32_t kMostTableKeyBytes = 1024;
constexpr std::uint32_t kMostTableColumns = 32;
constexpr std::uint32_t kMostTableTextBytes = 1U << 20;
constexpr std::size_t kTableBucketSlots = 8;

using TableWord = std::atomic<std::uint64_t>;
using TableSeed = std::array<std::uint64_t, 2>;

/// Sizes and positions, all computed from the shape.
struct TableLayout {
  explicit TableLayout(const TableShape& shape);

  std::size_t buckets;  ///< a power of two, at least 2
  std::size_t slots;
  std::size_t copy_words;                    ///< of one copy of a row
  std::size_t row_words;                     ///< per slot: the key and two copies
  std::array<std::size_t, 2> copies;         ///< where the copies begin within a slot's words
  std::vector<std::size_t> column_at;        ///< where each column begins in a copy
  std::size_t locks_at, states_at, rows_at;  ///< in bytes
  std::size_t bytes;
};

/// A key in words, with the buckets where it may be.
class TableKey {
 public:
  /// `key` must not be longer than kMostTableKeyBytes.
  TableKey(std::string_view key, const TableSeed& seed, std::size_t buckets) noexcept;

  /// The bucket whose lock guards the key, and the other bucket that may hold it.
  std::size_t home() const noexcept { return home_; }
  std::size_t other() const noexcept { return other_; }
  /// 12 bits.
  std::uint64_t tag() const noexcept { return tag_; }

  /// Whether the words hold this key. May be called while they change.
  bool matches(const TableWord* words) const noexcept;
  void store(TableWord* words) const noexcept;

 private:
  std::size_t count_;
  std::size_t home_, other_;
  std::uint64_t tag_;
  std::array<std::uint64_t, 1 + kMostTableKeyBytes / 8> words_;  // only the first count_ are set
};

/// A text in words: its length, then its bytes. A length that is read is cut to `longest`, because shared memory is not
/// trusted.
void store_text(TableWord* words, std::string_view text) noexcept;
void load_text(const TableWord* words, std::size_t longest, std::string& text);
void copy_text(TableWord* to, const TableWord* from, std::size_t longest) noexcept;

/// SipHash-1-3: nobody can make keys that collide without knowing the seed.
std::uint64_t table_hash(const std::uint64_t* words, std::size_t count, const TableSeed& seed) noexcept;

}  // namespace prefork::ipc
