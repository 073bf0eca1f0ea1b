#pragma once

#include "framework/config/options.hpp"
#include "framework/config/section_reader.hpp"

namespace prefork::config {

/// Looks for contradictions in a pool's isolation. Touches no file.
/// @throws ConfigError, which starts with the place of the mistake
void check_isolation(const SectionReader& in, const PoolOptions& pool);

}  // namespace prefork::config
