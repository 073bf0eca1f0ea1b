#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <prefork/http/request.hpp>
#include <prefork/http/response.hpp>

#include "services/static/loader.hpp"
#include "services/static/lru.hpp"
#include "services/static/mime.hpp"
#include "services/static/root.hpp"
#include "services/static/settings.hpp"
#include "services/static/url_path.hpp"

namespace services::static_files {

/// A folder of files as a web site. One per worker; used only by its thread.
class Site {
 public:
  /// @throws std::system_error if the root can't be opened; std::invalid_argument for an unusable option
  explicit Site(Settings settings);
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  /// Answers a GET or HEAD. Blocks only on the disk.
  prefork::http::Response answer(const prefork::http::Request& request);

  const Load& cache_load() const noexcept { return cache_.load(); }

 private:
  using Request = prefork::http::Request;
  using Response = prefork::http::Response;

  bool is_fresh(const Entry& entry, std::uint64_t now_ms) const noexcept {
    return now_ms - entry.checked_ms < revalidate_ms_;
  }
  Entry* find(std::string_view key, std::uint64_t now_ms);
  Response find_file(const Request& request, std::uint64_t now_ms);
  Response keep_and_send(const Request& request, std::string key, Entry entry, std::uint64_t now_ms);
  Response send(const Request& request, std::string_view key, Entry& entry);
  Response answer_folder(const Request& request, const UrlPath& url, std::uint64_t now_ms);
  Response answer_miss(const Request& request, const UrlPath& url, Miss miss, std::uint64_t now_ms);
  bool wants_fallback(const Request& request, const UrlPath& url) const;
  Response not_found(std::uint64_t now_ms);

  Settings settings_;
  std::uint64_t revalidate_ms_;
  MimeTypes types_;
  Root root_;
  Loader loader_;
  LruCache<Entry> cache_;  ///< by canonical path
};

}  // namespace services::static_files
