#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <prefork/api.hpp>
#include <prefork/queue.hpp>

namespace prefork {

/// A value of a column: integer, real or text.
using Value = std::variant<std::int64_t, double, std::string>;

/// A row of a table, as a copy: a value for each column, in their order.
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

  /// Another one after each change of the row: for erase_if() and compare_and_set().
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
  absent,    ///< there is no such row, or its time is over
  exists,    ///< there is one already
  changed,   ///< it is not what was expected
  overflow,  ///< the sum is no 64-bit integer
  full,      ///< no room for this key
};

/// Another worker stood still, for a second, in the middle of changing a row that this call needs. Nothing was
/// changed.
class TableBusy : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A map for all workers, of text keys (any bytes) to rows of typed columns: `Manifest::table` declares it and
/// its columns, `Context::table` gives it. Every operation is whole: nobody sees half of one, whoever dies in the
/// middle of it. Keys that are empty or too long, rows that do not fit the columns and texts that are too long
/// are each a std::invalid_argument that names what; nothing changes then. docs/ipc.md
class PREFORK_API Table {
 public:
  using Visitor = std::function<void(std::string_view key, const Row& row)>;

  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// @return nullopt: there is no such row
  std::optional<Row> get(std::string_view key) const;
  bool contains(std::string_view key) const { return get(key).has_value(); }
  /// Makes the row or replaces it. @param ttl  after which it is gone @return done, full
  TableStatus set(std::string_view key, const Row& row, std::chrono::milliseconds ttl = kForever);
  /// Makes the row unless there is one: of several that try at once, one succeeds. @return done, exists, full
  TableStatus insert(std::string_view key, const Row& row, std::chrono::milliseconds ttl = kForever);

  struct Sum {
    TableStatus status = TableStatus::done;
    std::int64_t value = 0;  ///< after the addition
  };
  /// Adds to an integer column of the row, which is made, of zeroes and empty texts, if it is not there.
  /// @return done, overflow, full
  Sum incr(std::string_view key, std::size_t column, std::int64_t delta = 1, std::chrono::milliseconds ttl = kForever);

  /// Replaces the row if it is still the one that was read. @return done, absent, changed
  TableStatus compare_and_set(std::string_view key, const Row& read, const Row& row);
  /// Renews its time to live. @return done, absent
  TableStatus touch(std::string_view key, std::chrono::milliseconds ttl);
  /// @return done, absent
  TableStatus erase(std::string_view key);
  /// Erases the row if it is still the one that was read. @return done, absent, changed
  TableStatus erase_if(std::string_view key, const Row& read);

  /// Visits each row, as it is at some moment of the visit.
  void for_each(const Visitor& visitor) const;
  /// Erases the rows whose time is over, and visits each of them; each is told to one sweeper only.
  std::size_t sweep(const Visitor& visitor);
  /// Rows that are there, those counted whose time is over and that nobody has swept. Walks the table.
  std::size_t size() const noexcept;
  /// @throws std::invalid_argument: there is no such column
  std::size_t column(std::string_view name) const;

 protected:
  Table() = default;
  ~Table() = default;
};

}  // namespace prefork
