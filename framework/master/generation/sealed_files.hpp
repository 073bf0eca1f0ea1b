#pragma once

#include <string>
#include <vector>

#include "ipc/posix/privileges.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// A file that a plugin's manifest names (Manifest::seal), as a generation holds it.
struct SealedFile {
  std::string name;    ///< the path as the manifest names it; within a folder, the folder's, '/' and the rest
  ipc::UniqueFd copy;  ///< ipc::sealed_copy()
};

/// Of one service.
constexpr std::size_t kMaxSealedFiles = 200;
constexpr std::size_t kMaxSealedBytes = 64U << 20;

/// Copies files, and every regular file of folders and the folders in them; links to folders are not followed. Relative
/// paths are found from the working folder. Blocks: on the disk. Called by seal_files() and prefork::testkit.
/// @return sorted by name @throws std::exception: a file can't be read, or there are too many
std::vector<SealedFile> copy_files(const std::vector<std::string>& paths);

/// Does the same in a child with the rights of `identity`, within an inspector's patience: the paths are a plugin's
/// word, so that nothing is read that the service could not read itself. @throws StartupError, beginning with `subject`
std::vector<SealedFile> seal_files(const std::string& subject, const std::vector<std::string>& paths,
                                   const ipc::Identity& identity);

}  // namespace prefork::master
