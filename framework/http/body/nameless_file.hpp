#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <prefork/http/form.hpp>

#include "ipc/posix/unique_fd.hpp"

/// Files that have no name until they are complete, so that whoever is killed leaves none behind. All of this blocks as
/// the disk does, and throws std::system_error.
namespace prefork::http {

/// A new file of mode 0600 in that folder, by O_TMPFILE (open(2)). Where the file system has none, a named one that is
/// unlinked at once: a kill between the two calls leaves an empty file, and it can't be given a name again.
ipc::UniqueFd make_nameless_file(const std::string& directory);

/// Makes what a form gives its handler of a file.
struct UploadedFileParts {
  using Content = UploadedFile::Content;
  /// Takes over the descriptor.
  static UploadedFile make(Content content) noexcept { return UploadedFile(std::move(content)); }
};

/// Gives the bytes of a file the name `path`, see UploadedFile::save_as.
bool save_file(int fd, std::uint64_t bytes, const std::string& path, UploadedFile::Existing existing);

/// The way where a file can't be given a name: a copy in the folder of `path` that has one of its own until it is
/// whole. A kill leaves that copy: ".upload-XXXXXX".
bool save_named_copy(int fd, std::uint64_t bytes, const std::string& path, UploadedFile::Existing existing);

}  // namespace prefork::http
