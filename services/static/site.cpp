#include "services/static/site.hpp"

#include <ctime>
#include <optional>
#include <stdexcept>
#include <utility>

#include "services/static/accept.hpp"
#include "services/static/listing.hpp"

namespace services::static_files {
namespace {

using prefork::http::Response;
using prefork::http::Status;

constexpr std::size_t kMaxEntries = 16'384;
constexpr std::size_t kMaxDescriptors = 256;
// No request's path has a blank in it.
constexpr std::string_view kFallbackKey = " try";
constexpr std::string_view kNotFoundKey = " not-found";

constexpr std::string_view kSystemTypes = "/etc/mime.types";

std::uint64_t now_ms() noexcept {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

Load most_of(const Settings& settings) noexcept {
  if (settings.cache_bytes == 0) return {};
  return {static_cast<std::size_t>(settings.cache_bytes), kMaxEntries, kMaxDescriptors};
}

/// The answer if a file that is needed for it is not available.
Response refuse(Miss miss) {
  switch (miss) {
    case Miss::absent:
      return Response::not_found();
    case Miss::forbidden:
      return Response::error(Status::forbidden);
    case Miss::busy:
      break;
  }
  return Response::error(Status::service_unavailable);
}

/// If the option has its default, the system's table, if there is one, adds to ours; a configured file takes
/// precedence.
MimeTypes read_types(const std::string& path) {
  MimeTypes types;
  const bool asked_for = !path.empty() && path != kSystemTypes;
  if (!path.empty() && !types.add_file(path, asked_for) && asked_for)
    throw std::invalid_argument("mime-types: " + path + " can't be read");
  return types;
}

}  // namespace

Site::Site(Settings settings)
    : settings_(std::move(settings)),
      revalidate_ms_(static_cast<std::uint64_t>(settings_.revalidate.count())),
      types_(read_types(settings_.mime_types)),
      root_(settings_.root, settings_.follow_links),
      loader_(root_, types_, settings_),
      cache_(most_of(settings_)) {}

Response Site::answer(const Request& request) {
  const std::uint64_t now = now_ms();
  const std::string_view path = request.path();
  Entry* const entry = cache_.find(path);
  if (entry != nullptr && is_fresh(*entry, now)) return send(request, path, *entry);
  return find_file(request, now);
}

/// A valid entry; an outdated one is dropped.
Entry* Site::find(std::string_view key, std::uint64_t now_ms) {
  Entry* const entry = cache_.find(key);
  if (entry == nullptr || is_fresh(*entry, now_ms)) return entry;
  if (!loader_.is_current(*entry)) {
    cache_.erase(key);
    return nullptr;
  }
  entry->checked_ms = now_ms;
  return entry;
}

Response Site::find_file(const Request& request, std::uint64_t now_ms) {
  const auto url = read_url_path(request.path(), settings_.mount, settings_.hidden);
  if (!url) return not_found(now_ms);
  if (Entry* const entry = find(url->canonical, now_ms)) return send(request, url->canonical, *entry);
  if (url->folder) return answer_folder(request, *url, now_ms);
  auto loaded = loader_.load({url->file});
  if (auto* entry = std::get_if<Entry>(&loaded))
    return keep_and_send(request, url->canonical, std::move(*entry), now_ms);
  if (const auto* miss = std::get_if<Miss>(&loaded)) return answer_miss(request, *url, *miss, now_ms);
  // A folder's own URL ends with '/', so that relative links in its index work. It is never "//host": no segment is
  // empty.
  std::string location = url->canonical + "/";
  if (!request.query().empty()) location.append("?").append(request.query());
  return Response::redirect(location, Status::moved_permanently);
}

/// Caches a new entry once it is answered.
Response Site::keep_and_send(const Request& request, std::string key, Entry entry, std::uint64_t now_ms) {
  entry.checked_ms = now_ms;
  Response response = send(request, {}, entry);
  const std::size_t bytes = entry.bytes;
  const std::size_t descriptors = entry.descriptors;
  cache_.insert(std::move(key), std::move(entry), bytes, descriptors);
  return response;
}

/// @param key  of the entry in the cache; empty: it is not cached
Response Site::send(const Request& request, std::string_view key, Entry& entry) {
  const Offer offer = entry.offer();
  if (!offer.gzip && !offer.brotli) return entry.plain->answer(request);
  const Coding coding = choose_coding(request, offer);
  // A part of our compressed version can't be combined with a part of another server's.
  const bool ours = coding == Coding::gzip && !entry.gzip;
  if (ours && request.header("range")) return entry.plain->answer(request);
  if (!ours || !entry.may_gzip) return entry.of(coding).answer(request);
  const std::size_t more = loader_.make_gzip(entry);
  Response response = entry.of(coding).answer(request);
  if (!key.empty()) cache_.charge(key, more);
  return response;
}

Response Site::answer_folder(const Request& request, const UrlPath& url, std::uint64_t now_ms) {
  const std::string folder = url.file.empty() ? std::string() : url.file + "/";
  auto loaded = loader_.load({folder + settings_.index});
  if (auto* entry = std::get_if<Entry>(&loaded))
    return keep_and_send(request, url.canonical, std::move(*entry), now_ms);
  if (const auto* miss = std::get_if<Miss>(&loaded); miss != nullptr && *miss != Miss::absent) return refuse(*miss);
  if (!settings_.listing) return answer_miss(request, url, Miss::absent, now_ms);
  auto opened = root_.open(url.file);
  if (const auto* miss = std::get_if<Miss>(&opened)) return answer_miss(request, url, *miss, now_ms);
  const Found& found = std::get<Found>(opened);
  if (found.kind != FileKind::folder) return answer_miss(request, url, Miss::absent, now_ms);
  std::string title = settings_.mount;
  if (!title.ends_with('/')) title.push_back('/');
  title.append(folder);
  Response response =
      Response::html(render_listing(read_folder(root_, found, url.file, settings_.hidden), title, folder.empty()));
  return response.set("Cache-Control", "no-cache")
      .set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
}

Response Site::answer_miss(const Request& request, const UrlPath& url, Miss miss, std::uint64_t now_ms) {
  if (miss != Miss::absent) return refuse(miss);
  if (settings_.fallback.empty() || !wants_fallback(request, url)) return not_found(now_ms);
  if (Entry* const entry = find(kFallbackKey, now_ms)) return send(request, kFallbackKey, *entry);
  auto loaded = loader_.load({settings_.fallback, "Accept"});
  if (auto* entry = std::get_if<Entry>(&loaded))
    return keep_and_send(request, std::string(kFallbackKey), std::move(*entry), now_ms);
  return not_found(now_ms);
}

/// A single-page application invents paths; a path that looks like a file and does not exist is missing.
bool Site::wants_fallback(const Request& request, const UrlPath& url) const {
  const std::string_view name = std::string_view(url.file).substr(url.file.rfind('/') + 1);
  const HtmlWish wish = html_wish(request);
  return wish == HtmlWish::named || (wish == HtmlWish::accepted && name.find('.') == std::string_view::npos);
}

Response Site::not_found(std::uint64_t now_ms) {
  if (settings_.not_found.empty()) return Response::not_found();
  Entry* entry = find(kNotFoundKey, now_ms);
  Entry fresh;
  if (entry == nullptr) {
    auto loaded = loader_.load({settings_.not_found, {}, false});
    if (!std::holds_alternative<Entry>(loaded)) return Response::not_found();
    fresh = std::get<Entry>(std::move(loaded));
    fresh.checked_ms = now_ms;
    cache_.insert(std::string(kNotFoundKey), fresh, fresh.bytes, fresh.descriptors);
    entry = &fresh;
  }
  Response response = entry->plain->whole();
  return response.status(Status::not_found);
}

}  // namespace services::static_files
