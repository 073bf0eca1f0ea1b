#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framework/config/findings.hpp"
#include "framework/config/ini.hpp"

namespace prefork::config {

/// A section with what each source says about it, not yet merged. Its keys are known, or (only for services) ones that
/// the plugin may know.
struct SectionInput {
  SectionId id;
  Origin origin;
  bool implied = false;  ///< nobody wrote the section; it counts only if it is used
  std::vector<Entry> command_line = {};
  std::vector<Entry> environment = {};
  std::vector<Entry> file = {};
};

/// @return the document's sections in their order, followed by implied sections `[master]` and `[pool main]` unless the
/// document has them
/// @throws ConfigError for a key that a master or pool section doesn't have, and for a second value of a key that is
/// not a list, naming both places
std::vector<SectionInput> from_document(const Document& document);
/// Collects mistakes in `found`, and leaves them out of the sections.
std::vector<SectionInput> from_document(const Document& document, Findings& found);

/// Adds the service that `--plugin` and `--listen` describe.
/// @return its name, for add_overrides: the plugin's file name without folder and `.so`, with '_' for every byte that a
/// name can't have
/// @throws ConfigError with EX_USAGE if nothing of a name is left
std::string add_plugin(std::vector<SectionInput>& sections, const std::string& plugin,
                       std::span<const std::string> listen);

/// Adds the values of `-o SECTION.NAME.KEY=VALUE`, for a section that exists. If a key is given more than once the last
/// value counts, except for lists.
/// @param only_service  the service that a key without a section ("root=./public") belongs to; empty: such a key is an
/// error
/// @throws ConfigError, after the valid ones are added; with EX_USAGE if the text isn't of that form
void add_overrides(std::vector<SectionInput>& sections, std::span<const std::string> overrides,
                   std::string_view only_service);

/// Adds the values of the variables named `PREFORK_...`, given as "NAME=VALUE": `PREFORK_POOL_MAIN_WORKERS` is
/// `pool.main.workers`. Must be called last: a name is matched against the existing sections and their keys. The rest
/// of a name after that of a service, if it is not a framework key, is taken for an option of the plugin. A list's
/// values are separated by line feeds.
/// @return the names that Kubernetes has made for a service of its own that is called prefork or prefork-...: they are
/// ignored, unless they have a meaning here
/// @throws ConfigError for any other name that matches nothing, or more than one key. `PREFORK_CONTROL` is for
/// preforkctl and ignored.
std::vector<std::string> add_environment(std::vector<SectionInput>& sections, std::span<const std::string> environment);

}  // namespace prefork::config
