#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace services::static_files {

/// The file that a URL's path names. A file has one URL: `canonical`; other spellings are read but not cached.
struct UrlPath {
  std::string file;       ///< decoded, below the mount, without a slash at either end; empty: the root
  std::string canonical;  ///< with the mount, escaped only where necessary
  bool folder = false;    ///< the path ends with '/'
};

/// Decodes a path as it was sent, once.
/// @param mount  where the service is mounted: "/", "/a", "/a/b"
/// @param hidden  whether names that begin with '.' may be requested; else only those below /.well-known/
/// @return nullopt if it names no file: malformed escapes, NUL, an escaped '/', empty and dot segments, hidden names
std::optional<UrlPath> read_url_path(std::string_view path, std::string_view mount, bool hidden);

/// Appends a file's name as a segment of a URL.
void append_escaped(std::string& out, std::string_view name);

}  // namespace services::static_files
