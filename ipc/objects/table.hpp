#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "ipc/objects/party.hpp"
#include "ipc/objects/sleeper.hpp"
#include "ipc/objects/table_layout.hpp"
#include "ipc/objects/table_lock.hpp"
#include "ipc/objects/table_row.hpp"
#include "ipc/objects/walk.hpp"

namespace prefork::ipc {

enum class TableResult : std::uint8_t {
  done,
  absent,    ///< there is no such row, or it has expired
  exists,    ///< the row exists already
  changed,   ///< the row is not the expected one
  overflow,  ///< the sum does not fit a 64-bit integer; nothing changed
  full,      ///< no room for this key; nothing changed
  busy,      ///< another worker held the key's bucket for as long as a caller may wait; nothing changed
};

/// A hash map in shared memory, of a fixed capacity: keys of any bytes, rows of typed columns, each with an optional
/// time to live. A view. The steps match tests/ipc/models/table_model.cpp.
///
/// Each slot has a state word, [version:32 | tag:12 | phase:4 | owner:16]: empty, claimed by a writer, or live with the
/// first or the second of the row's two copies. A writer fills the copy that is not current and makes it current by one
/// store, so that a row is always the old or the new one, whenever its writer dies. Readers take no lock: they copy,
/// and then check that the state word is still the same. A key may be in two buckets of eight slots; all its changes
/// are made under the lock of the first. There are at least twice as many slots as the capacity. A table is full for a
/// key when both buckets are full, which happens only with more rows than the capacity.
///
/// A time to live is in nanoseconds; kNoDeadline: for ever. A time `now_ns` is CLOCK_MONOTONIC; kClock: the clock is
/// read, and only if a row has a time to live. Rows that have expired count as absent, though they take room until a
/// writer needs it or sweep() finds them.
///
/// An empty or too long key, a column that does not exist or is of another type, and a text that is too long each throw
/// std::invalid_argument, which names the column; nothing has changed then. Process: worker, except for repair(),
/// rows() and for_each_hold(). Blocks: only while another worker holds the key's bucket: well below a microsecond, or
/// until the master's repair if that worker was killed, and never longer than `patience_ns`.
class Table {
 public:
  using Shape = TableShape;
  using Visitor = std::function<void(std::string_view key, const Row& row)>;
  static constexpr std::uint64_t kClock = 0;
  static constexpr std::uint64_t kPatienceNs = 1'000'000'000;

  /// @throws std::invalid_argument
  static void check(const Shape& shape);
  static std::size_t bytes(const Shape& shape, std::size_t slots);
  static void format(void* memory, const Shape& shape, std::size_t slots);

  Table(void* memory, const Shape& shape, std::size_t slots, Party self, std::uint64_t patience_ns = kPatienceNs);

  /// Fills `row` if done; else `row` may hold anything.
  TableResult get(std::string_view key, Row& row, std::uint64_t now_ns = kClock) const;

  /// Makes or replaces the row and its time to live. @return done, full, busy
  TableResult set(std::string_view key, const Row& row, std::uint64_t ttl_ns = kNoDeadline,
                  std::uint64_t now_ns = kClock);
  /// Makes the row if there is none; of several callers at the same time one succeeds. @return done, exists, full, busy
  TableResult insert(std::string_view key, const Row& row, std::uint64_t ttl_ns = kNoDeadline,
                     std::uint64_t now_ns = kClock);

  struct Sum {
    TableResult result;
    std::int64_t value;  ///< after the addition, if done
  };
  /// What incr() does if there is no row: nothing (absent), or it makes one of zeros and empty texts.
  struct Missing {
    bool create = true;
    std::uint64_t ttl_ns = kNoDeadline;
  };
  /// Adds to an integer column. @return done, absent, overflow, full, busy
  Sum incr(std::string_view key, std::size_t column, std::int64_t delta, Missing missing = {true, kNoDeadline},
           std::uint64_t now_ns = kClock);

  /// Replaces the row if it still has this version or these values; keeps its time to live.
  /// @return done, absent, changed, busy
  TableResult compare_and_set(std::string_view key, std::uint64_t version, const Row& row,
                              std::uint64_t now_ns = kClock);
  TableResult compare_and_set(std::string_view key, const Row& expected, const Row& row, std::uint64_t now_ns = kClock);
  /// Compares and sets a single column; the others stay as they are.
  TableResult compare_and_set(std::string_view key, std::size_t column, const Value& expected, const Value& value,
                              std::uint64_t now_ns = kClock);

  /// Gives the row a new time to live. @return done, absent, busy
  TableResult touch(std::string_view key, std::uint64_t ttl_ns, std::uint64_t now_ns = kClock);

  /// @return done, absent, busy
  TableResult erase(std::string_view key, std::uint64_t now_ns = kClock);
  /// Erases the row that was read, and nothing that came after it. @return done, absent, changed, busy
  TableResult erase_if(std::string_view key, std::uint64_t version, std::uint64_t now_ns = kClock);

  /// Visits each row once, each as it was at some moment of the visit. A row that is made or erased meanwhile, or
  /// erased and made again, may be missed or visited again. No lock is held while `visitor` runs.
  /// @return done; busy: it ended early
  TableResult for_each(const Visitor& visitor, std::uint64_t now_ns = kClock) const;

  /// Erases and visits the rows that have expired. Only one sweeper visits a row; none does if a writer has reused its
  /// room or the sweeper was killed. Rows in buckets that are locked now are left to the next sweep. Blocks: never.
  /// @return rows erased
  std::size_t sweep(std::uint64_t now_ns, const Visitor& visitor);

  /// Counts rows, including those that have expired but are still there. Walks all slots. Process: any.
  std::size_t rows() const noexcept { return rows(Spots::all()); }
  std::size_t rows(Spots piece) const noexcept;
  /// Calls `visit(Owner, bucket, claims)` for each lock that is held now. Process: any.
  template <class Visit>
  void for_each_hold(Visit visit, Spots piece = Spots::all()) const {
    const std::size_t begin = piece.first < layout_.slots ? layout_.slots : piece.first;
    for (std::size_t i = begin; i < piece.end(spots()); ++i) {
      const std::size_t bucket = i - layout_.slots;
      const std::uint64_t word = locks_[bucket].load(std::memory_order_relaxed);
      if (TableLock::owner(word) != kNobody) visit(TableLock::owner(word), bucket, TableLock::claims(word));
    }
  }

  /// Pieces are counted in slots, followed by locks.
  std::size_t spots() const noexcept { return layout_.slots + layout_.buckets; }
  /// Frees the slots and the locks that dead workers held. The pieces must be taken in their order. Process: master.
  /// @return words freed
  std::size_t repair(const OwnerSet& dead, Spots piece) noexcept;
  std::size_t repair(Owner dead) noexcept { return repair(OwnerSet(dead), Spots::all()); }

 private:
  struct Found {
    std::size_t slot;
    std::uint64_t state;
  };
  enum class Read : std::uint8_t { nothing, row, expired, changed };

  TableKey key_of(std::string_view key) const;
  void check_row(const Row& row) const;
  void check_value(std::size_t column, const Value& value) const;

  TableWord* row_words(std::size_t slot) const noexcept { return rows_ + slot * layout_.row_words; }
  TableWord* copy(const Found& at, bool current) const noexcept;
  bool same(const Found& at) const noexcept { return states_[at.slot].load(std::memory_order_relaxed) == at.state; }
  bool expired(const TableWord* copy, std::uint64_t now_ns) const noexcept;
  TableKey stored_key(std::size_t slot, std::string& buffer) const;

  Read read(const Found& at, Row& row, std::uint64_t now_ns) const;
  Read read_key(const TableKey& key, Row& row, std::uint64_t now_ns) const;
  Read read_slot(std::size_t slot, std::string& key, Row& row, std::uint64_t now_ns) const;
  TableResult read_patiently(std::size_t slot, std::string& key, Row& row, std::uint64_t now_ns) const;
  void load_value(const TableWord* copy, std::size_t column, Value& value) const;
  void load_row(const TableWord* copy, Row& row) const;
  void store_value(TableWord* copy, std::size_t column, const Value& value) const noexcept;
  void store_row(TableWord* copy, const Row& row, std::uint64_t expires_ns) const noexcept;
  void clear_row(TableWord* copy, std::uint64_t expires_ns) const noexcept;
  void copy_row(TableWord* to, const TableWord* from) const noexcept;

  // The key's home bucket must be locked for all of these.
  std::optional<Found> find(const TableKey& key) const noexcept;
  std::optional<Found> claim(const TableKey& key, std::uint64_t now_ns);
  std::optional<Found> reclaim(const TableKey& key, std::uint64_t now_ns);
  void publish_new(const Found& at, const TableKey& key) noexcept;
  void publish_copy(const Found& at) noexcept;
  void publish_empty(const Found& at) noexcept;

  template <class Fill>
  TableResult write(const TableKey& key, const std::optional<Found>& found, std::uint64_t now_ns, Fill fill);
  template <class Make>
  TableResult change(std::string_view key, Make make);
  template <class Make>
  TableResult change_row(std::string_view key, std::uint64_t now_ns, Make make);
  template <class Fits>
  TableResult replace_if(std::string_view key, const Row& row, std::uint64_t now_ns, Fits fits);

  TableLayout layout_;
  std::vector<Column> columns_;
  std::size_t key_bytes_;
  Owner self_;
  std::uint64_t patience_ns_;
  TableSeed seed_;
  TableWord* locks_;
  TableWord* states_;
  TableWord* rows_;
};

}  // namespace prefork::ipc
