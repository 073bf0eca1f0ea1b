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

/// A file ready to be sent, in each coding that there is of it.
struct Entry {
  static constexpr std::size_t kCodings = 3;

  const prefork::http::PreparedFile& of(Coding coding) const noexcept;
  Offer offer() const noexcept { return {gzip || made_gzip || may_gzip, brotli.has_value()}; }

  std::string path;                                     ///< below the root
  std::array<std::optional<FileStamp>, kCodings> seen;  ///< the file, .gz, .br: what was there when it was loaded
  bool settled = true;                                  ///< false: it may have changed again within its time stamp
  std::uint64_t checked_ms = 0;
  std::optional<prefork::http::PreparedFile> plain;  ///< always there once it is loaded
  std::optional<prefork::http::PreparedFile> gzip;
  std::optional<prefork::http::PreparedFile> brotli;
  std::optional<prefork::http::PreparedFile> made_gzip;  ///< compressed by us
  bool may_gzip = false;                                 ///< it is worth a try
  std::size_t bytes = 0;                                 ///< in memory
  std::size_t descriptors = 0;
};

/// What is asked of a file that is loaded.
struct Wish {
  std::string path;
  std::string_view vary = {};  ///< what else than Accept-Encoding the answer depends on
  bool validators = true;      ///< false: neither ETag nor Last-Modified nor Cache-Control
};

/// Reads files and what is beside them.
class Loader {
 public:
  /// All of them outlive this.
  Loader(const Root& root, const MimeTypes& types, const Settings& settings) noexcept
      : root_(root), types_(types), settings_(settings) {}

  /// The file, or the folder, for which only the kind is told.
  using Loaded = std::variant<Entry, FileKind, Miss>;
  Loaded load(const Wish& wish) const;
  /// Whether an entry still is what load() would give.
  bool is_current(const Entry& entry) const;
  /// Tries to compress. @return bytes that the entry has grown by
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
