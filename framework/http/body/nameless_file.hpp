#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <prefork/http/form.hpp>

#include "ipc/posix/unique_fd.hpp"

/// Files that have no name until they are complete, so that none is left behind, whatever process is killed. All
/// functions block as the disk does, and throw std::system_error.
namespace prefork::http {

/// Makes a file of mode 0600 in that folder, by O_TMPFILE (open(2)). If the file system does not support it, makes a
/// named file and unlinks it at once: a kill between the two calls leaves an empty file, and the file can't be given a
/// name again.
ipc::UniqueFd make_nameless_file(const std::string& directory);

/// Makes the object that represents a form's file to its handler.
struct UploadedFileParts {
  using Content = UploadedFile::Content;
  /// Takes over the descriptor.
  static UploadedFile make(Content content) noexcept { return UploadedFile(std::move(content)); }
};

/// Gives the bytes of a file the name `path`; see UploadedFile::save_as.
bool save_file(int fd, std::uint64_t bytes, const std::string& path, UploadedFile::Existing existing);

/// For files that can't be given a name: makes a copy in the folder of `path`, under a name of its own until it is
/// complete. A kill leaves that copy: ".upload-XXXXXX".
bool save_named_copy(int fd, std::uint64_t bytes, const std::string& path, UploadedFile::Existing existing);

}  // namespace prefork::http
