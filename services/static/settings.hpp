#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace services::static_files {

/// The service's options, as README.md describes them.
struct Settings {
  std::string root;
  std::string mount = "/";
  std::string index = "index.html";
  std::string fallback;   ///< the option `try`; empty: none
  std::string not_found;  ///< empty: the framework's page
  std::string cache_control;
  std::string mime_types;
  bool listing = false;
  bool hidden = false;
  bool follow_links = true;
  bool precompressed = true;
  bool gzip = true;
  std::uint64_t cache_bytes = std::uint64_t{32} << 20;
  std::uint64_t cache_file_bytes = std::uint64_t{64} << 10;
  std::chrono::milliseconds revalidate{1000};
  /// Not an option: for how long after a change another one may leave the same time stamp. More than a kernel's tick.
  std::chrono::milliseconds settle{1000};
};

}  // namespace services::static_files
