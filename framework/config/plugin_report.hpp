#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/manifest.hpp>

namespace prefork::config {

/// What the inspector tells the master of a plugin.
struct PluginReport {
  ServiceKind kind = ServiceKind::stream;
  std::string class_name;
  std::string summary;
  std::vector<OptionSpec> options;
};

constexpr std::size_t kMaxReportBytes = 512 * 1024;

/// To bytes: fields end in 0x1f, records in 0x1e, neither of which a manifest's texts may hold.
std::string encode_report(const PluginReport& report);

/// From bytes that a plugin may have had its hand in: every field is checked.
/// @throws std::runtime_error: the bytes are not a report.
PluginReport decode_report(std::string_view bytes);

/// For people: `prefork-master --describe`.
std::string describe_report(const PluginReport& report, std::string_view plugin);

}  // namespace prefork::config
