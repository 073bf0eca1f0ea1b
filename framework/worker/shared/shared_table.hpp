#pragma once

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

 private:
  std::vector<ipc::Column> columns_;
  ipc::Table table_;
};

}  // namespace prefork::worker
