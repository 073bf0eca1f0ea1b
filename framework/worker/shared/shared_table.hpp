#pragma once

#include <string>
#include <vector>

#include "ipc/objects/shared_object.hpp"
#include "ipc/objects/table.hpp"

#include <prefork/table.hpp>

namespace prefork::worker {

/// A table as a service sees it.
class SharedTable final : public Table {
 public:
  SharedTable(const ipc::SharedObject& object, ipc::Party self);

  ipc::Table& table() noexcept { return table_; }
  const ipc::Table& table() const noexcept { return table_; }
  const std::vector<ipc::Column>& columns() const noexcept { return columns_; }
  /// The result for authors. @throws TableBusy
  TableStatus status(ipc::TableResult result) const;

 private:
  std::string name_;
  std::vector<ipc::Column> columns_;
  ipc::Table table_;
};

}  // namespace prefork::worker
