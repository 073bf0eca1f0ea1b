#include "framework/worker/shared/shared_table.hpp"

#include <algorithm>
#include <utility>

namespace prefork::worker {

SharedTable::SharedTable(const ipc::SharedObject& object, ipc::Party self)
    : columns_(object.shape().columns),
      table_(object.memory(), {object.shape().capacity, object.shape().key_bytes, object.shape().columns},
             object.slots(), self) {}

namespace {

TableStatus status_of(ipc::TableResult result) noexcept {
  switch (result) {
    case ipc::TableResult::done:
      return TableStatus::done;
    case ipc::TableResult::absent:
      return TableStatus::absent;
    case ipc::TableResult::exists:
      return TableStatus::exists;
    case ipc::TableResult::changed:
      return TableStatus::changed;
    case ipc::TableResult::overflow:
      return TableStatus::overflow;
    case ipc::TableResult::full:
      return TableStatus::full;
    case ipc::TableResult::busy:
      break;
  }
  return TableStatus::busy;
}

SharedTable& self(Table& table) noexcept { return static_cast<SharedTable&>(table); }
const SharedTable& self(const Table& table) noexcept { return static_cast<const SharedTable&>(table); }

ipc::Row row_from(const Row& row) { return ipc::Row(row.values()); }
Row row_from(const ipc::Row& row) { return Row(row.values(), row.version()); }

std::uint64_t ttl_ns(std::chrono::milliseconds ttl) noexcept {
  if (ttl == kForever) return ipc::kNoDeadline;
  return static_cast<std::uint64_t>(std::clamp<std::int64_t>(ttl.count(), 0, std::int64_t{1} << 40)) * 1'000'000;
}

ipc::Table::Visitor told(const Table::Visitor& visitor) {
  return [&visitor](std::string_view key, const ipc::Row& row) { visitor(key, row_from(row)); };
}

}  // namespace
}  // namespace prefork::worker

namespace prefork {

using worker::row_from;
using worker::self;
using worker::status_of;
using worker::told;
using worker::ttl_ns;

Outcome<Row, TableStatus> Table::get(std::string_view key) const {
  ipc::Row row;
  const TableStatus status = status_of(self(*this).table().get(key, row));
  if (status != TableStatus::done) return status;
  return row_from(row);
}

TableStatus Table::set(std::string_view key, const Row& row, std::chrono::milliseconds ttl) {
  return status_of(self(*this).table().set(key, row_from(row), ttl_ns(ttl)));
}

TableStatus Table::insert(std::string_view key, const Row& row, std::chrono::milliseconds ttl) {
  return status_of(self(*this).table().insert(key, row_from(row), ttl_ns(ttl)));
}

Table::Sum Table::increment(std::string_view key, std::size_t column, std::int64_t delta,
                            std::chrono::milliseconds ttl) {
  const auto [result, value] = self(*this).table().incr(key, column, delta, {true, ttl_ns(ttl)});
  return {status_of(result), value};
}

TableStatus Table::compare_and_set(std::string_view key, const Row& read, const Row& row) {
  return status_of(self(*this).table().compare_and_set(key, read.version(), row_from(row)));
}

TableStatus Table::touch(std::string_view key, std::chrono::milliseconds ttl) {
  return status_of(self(*this).table().touch(key, ttl_ns(ttl)));
}

TableStatus Table::erase(std::string_view key) { return status_of(self(*this).table().erase(key)); }

TableStatus Table::erase_if(std::string_view key, const Row& read) {
  return status_of(self(*this).table().erase_if(key, read.version()));
}

TableStatus Table::for_each(const Visitor& visitor) const {
  return status_of(self(*this).table().for_each(told(visitor)));
}

std::size_t Table::sweep(const Visitor& visitor) {
  return self(*this).table().sweep(ipc::sleeper_clock_ns(), told(visitor));
}

std::size_t Table::size() const noexcept { return self(*this).table().rows(); }

std::size_t Table::column(std::string_view name) const {
  const auto& columns = self(*this).columns();
  const auto at = std::find_if(columns.begin(), columns.end(), [&](const auto& column) { return column.name == name; });
  if (at == columns.end()) throw std::invalid_argument("there is no column \"" + std::string(name) + "\"");
  return static_cast<std::size_t>(at - columns.begin());
}

}  // namespace prefork
