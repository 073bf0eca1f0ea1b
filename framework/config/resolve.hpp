#pragma once

#include <span>

#include "framework/config/options.hpp"
#include "framework/config/sources.hpp"

namespace prefork::config {

/// Turns the sections into the typed options: merges the sources, checks every value, resolves `auto` and the
/// implied pool, and looks for what contradicts itself. Pure: touches no file.
/// @param auto_workers what `workers = auto` stands for.
/// @throws ConfigError, which starts with the place of the mistake.
Options resolve(std::span<const SectionInput> sections, unsigned auto_workers);
/// The same, but what is wrong goes to `found`: if anything is, the options are of no use.
Options resolve(std::span<const SectionInput> sections, unsigned auto_workers, Findings& found);

}  // namespace prefork::config
