#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "framework/config/options.hpp"
#include "framework/config/section.hpp"

/// The syntax of a configuration file: sections, `key = value`, comments, quotes and includes. It knows no keys.
///
/// A `#` starts a comment at the beginning of a line or after white space, never inside quotes. A value is bare (taken
/// as it is, without the white space around it) or quoted as a whole, with the escapes \" \\ \n \t.
namespace prefork::config {

/// A `key = value` with its place.
struct Entry {
  std::string key;
  std::string value;
  Origin origin;
};

/// A section and its entries, in the order of the file.
struct Section {
  SectionId id;
  Origin origin;
  std::vector<Entry> entries;
};

/// The contents of the files; no section occurs twice.
struct Document {
  std::vector<Section> sections;
};

/// The text of one file.
struct IniText {
  std::string name;      ///< for messages; relative includes are relative to it
  std::string identity;  ///< the same for two names of the same file; detects an endless include
  std::string text;
};

/// Provides the files for `include = PATH`; parse_ini knows no file system.
class IniFiles {
 public:
  virtual ~IniFiles() = default;
  /// @return the files that `pattern`, written in the file `from`, stands for, in the order to read them
  /// @throws ConfigError without a place; parse_ini adds that of the include
  virtual std::vector<std::string> expand(const std::string& pattern, const std::string& from) = 0;
  /// @throws ConfigError as expand does
  virtual IniText read(const std::string& name) = 0;
};

/// Limits on the input; exceeding one is an error, never a truncation.
struct IniLimits {
  static constexpr std::size_t kLineBytes = 64 * 1024;
  static constexpr std::size_t kFileBytes = 1024 * 1024;
  static constexpr std::size_t kIncludeDepth = 8;
  static constexpr std::size_t kIncludedFiles = 1000;
};

/// Parses a file's text and everything that it includes. An included file starts outside any section; after it the
/// including file's section continues.
/// @throws ConfigError with "file:line: " before one sentence
Document parse_ini(const IniText& file, IniFiles& files);

/// @return the value as it must be written after `key = ` to be read back: bare if that is safe, else quoted
std::string ini_quote(std::string_view value);

}  // namespace prefork::config
