#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace prefork::ipc {

/// A value of a table's column: integer, real or text, in the order of ColumnType.
using Value = std::variant<std::int64_t, double, std::string>;

/// A copy of a table's row: a value per column. A row that is read into again keeps its memory.
class Row {
 public:
  Row() = default;
  Row(std::initializer_list<Value> values) : values_(values) {}
  explicit Row(std::vector<Value> values) noexcept : values_(std::move(values)) {}

  std::size_t size() const noexcept { return values_.size(); }
  const std::vector<Value>& values() const noexcept { return values_; }
  Value& operator[](std::size_t column) { return values_[column]; }
  const Value& operator[](std::size_t column) const { return values_[column]; }
  /// @throws std::bad_variant_access if the column is of another type, std::out_of_range
  std::int64_t integer(std::size_t column) const { return std::get<std::int64_t>(values_.at(column)); }
  double real(std::size_t column) const { return std::get<double>(values_.at(column)); }
  const std::string& text(std::size_t column) const { return std::get<std::string>(values_.at(column)); }

  /// Identifies the row that was read, for Table::erase_if and compare_and_set. Every change of any row of the table
  /// gives that row a new version. 0 for a row that no table has filled.
  std::uint64_t version() const noexcept { return version_; }
  /// CLOCK_MONOTONIC; kNoDeadline: never.
  std::uint64_t expires_ns() const noexcept { return expires_ns_; }

  /// Compares the values but not the version.
  bool operator==(const Row& other) const noexcept { return values_ == other.values_; }

 private:
  friend class Table;

  std::vector<Value> values_;
  std::uint64_t version_ = 0;
  std::uint64_t expires_ns_ = UINT64_MAX;
};

}  // namespace prefork::ipc
