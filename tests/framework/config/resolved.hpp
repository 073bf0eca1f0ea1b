#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "framework/config/ini.hpp"
#include "framework/config/resolve.hpp"
#include "framework/config/sources.hpp"
#include "tests/framework/config/support.hpp"

namespace prefork::config::testing {

/// Parses a text as the file "a.conf".
inline Document parse_text(const std::string& text, std::map<std::string, std::string> others = {}) {
  MemoryFiles files(std::move(others));
  return parse_ini({"a.conf", "a.conf", text}, files);
}

/// Like load(), without files: 3 CPUs are granted.
inline Options resolve_text(const std::string& text, const std::vector<std::string>& overrides = {},
                            const std::vector<std::string>& environment = {}) {
  std::vector<SectionInput> sections = from_document(parse_text(text));
  add_overrides(sections, overrides, "");
  add_environment(sections, environment);
  return resolve(sections, 3);
}

}  // namespace prefork::config::testing
