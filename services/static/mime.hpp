#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace services::static_files {

/// Media types by the names' extensions.
class MimeTypes {
 public:
  /// The common ones.
  MimeTypes();
  /// Adds the entries of a file in the form of /etc/mime.types: a type and its extensions in each line.
  /// @param override  whether they win over those that are there already
  /// @return false where the file can't be read
  bool add_file(const std::string& path, bool override);
  void add(std::string_view text, bool override);

  /// Of a file's path, with "charset=utf-8" where it is text. Valid as long as this.
  const std::string& of(std::string_view path) const;

 private:
  void add_type(std::string_view type, std::string_view extension, bool override);

  std::unordered_map<std::string, std::string> types_;  ///< by extension in lower case
};

/// Whether a body of that type gets smaller by compression.
bool is_compressible(std::string_view media_type) noexcept;

}  // namespace services::static_files
