#pragma once

#include "framework/config/ini.hpp"

namespace prefork::config {

/// The files of the file system: paths and shell patterns, relative to the including file's folder.
///
/// The errors that the two functions throw carry errno's text and EX_NOPERM for EACCES and EPERM, else EX_NOINPUT.
/// Blocks: only on the disk.
class DiskFiles final : public IniFiles {
 public:
  DiskFiles() = default;
  /// Looks for files named by the folder `named`, or in it, at `real`: its links are followed once, in the same way for
  /// all files.
  DiskFiles(std::string named, std::string real);

  /// A pattern (with `*`, `?` or `[`) stands for the matching files in the order of their bytes, possibly none; any
  /// other path stands for itself.
  std::vector<std::string> expand(const std::string& pattern, const std::string& from) override;
  /// Stops reading a little beyond the limit, so that parse_ini notices what is too long.
  IniText read(const std::string& name) override;

 private:
  std::string place_of(const std::string& name) const;

  std::string named_;
  std::string real_;
};

}  // namespace prefork::config
