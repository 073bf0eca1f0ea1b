#pragma once

#include <functional>
#include <span>
#include <vector>

#include "framework/config/options.hpp"
#include "framework/config/schema.hpp"

/// The one table of the framework's own options. All code that reads, writes, checks, explains or sends options uses
/// its rows.
namespace prefork::config {

/// One option: its description, and the member that it sets. `Section` is MasterOptions, PoolOptions or ServiceOptions.
template <class Section>
struct OptionRow {
  KeySpec key;
  /// Gives the member a value; adds the value to a member that is a list.
  /// @param auto_workers  what `auto` stands for in a number of workers
  /// @throws std::invalid_argument, one sentence that quotes the value
  std::function<void(Section& section, const OptionValue& value, unsigned auto_workers)> set;
  /// @return the member as a file writes it: the values of a list, with their origins; one value, without origin;
  /// empty: it is unset
  std::function<std::vector<OptionValue>(const Section& section)> get;
};

/// The rows of each kind of section, in the order of the help and of dump().
std::span<const OptionRow<MasterOptions>> master_rows();
std::span<const OptionRow<PoolOptions>> pool_rows();
std::span<const OptionRow<ServiceOptions>> service_rows();

/// The rows that set a section's members: for a pool, pool_rows().
inline auto rows_of(const MasterOptions&) { return master_rows(); }
inline auto rows_of(const PoolOptions&) { return pool_rows(); }
inline auto rows_of(const ServiceOptions&) { return service_rows(); }

}  // namespace prefork::config
