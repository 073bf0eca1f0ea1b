#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <prefork/api.hpp>
#include <prefork/forever.hpp>
#include <prefork/outcome.hpp>

namespace prefork {

/// A value of a column: integer, real or text.
using Value = std::variant<std::int64_t, double, std::string>;

/// A copy of a table's row: a value for each column, in their order.
class Row {
 public:
  Row() = default;
  Row(std::initializer_list<Value> values) : values_(values) {}
  explicit Row(std::vector<Value> values, std::uint64_t version = 0) noexcept
      : values_(std::move(values)), version_(version) {}

  std::size_t size() const noexcept { return values_.size(); }
  const std::vector<Value>& values() const noexcept { return values_; }
  Value& operator[](std::size_t column) { return values_[column]; }
  const Value& operator[](std::size_t column) const { return values_[column]; }
  /// @throws std::invalid_argument: the column is of another type; std::out_of_range: there is no such column
  std::int64_t integer(std::size_t column) const { return value<std::int64_t>(column); }
  double real(std::size_t column) const { return value<double>(column); }
  const std::string& text(std::size_t column) const { return value<std::string>(column); }

  /// Changes with each change of the row: for erase_if() and compare_and_set().
  std::uint64_t version() const noexcept { return version_; }

 private:
  template <class T>
  const T& value(std::size_t column) const {
    if (column < values_.size()) {
      if (const T* value = std::get_if<T>(&values_[column])) return *value;
    }
    refuse(column, Value(T()).index());
  }
  [[noreturn]] void refuse(std::size_t column, std::size_t wanted) const {
    constexpr const char* kTypes[] = {"an integer", "a real", "a text"};
    const std::string number = std::to_string(column);
    if (values_.empty()) throw std::out_of_range("the row has no column " + number + ": it is empty");
    if (column >= values_.size()) {
      throw std::out_of_range("the row has no column " + number + ": it has " + std::to_string(values_.size()) +
                              ", from 0");
    }
    throw std::invalid_argument("column " + number + " of the row is " + kTypes[values_[column].index()] + ", not " +
                                kTypes[wanted]);
  }

  std::vector<Value> values_;
  std::uint64_t version_ = 0;
};

enum class TableStatus : std::uint8_t {
  done,
  absent,    ///< there is no such row, or it has expired
  exists,    ///< the row exists already
  changed,   ///< the row is not as expected
  overflow,  ///< the sum does not fit a 64-bit integer
  full,      ///< no room for this key
  busy,      ///< of any call: another worker has been stuck for a second in the middle of changing a row that the call
             ///< needs; nothing was changed
};

/// A map for all workers, from text keys (any bytes) to rows of typed columns: `Manifest::table` declares it and its
/// columns, `Context::table` returns it. Every operation is atomic: nobody sees half of one, whichever worker dies in
/// the middle of it. An empty or too long key, a row that does not fit the columns and a text that is too long each
/// throw std::invalid_argument, which names it; nothing changes then. docs/ipc.md
class PREFORK_API Table {
 public:
  using Visitor = std::function<void(std::string_view key, const Row& row)>;

  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// Without a row: `absent`, or `busy`.
  [[nodiscard]] Outcome<Row, TableStatus> get(std::string_view key) const;
  /// Makes or replaces the row. @param ttl  after which the row expires @return done, full
  [[nodiscard]] TableStatus set(std::string_view key, const Row& row, std::chrono::milliseconds ttl = kForever);
  /// Makes the row unless it exists: of several callers at once, one succeeds. @return done, exists, full
  [[nodiscard]] TableStatus insert(std::string_view key, const Row& row, std::chrono::milliseconds ttl = kForever);

  struct [[nodiscard]] Sum {
    TableStatus status = TableStatus::done;
    std::int64_t value = 0;  ///< after the addition
  };
  /// Adds to an integer column of the row; a missing row is made, of zeros and empty texts.
  /// @return done, overflow, full
  Sum increment(std::string_view key, std::size_t column, std::int64_t delta = 1,
                std::chrono::milliseconds ttl = kForever);

  /// Replaces the row if it is still the one that was read. @return done, absent, changed
  [[nodiscard]] TableStatus compare_and_set(std::string_view key, const Row& read, const Row& row);
  /// Renews its time to live. @return done, absent
  [[nodiscard]] TableStatus touch(std::string_view key, std::chrono::milliseconds ttl);
  /// @return done, absent
  [[nodiscard]] TableStatus erase(std::string_view key);
  /// Erases the row if it is still the one that was read. @return done, absent, changed
  [[nodiscard]] TableStatus erase_if(std::string_view key, const Row& read);

  /// Visits each row, as it is at some moment of the visit.
  /// @return done, busy: not all were visited
  [[nodiscard]] TableStatus for_each(const Visitor& visitor) const;
  /// Erases and visits the rows that have expired; only one sweeper visits each.
  std::size_t sweep(const Visitor& visitor);
  /// How many rows there are, including expired ones that nobody has swept yet. Walks the table.
  std::size_t size() const noexcept;
  /// @throws std::invalid_argument: there is no such column
  std::size_t column(std::string_view name) const;

 protected:
  Table() = default;
  ~Table() = default;
};

}  // namespace prefork
