#include "services/static/loader.hpp"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <ctime>
#include <system_error>

#include "services/static/gzip.hpp"

namespace services::static_files {
namespace {

using prefork::http::BodySource;
using prefork::http::FileContent;
using prefork::http::PreparedFile;
using prefork::http::SharedBytes;
using prefork::http::SharedFile;

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kLeastToCompress = 1024;
constexpr std::uint64_t kMostToCompress = std::uint64_t{1} << 20;

std::int64_t now_ns() noexcept {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * kSecondNs + now.tv_nsec;
}

/// @return what is left of the first `size` bytes
std::string read_all(const SharedFile& file, std::uint64_t size) {
  std::string bytes(static_cast<std::size_t>(size), '\0');
  std::size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t n = ::pread(file->fd(), bytes.data() + got, bytes.size() - got, static_cast<off_t>(got));
    if (n == -1 && errno == EINTR) continue;
    if (n == -1) throw std::system_error(errno, std::generic_category(), "pread");
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  bytes.resize(got);
  return bytes;
}

void append_hex(std::string& out, std::uint64_t number) {
  std::array<char, 16> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr);
}

/// Made of time and size, so that a cluster's servers agree. Weak (RFC 9110 8.8.1) as long as the file could change
/// again unnoticed, within the resolution of its time stamp.
std::string make_etag(const FileStamp& stamp, bool weak, std::string_view suffix) {
  std::string tag = weak ? "W/\"" : "\"";
  append_hex(tag, static_cast<std::uint64_t>(stamp.modified_ns));
  tag.push_back('-');
  append_hex(tag, stamp.size);
  return tag.append(suffix).append("\"");
}

std::time_t seconds_of(std::int64_t ns) noexcept {
  return static_cast<std::time_t>(ns >= 0 ? ns / kSecondNs : (ns - kSecondNs + 1) / kSecondNs);
}

std::string_view suffix_of(Coding coding) noexcept { return coding == Coding::brotli ? ".br" : ".gz"; }

bool in_memory(const BodySource& source) noexcept { return std::holds_alternative<SharedBytes>(source); }

void count(Entry& entry, const FileContent& content) noexcept {
  if (in_memory(content.source)) {
    entry.bytes += std::get<SharedBytes>(content.source)->size();
  } else {
    ++entry.descriptors;
  }
}

}  // namespace

/// What an open file gave.
struct Loader::Read {
  FileStamp stamp;
  BodySource source;
  bool settled = true;  ///< false: it may have changed since then
  bool weak = false;
};

const PreparedFile& Entry::of(Coding coding) const noexcept {
  if (coding == Coding::brotli && brotli) return *brotli;
  if (coding == Coding::gzip && gzip) return *gzip;
  if (coding == Coding::gzip && made_gzip) return *made_gzip;
  return *plain;
}

std::variant<Loader::Read, FileKind, Miss> Loader::read(const std::string& path) const {
  constexpr int kTries = 3;
  const std::int64_t settle_ns = std::chrono::nanoseconds(settings_.settle).count();
  Read result;
  for (int i = 0;; ++i) {
    const std::int64_t now = now_ns();
    auto opened = root_.open(path);
    if (const auto* miss = std::get_if<Miss>(&opened)) return *miss;
    Found& found = std::get<Found>(opened);
    if (found.kind == FileKind::folder) return FileKind::folder;
    result.stamp = found.stamp;
    result.weak = found.stamp.modified_ns > now - settle_ns;
    result.settled = found.stamp.changed_ns <= now - settle_ns;
    if (found.stamp.size > settings_.cache_file_bytes) {
      result.source = std::move(found.file);
      return result;
    }
    auto bytes = std::make_shared<const std::string>(read_all(found.file, found.stamp.size));
    const bool whole = bytes->size() == found.stamp.size;
    result.source = std::move(bytes);
    // Content read under one stamp must not be sent under another.
    if (whole && root_.stamp(path) == found.stamp) return result;
    if (i == kTries) break;
  }
  result.settled = false;
  result.weak = true;
  return result;
}

Loader::Loaded Loader::load(const Wish& wish) const {
  auto was_read = read(wish.path);
  if (const auto* miss = std::get_if<Miss>(&was_read)) return *miss;
  if (const auto* kind = std::get_if<FileKind>(&was_read)) return *kind;
  const Read& file = std::get<Read>(was_read);
  Entry entry;
  entry.path = wish.path;
  entry.seen[0] = file.stamp;
  entry.settled = file.settled;
  FileContent content;
  content.size = file.stamp.size;
  content.source = file.source;
  content.media_type = types_.of(wish.path);
  content.vary = wish.vary;
  content.ranges = wish.validators;  // they distinguish the parts of different versions
  if (wish.validators) {
    content.etag = make_etag(file.stamp, file.weak, "");
    content.last_modified = seconds_of(file.stamp.modified_ns);
    content.cache_control = settings_.cache_control;
    add_codings(entry, content);
  }
  count(entry, content);
  entry.plain.emplace(std::move(content));
  return entry;
}

/// Finds the codings that exist for a file, and says so in its Vary.
void Loader::add_codings(Entry& entry, FileContent& plain) const {
  entry.may_gzip = settings_.gzip && settings_.cache_bytes > 0 && plain.size >= kLeastToCompress &&
                   plain.size <= kMostToCompress && is_compressible(plain.media_type);
  const auto is_there = [&](Coding coding) {
    if (!settings_.precompressed) return false;
    auto& seen = entry.seen[static_cast<std::size_t>(coding)];
    seen = root_.stamp(entry.path + std::string(suffix_of(coding)));
    // Neither format has an empty form: its writer has not written it yet, or could not.
    return seen && seen->size > 0 && seen->modified_ns >= entry.seen[0]->modified_ns;
  };
  const bool gzip = is_there(Coding::gzip);
  const bool brotli = is_there(Coding::brotli);
  if (!entry.may_gzip && !gzip && !brotli) return;
  plain.vary = plain.vary.empty() ? "Accept-Encoding" : plain.vary + ", Accept-Encoding";
  if (gzip) entry.gzip = precompressed(entry, Coding::gzip, plain);
  if (brotli) entry.brotli = precompressed(entry, Coding::brotli, plain);
  if (entry.gzip) entry.may_gzip = false;
}

std::optional<PreparedFile> Loader::precompressed(Entry& entry, Coding coding, const FileContent& plain) const {
  auto was_read = read(entry.path + std::string(suffix_of(coding)));
  const auto* file = std::get_if<Read>(&was_read);
  if (file == nullptr) return std::nullopt;
  entry.seen[static_cast<std::size_t>(coding)] = file->stamp;
  entry.settled = entry.settled && file->settled;
  FileContent content = plain;
  content.source = file->source;
  content.size = file->stamp.size;
  content.content_encoding = coding == Coding::brotli ? "br" : "gzip";
  content.etag = make_etag(file->stamp, file->weak, coding == Coding::brotli ? "-br" : "-gz");
  count(entry, content);
  return PreparedFile(std::move(content));
}

bool Loader::is_current(const Entry& entry) const {
  if (!entry.settled || root_.stamp(entry.path) != entry.seen[0]) return false;
  if (!settings_.precompressed || entry.plain->content().etag.empty()) return true;
  for (const Coding coding : {Coding::gzip, Coding::brotli}) {
    if (root_.stamp(entry.path + std::string(suffix_of(coding))) != entry.seen[static_cast<std::size_t>(coding)])
      return false;
  }
  return true;
}

std::size_t Loader::make_gzip(Entry& entry) const {
  entry.may_gzip = false;
  const FileContent& plain = entry.plain->content();
  std::optional<std::string> packed;
  if (const auto* held = std::get_if<SharedBytes>(&plain.source)) {
    packed = gzip(**held);
  } else {
    const std::string bytes = read_all(std::get<SharedFile>(plain.source), plain.size);
    if (bytes.size() == plain.size) packed = gzip(bytes);
  }
  if (!packed) return 0;
  const std::size_t size = packed->size();
  FileContent content = plain;
  content.source = std::make_shared<const std::string>(std::move(*packed));
  content.content_encoding = "gzip";
  // Another zlib may compress differently.
  content.etag = make_etag(*entry.seen[0], true, "-gz");
  entry.made_gzip.emplace(std::move(content));
  entry.bytes += size;
  return size;
}

}  // namespace services::static_files
