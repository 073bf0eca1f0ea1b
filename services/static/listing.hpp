#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/http/response.hpp>

#include "services/static/root.hpp"

namespace services::static_files {

inline constexpr std::size_t kMaxListed = 1000;

struct ListedFile {
  std::string name;
  bool folder = false;
  std::uint64_t size = 0;
  std::time_t modified = 0;
};

/// What a folder contains: files and folders, and links to them within the root.
struct FolderContent {
  std::vector<ListedFile> files;  ///< at most kMaxListed
  bool more = false;
};

/// Reads an open folder. `path` is its path below the root. Blocks only on the disk.
FolderContent read_folder(const Root& root, const Found& folder, const std::string& path, bool hidden);

/// The page, folders first, sorted by name. `title` is the folder's path, decoded.
/// @param at_root  whether there is nothing above it
std::string render_listing(FolderContent content, std::string_view title, bool at_root);

}  // namespace services::static_files
