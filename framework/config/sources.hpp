#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framework/config/findings.hpp"
#include "framework/config/ini.hpp"

namespace prefork::config {

/// A section and what each source says of it, not yet merged. The keys are known ones, or (services only)
/// ones that the plugin may know.
struct SectionInput {
  SectionId id;
  Origin origin;
  bool implied = false;  ///< nobody wrote the section; it counts only if it is used
  std::vector<Entry> command_line = {};
  std::vector<Entry> environment = {};
  std::vector<Entry> file = {};
};

/// @return the document's sections in their order, after them `[master]` and `[pool main]`, implied, unless
/// they are in the document.
/// @throws ConfigError on a key that a master or pool section doesn't have, and on a second value for a key
/// that is no list, naming both places.
std::vector<SectionInput> from_document(const Document& document);
/// The same, but what is wrong goes to `found`, and is left out of the sections.
std::vector<SectionInput> from_document(const Document& document, Findings& found);

/// Adds the service that `--plugin` and `--listen` stand for.
/// @return its name, for add_overrides: the plugin's file name without folder and `.so`, with '_' for every
/// byte that a name can't have.
/// @throws ConfigError with EX_USAGE if nothing of a name is left.
std::string add_plugin(std::vector<SectionInput>& sections, const std::string& plugin,
                       std::span<const std::string> listen);

/// Adds the values of `-o SECTION.NAME.KEY=VALUE`, of a section that is there. Of a key given more than once
/// the last one counts, but for lists.
/// @param only_service what a key without a section ("root=./public") is meant for; empty: such a key is an
/// error.
/// @throws ConfigError, after the good ones are added; with EX_USAGE if the text isn't of that form.
void add_overrides(std::vector<SectionInput>& sections, std::span<const std::string> overrides,
                   std::string_view only_service);

/// Adds the values of the variables named `PREFORK_...`, given as "NAME=VALUE": `PREFORK_POOL_MAIN_WORKERS` is
/// `pool.main.workers`. Call it last: a name is matched against the sections that there are and their keys. What
/// follows a service's name and is no key of the framework's is taken for an option of its plugin. A list's
/// values are separated by line feeds.
/// @return the names that Kubernetes has made for a service of its own that is called prefork or prefork-...: they are
/// passed over, unless they have a meaning here
/// @throws ConfigError on any other name that matches nothing, or more than one key. `PREFORK_CONTROL` is
/// preforkctl's and passed over.
std::vector<std::string> add_environment(std::vector<SectionInput>& sections, std::span<const std::string> environment);

}  // namespace prefork::config
