#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/manifest.hpp>

namespace prefork::config {

/// What the inspector reports to the master about a plugin.
struct PluginReport {
  ServiceKind kind = ServiceKind::stream;
  std::string class_name;
  std::string summary;
  std::vector<OptionSpec> options;  ///< including the sizes of shared objects
  std::vector<SharedSpec> shared{};
  bool signals = false;              ///< the service sends signals to workers, or receives them
  bool asks_master = false;          ///< the service can't work without `master-access`
  bool request_metrics = false;      ///< the master keeps the service's request times and counts its responses
  bool reads_given = false;          ///< it declares what depends on its service's options
  std::vector<std::string> seals{};  ///< paths of files and folders
};

constexpr std::size_t kMaxReportBytes = 512 * 1024;
constexpr std::size_t kMaxReportedOptions = 520;
constexpr std::size_t kMaxReportedObjects = 64;
constexpr std::size_t kMaxReportedColumns = 64;
constexpr std::size_t kMaxReportedSeals = 64;

/// The contents of a manifest and what the plugin's descriptor says, as the inspector reports them.
PluginReport report_of(const Manifest& manifest, ServiceKind kind, std::string class_name, bool reads_given);

/// @return the option with that role; nullptr: the plugin has none
const OptionSpec* option_of(const PluginReport& report, OptionRole role) noexcept;

/// "queue", "channel", ...
std::string_view kind_name(SharedKind kind) noexcept;

/// Encodes a report: fields end in 0x1f, records in 0x1e, neither of which a manifest's texts may contain. The first
/// record is the plugin's; each later one begins with its kind.
std::string encode_report(const PluginReport& report);

/// Decodes a report that a plugin may have forged: every field is checked.
/// @throws std::runtime_error: the bytes are not a report
PluginReport decode_report(std::string_view bytes);

/// For people: `prefork-master --describe`.
std::string describe_report(const PluginReport& report, std::string_view plugin);

}  // namespace prefork::config
