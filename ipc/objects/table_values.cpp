#include <bit>
#include <stdexcept>
#include <string>

#include "ipc/objects/table.hpp"

namespace prefork::ipc {

namespace {

// The names of Value's types, in its order.
constexpr std::string_view kTypes[] = {"an integer", "a real", "a text"};

}  // namespace

void Table::load_value(const TableWord* copy, std::size_t column, Value& value) const {
  const TableWord* words = copy + layout_.column_at[column];
  switch (columns_[column].type) {
    case ColumnType::integer:
      value = static_cast<std::int64_t>(words->load(std::memory_order_acquire));
      break;
    case ColumnType::real:
      value = std::bit_cast<double>(words->load(std::memory_order_acquire));
      break;
    case ColumnType::text:
      if (!std::holds_alternative<std::string>(value)) value = std::string();
      load_text(words, columns_[column].text_bytes, std::get<std::string>(value));
      break;
  }
}

void Table::load_row(const TableWord* copy, Row& row) const {
  row.values_.resize(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) load_value(copy, i, row.values_[i]);
  row.expires_ns_ = copy->load(std::memory_order_acquire);
}

TableKey Table::key_of(std::string_view key) const {
  if (key.empty()) throw std::invalid_argument("the key is empty");
  if (key.size() > key_bytes_) {
    throw std::invalid_argument("the key has " + std::to_string(key.size()) + " bytes: this table takes " +
                                std::to_string(key_bytes_));
  }
  return TableKey(key, seed_, layout_.buckets);
}

void Table::store_value(TableWord* copy, std::size_t column, const Value& value) const noexcept {
  TableWord* words = copy + layout_.column_at[column];
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    words->store(static_cast<std::uint64_t>(*integer), std::memory_order_release);
  } else if (const auto* real = std::get_if<double>(&value)) {
    words->store(std::bit_cast<std::uint64_t>(*real), std::memory_order_release);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    store_text(words, *text);
  }
}

void Table::store_row(TableWord* copy, const Row& row, std::uint64_t expires_ns) const noexcept {
  copy->store(expires_ns, std::memory_order_release);
  for (std::size_t i = 0; i < columns_.size(); ++i) store_value(copy, i, row[i]);
}

void Table::clear_row(TableWord* copy, std::uint64_t expires_ns) const noexcept {
  copy->store(expires_ns, std::memory_order_release);
  // Zero is the integer 0, the real 0, and the length of an empty text.
  for (const std::size_t at : layout_.column_at) copy[at].store(0, std::memory_order_release);
}

void Table::copy_row(TableWord* to, const TableWord* from) const noexcept {
  to->store(from->load(std::memory_order_acquire), std::memory_order_release);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::size_t at = layout_.column_at[i];
    if (columns_[i].type == ColumnType::text) {
      copy_text(to + at, from + at, columns_[i].text_bytes);
    } else {
      to[at].store(from[at].load(std::memory_order_acquire), std::memory_order_release);
    }
  }
}

void Table::check_row(const Row& row) const {
  if (row.size() != columns_.size()) {
    throw std::invalid_argument("the row has " + std::to_string(row.size()) + " values: this table has " +
                                std::to_string(columns_.size()) + " columns");
  }
  for (std::size_t i = 0; i < columns_.size(); ++i) check_value(i, row[i]);
}

void Table::check_value(std::size_t column, const Value& value) const {
  if (column >= columns_.size()) {
    throw std::invalid_argument("there is no column " + std::to_string(column) + ": this table has " +
                                std::to_string(columns_.size()));
  }
  const Column& target = columns_[column];
  const auto type = static_cast<std::size_t>(target.type);
  if (value.index() != type) {
    throw std::invalid_argument("column '" + target.name + "' takes " + std::string(kTypes[type]) + ", not " +
                                std::string(kTypes[value.index() % std::size(kTypes)]));
  }
  const auto* text = std::get_if<std::string>(&value);
  if (text != nullptr && text->size() > target.text_bytes) {
    throw std::invalid_argument("the text for column '" + target.name + "' has " + std::to_string(text->size()) +
                                " bytes: it takes " + std::to_string(target.text_bytes));
  }
}

}  // namespace prefork::ipc
