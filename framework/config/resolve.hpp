#pragma once

#include <span>

#include "framework/config/options.hpp"
#include "framework/config/sources.hpp"

namespace prefork::config {

/// Turns the sections into the typed options: merges the sources, checks every value, resolves `auto` and the implied
/// pool, and looks for contradictions. Pure: touches no file.
/// @param auto_workers  what `workers = auto` stands for
/// @throws ConfigError, which starts with the place of the mistake
Options resolve(std::span<const SectionInput> sections, unsigned auto_workers);
/// Collects mistakes in `found`; if there are any, the options must not be used.
Options resolve(std::span<const SectionInput> sections, unsigned auto_workers, Findings& found);

}  // namespace prefork::config
