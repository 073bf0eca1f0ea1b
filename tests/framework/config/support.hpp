#pragma once

#include <fmt/format.h>
#include <fnmatch.h>
#include <stdlib.h>

#include <cerrno>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "framework/config/config_error.hpp"
#include "framework/config/ini.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config::testing {

/// @return the message that the call throws; "(nothing)" if it returns
template <typename Call>
std::string sentence_of(Call call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "(nothing)";
}

/// @return the exit code of the ConfigError that the call throws; 0 if it returns
template <typename Call>
int exit_code_of(Call call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.exit_code();
  }
  return 0;
}

/// Files that exist only in a map.
class MemoryFiles final : public IniFiles {
 public:
  explicit MemoryFiles(std::map<std::string, std::string> files = {}) : files_(std::move(files)) {}

  std::vector<std::string> expand(const std::string& pattern, const std::string&) override {
    if (pattern.find('*') == std::string::npos) return {pattern};
    std::vector<std::string> names;
    for (const auto& [name, text] : files_) {
      if (fnmatch(pattern.c_str(), name.c_str(), 0) == 0) names.push_back(name);
    }
    return names;
  }

  IniText read(const std::string& name) override {
    const auto found = files_.find(name);
    if (found == files_.end()) {
      throw ConfigError("cannot open " + in_quotes(name) + ": No such file or directory", EX_NOINPUT);
    }
    return {name, name, found->second};
  }

 private:
  std::map<std::string, std::string> files_;
};

/// A folder of the test, removed with its contents.
class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "prefork-config-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp " + name);
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  /// Writes a file, and the folders above it. @return its path
  std::string write(const std::string& name, const std::string& text) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }
  std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// @return a document as lines: its sections, and its entries with their places
inline std::string text_of(const Document& document) {
  std::string text;
  for (const auto& section : document.sections) {
    text += label(section.id) + '\n';
    for (const auto& entry : section.entries) {
      text += fmt::format("{}={}  @{}\n", entry.key, entry.value, entry.origin.text);
    }
  }
  return text;
}

}  // namespace prefork::config::testing
