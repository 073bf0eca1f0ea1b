#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "framework/config/options.hpp"
#include "framework/config/section.hpp"

/// The syntax of a configuration file: sections, `key = value`, comments, quotes and includes. Knows no key.
///
/// A `#` starts a comment at a line's start or after white space, never inside quotes. A value is bare (taken
/// as it stands, without the white space around it) or quoted as a whole, with the escapes \" \\ \n \t.
namespace prefork::config {

/// `key = value` as it stands in one place.
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

/// What the files say; no section appears twice.
struct Document {
  std::vector<Section> sections;
};

/// The text of one file.
struct IniText {
  std::string name;      ///< for messages, and what relative includes are relative to
  std::string identity;  ///< the same for two names of the same file; tells an include that never ends
  std::string text;
};

/// Where `include = PATH` gets its files from; parse_ini knows no file system.
class IniFiles {
 public:
  virtual ~IniFiles() = default;
  /// @return the files that `pattern`, written in the file `from`, stands for, in the order to read them.
  /// @throws ConfigError without a place, to which parse_ini adds the include's.
  virtual std::vector<std::string> expand(const std::string& pattern, const std::string& from) = 0;
  /// @throws ConfigError as expand does.
  virtual IniText read(const std::string& name) = 0;
};

/// Bounds on what is read; beyond them is an error, never a truncation.
struct IniLimits {
  static constexpr std::size_t kLineBytes = 64 * 1024;
  static constexpr std::size_t kFileBytes = 1024 * 1024;
  static constexpr std::size_t kIncludeDepth = 8;
  static constexpr std::size_t kIncludedFiles = 1000;
};

/// Parses a file's text and all that it includes. An included file starts outside of any section; the
/// including file's section goes on after it.
/// @throws ConfigError with "file:line: " before one sentence.
Document parse_ini(const IniText& file, IniFiles& files);

/// @return value as it has to stand after `key = ` to be read back: bare where that is safe, else quoted.
std::string ini_quote(std::string_view value);

}  // namespace prefork::config
