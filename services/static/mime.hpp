#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace services::static_files {

/// Media types by file name extension.
class MimeTypes {
 public:
  /// Starts with the common types.
  MimeTypes();
  /// Adds the entries of a file in the form of /etc/mime.types: a type and its extensions on each line.
  /// @param override  whether they replace entries that exist already
  /// @return false: the file can't be read
  bool add_file(const std::string& path, bool override);
  void add(std::string_view text, bool override);

  /// The type of a file's path, with "charset=utf-8" for text. Valid as long as this object.
  const std::string& of(std::string_view path) const;

 private:
  void add_type(std::string_view type, std::string_view extension, bool override);

  std::unordered_map<std::string, std::string> types_;  ///< by extension in lower case
};

/// Whether a body of that type becomes smaller when compressed.
bool is_compressible(std::string_view media_type) noexcept;

}  // namespace services::static_files
