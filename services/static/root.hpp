#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include <prefork/http/file_handle.hpp>

namespace services::static_files {

/// Distinguishes one state of a file from another.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;  ///< since 1970, as `changed_ns`
  std::int64_t changed_ns = 0;   ///< of the inode: no program can set it
  bool operator==(const FileStamp&) const = default;
};

/// Why there is nothing to send.
enum class Miss : std::uint8_t {
  absent,     ///< no such file, or its path leads out of the root
  forbidden,  ///< no permission, or not a regular file
  busy,       ///< out of descriptors or memory: may work later
};

enum class FileKind : std::uint8_t { regular, folder };

struct Found {
  prefork::http::SharedFile file;
  FileStamp stamp;
  FileKind kind;
};

/// The folder that contains all files. The kernel keeps every path inside it (openat2(2), RESOLVE_BENEATH): no
/// spelling, link or race leads out. Paths are relative, "a/b"; empty: the root itself. Blocks only on the disk.
class Root {
 public:
  /// @param follow_links  whether to follow symbolic links that stay within the root
  /// @throws std::system_error if it can't be opened, or the kernel has no openat2
  Root(const std::string& path, bool follow_links);

  /// Opens a regular file or folder for reading.
  /// @throws std::system_error on EIO and similar errors
  std::variant<Found, Miss> open(const std::string& path) const;
  /// The state of a regular file. @return nullopt if open() would find none; does not check the permission to read
  std::optional<FileStamp> stamp(const std::string& path) const;
  /// What a path leads to, following links as open() does; nullopt: nothing that can be sent.
  std::optional<FileKind> kind(const std::string& path) const;

 private:
  int open_beneath(const std::string& path, std::uint64_t flags) const;

  std::uint64_t resolve_;
  prefork::http::SharedFile folder_;
};

}  // namespace services::static_files
