#include "framework/config/ini_files.hpp"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include "framework/config/config_error.hpp"
#include "framework/config/errand.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

[[noreturn]] void fail(const char* action, const std::string& path, int error) {
  throw ConfigError(fmt::format("cannot {} {}: {}", action, in_quotes(path), std::generic_category().message(error)),
                    error == EACCES || error == EPERM ? EX_NOPERM : EX_NOINPUT);
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

class GlobResult {
 public:
  GlobResult() = default;
  ~GlobResult() { globfree(&glob_); }
  GlobResult(const GlobResult&) = delete;
  GlobResult& operator=(const GlobResult&) = delete;

  glob_t* get() { return &glob_; }
  std::vector<std::string> paths() const { return {glob_.gl_pathv, glob_.gl_pathv + glob_.gl_pathc}; }

 private:
  glob_t glob_{};
};

constexpr const char* kWildcards = "*?[";

/// @return the path as a pattern that matches only itself
std::string escaped(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == '\\' || std::string_view(kWildcards).find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

/// A folder that doesn't exist is a pattern without a match; one that can't be read must not look the same.
int stop_unless_absent(const char*, int error) { return error == ENOENT || error == ENOTDIR ? 0 : 1; }

std::string identity_of(const std::string& name) {
  std::error_code ignored;
  const auto canonical = std::filesystem::canonical(name, ignored);
  return ignored ? name : canonical.string();
}

}  // namespace

DiskFiles::DiskFiles(std::string named, std::string real) : named_(std::move(named)), real_(std::move(real)) {}

std::string DiskFiles::place_of(const std::string& name) const {
  if (real_.empty() || name.starts_with('/') != named_.starts_with('/')) return name;
  const std::string start = named_.empty() || named_.ends_with('/') ? named_ : named_ + '/';
  return name.starts_with(start) ? real_ + '/' + name.substr(start.size()) : name;
}

std::vector<std::string> DiskFiles::expand(const std::string& pattern, const std::string& from) {
  const std::filesystem::path folder = std::filesystem::path(from).parent_path();
  if (pattern.find_first_of(kWildcards) == std::string::npos) return {(folder / pattern).string()};
  // Only what the author wrote can be a pattern: the folder may have any name.
  const std::string real_folder = place_of((folder / "").string());
  const std::string path = (std::filesystem::path(escaped(real_folder)) / pattern).string();
  begin_errand("looking for " + path);
  GlobResult result;
  errno = 0;
  const int outcome = glob(path.c_str(), GLOB_NOSORT, stop_unless_absent, result.get());
  if (outcome == GLOB_NOMATCH) return {};
  if (outcome != 0) fail("read the folders of", path, outcome == GLOB_NOSPACE ? ENOMEM : (errno != 0 ? errno : EIO));
  std::vector<std::string> paths = result.paths();
  if (const std::string shown = (folder / "").string(); shown != real_folder) {
    for (std::string& found : paths) {
      if (found.starts_with(real_folder)) found = shown + found.substr(real_folder.size());
    }
  }
  // By bytes, so that the order doesn't depend on the locale.
  std::sort(paths.begin(), paths.end());
  return paths;
}

IniText DiskFiles::read(const std::string& name) {
  begin_errand("reading " + name);
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(place_of(name).c_str(), "re"));
  if (!file) fail("open", name, errno);
  IniText out{name, identity_of(place_of(name)), {}};
  std::array<char, 64 * 1024> chunk{};
  while (out.text.size() <= IniLimits::kFileBytes) {
    const std::size_t count = std::fread(chunk.data(), 1, chunk.size(), file.get());
    if (count == 0 && std::ferror(file.get()) != 0) fail("read", name, errno);
    if (count == 0) break;
    out.text.append(chunk.data(), count);
  }
  return out;
}

}  // namespace prefork::config
