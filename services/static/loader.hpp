#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <prefork/http/send_file.hpp>

#include "services/static/accept.hpp"
#include "services/static/mime.hpp"
#include "services/static/root.hpp"
#include "services/static/settings.hpp"

namespace services::static_files {

/// A file ready to be sent, in each coding that exists for it.
struct Entry {
  static constexpr std::size_t kCodings = 3;

  const prefork::http::PreparedFile& of(Coding coding) const noexcept;
  Offer offer() const noexcept { return {gzip || made_gzip || may_gzip, brotli.has_value()}; }

  std::string path;                                     ///< below the root
  std::array<std::optional<FileStamp>, kCodings> seen;  ///< the file, .gz, .br: what was there when it was loaded
  bool settled = true;  ///< false: it may have changed again within the resolution of its time stamp
  std::uint64_t checked_ms = 0;
  std::optional<prefork::http::PreparedFile> plain;  ///< always present once loaded
  std::optional<prefork::http::PreparedFile> gzip;
  std::optional<prefork::http::PreparedFile> brotli;
  std::optional<prefork::http::PreparedFile> made_gzip;  ///< compressed by us
  bool may_gzip = false;                                 ///< whether compressing it is worth a try
  std::size_t bytes = 0;                                 ///< in memory
  std::size_t descriptors = 0;
};

/// What the caller asks of a file to be loaded.
struct Wish {
  std::string path;
  std::string_view vary = {};  ///< what the answer depends on besides Accept-Encoding
  bool validators = true;      ///< false: neither ETag nor Last-Modified nor Cache-Control
};

/// Reads files and their precompressed versions.
class Loader {
 public:
  /// All of them must outlive this object.
  Loader(const Root& root, const MimeTypes& types, const Settings& settings) noexcept
      : root_(root), types_(types), settings_(settings) {}

  /// The file; or the kind alone, for a folder.
  using Loaded = std::variant<Entry, FileKind, Miss>;
  Loaded load(const Wish& wish) const;
  /// Whether an entry is still what load() would return.
  bool is_current(const Entry& entry) const;
  /// Tries to compress. @return by how many bytes the entry has grown
  std::size_t make_gzip(Entry& entry) const;

 private:
  struct Read;
  std::variant<Read, FileKind, Miss> read(const std::string& path) const;
  void add_codings(Entry& entry, prefork::http::FileContent& plain) const;
  std::optional<prefork::http::PreparedFile> precompressed(Entry& entry, Coding coding,
                                                           const prefork::http::FileContent& plain) const;

  const Root& root_;
  const MimeTypes& types_;
  const Settings& settings_;
};

}  // namespace services::static_files
