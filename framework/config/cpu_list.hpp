#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace prefork::config {

/// Reads CPU numbers and ranges, `0-3,5`, as the kernel and taskset(1) write them.
/// @return them in ascending order, each once; at least one
/// @throws std::invalid_argument, one sentence that quotes the text
std::vector<unsigned> parse_cpu_list(std::string_view text);

/// Writes what parse_cpu_list reads, in the fewest ranges. @param cpus  ascending
std::string format_cpu_list(const std::vector<unsigned>& cpus);

}  // namespace prefork::config
