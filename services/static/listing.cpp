#include "services/static/listing.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>

#include "services/static/url_path.hpp"

namespace services::static_files {
namespace {

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.25rem; overflow-wrap: anywhere; }
ul { list-style: none; margin: 0; padding: 0; }
li { display: flex; flex-wrap: wrap; gap: 0 1rem; border-top: 1px solid #8884; }
a { flex: 1 1 16rem; padding: .5rem 0; overflow-wrap: anywhere; text-decoration: none; }
a:hover, a:focus { text-decoration: underline; }
span { padding: .5rem 0; opacity: .7; font-variant-numeric: tabular-nums; white-space: nowrap; }
.size { min-width: 5.5rem; text-align: right; }
@media (max-width: 40rem) {
  a { flex-basis: 100%; padding-bottom: 0; }
  a:only-child { padding-bottom: .5rem; }
  span { padding-top: 0; font-size: .875rem; }
  .size { min-width: 0; }
  .size:empty { display: none; }
}
</style>
<title>)";

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

/// For display: control characters are replaced by a mark.
std::string shown(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      text += "\xef\xbf\xbd";
    } else {
      text.push_back(c);
    }
  }
  return prefork::http::escape_html(text);
}

std::string size_text(std::uint64_t bytes) {
  static constexpr std::array<const char*, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  auto amount = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (amount >= 1023.95 && unit + 1 < kUnits.size()) {
    amount /= 1024;
    ++unit;
  }
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.1f %s", amount, kUnits[unit]);
  return text.data();
}

/// "2025-06-15 14:05", in UTC.
std::string time_text(std::time_t when) {
  using namespace std::chrono;
  const sys_seconds time{seconds(when)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const auto minute = static_cast<int>(floor<minutes>(time - day).count());
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), minute / 60, minute % 60);
  return text.data();
}

/// How to list an entry of an open folder; nullopt: not at all.
std::optional<ListedFile> inspect(const Root& root, int folder, const std::string& path, const char* name) {
  struct stat status;
  if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == -1) return std::nullopt;
  ListedFile file{name, S_ISDIR(status.st_mode), static_cast<std::uint64_t>(status.st_size), status.st_mtim.tv_sec};
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return file;
  if (!S_ISLNK(status.st_mode)) return std::nullopt;
  const std::string full = path.empty() ? file.name : path + "/" + file.name;
  const auto kind = root.kind(full);
  if (!kind) return std::nullopt;
  file.folder = *kind == FileKind::folder;
  const auto target = file.folder ? std::nullopt : root.stamp(full);
  if (target) {
    file.size = target->size;
    file.modified = static_cast<std::time_t>(target->modified_ns / 1'000'000'000);
  }
  return file;
}

void append_row(std::string& page, const ListedFile& file) {
  const std::string_view slash = file.folder ? "/" : "";
  // "./": a name with a colon must not be taken for a scheme.
  page += "<li><a href=\"./";
  std::string link;
  append_escaped(link, file.name);
  page.append(prefork::http::escape_html(link)).append(slash).append("\">").append(shown(file.name)).append(slash);
  page.append("</a><span class=\"size\">").append(file.folder ? "" : size_text(file.size));
  page.append("</span><span>").append(time_text(file.modified)).append("</span></li>\n");
}

}  // namespace

FolderContent read_folder(const Root& root, const Found& folder, const std::string& path, bool hidden) {
  FolderContent content;
  const int fd = ::openat(folder.file->fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseFolder> entries(fd != -1 ? ::fdopendir(fd) : nullptr);
  if (!entries) return content;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || (!hidden && name.starts_with('.'))) continue;
    content.more = content.files.size() == kMaxListed;
    if (content.more) break;
    if (auto file = inspect(root, folder.file->fd(), path, entry->d_name)) content.files.push_back(std::move(*file));
  }
  return content;
}

std::string render_listing(FolderContent content, std::string_view title, bool at_root) {
  std::sort(content.files.begin(), content.files.end(),
            [](const ListedFile& a, const ListedFile& b) { return a.folder != b.folder ? a.folder : a.name < b.name; });
  const std::string heading = shown(title);
  std::string page(kHead);
  page.append(heading).append("</title>\n</head>\n<body>\n<h1>").append(heading).append("</h1>\n<ul>\n");
  if (!at_root) page += "<li><a href=\"../\">../</a></li>\n";
  for (const ListedFile& file : content.files) append_row(page, file);
  page += "</ul>\n";
  if (content.files.empty()) page += "<p>This folder is empty.</p>\n";
  if (content.more)
    page.append("<p>Only ").append(std::to_string(kMaxListed)).append(" of its entries are shown.</p>\n");
  return page += "</body>\n</html>\n";
}

}  // namespace services::static_files
