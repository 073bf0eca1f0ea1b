#include <memory>
#include <stdexcept>
#include <string>

#include <prefork/http.hpp>

#include "services/static/settings.hpp"
#include "services/static/site.hpp"

namespace {

namespace http = prefork::http;
using services::static_files::Settings;
using services::static_files::Site;

Settings read_settings(const prefork::Context& context) {
  Settings settings;
  settings.root = context.options().text("root");
  settings.mount = context.options().text("mount");
  settings.index = context.options().text("index");
  settings.fallback = context.options().text("try");
  settings.not_found = context.options().text("not-found");
  settings.cache_control = context.options().text("cache-control");
  settings.mime_types = context.options().text("mime-types");
  settings.listing = context.options().flag("listing");
  settings.hidden = context.options().flag("hidden");
  settings.follow_links = context.options().text("follow-links") == "beneath";
  settings.precompressed = context.options().flag("precompressed");
  settings.gzip = context.options().flag("gzip");
  settings.cache_bytes = context.options().size("cache");
  settings.cache_file_bytes = context.options().size("cache-file");
  settings.revalidate = context.options().duration("revalidate");
  return settings;
}

void check_path(const std::string& path) {
  if (path.starts_with('/')) throw std::invalid_argument("\"" + path + "\" is to be a path below the root");
}

void check_cache_control(const std::string& value) { http::Response().set("Cache-Control", value); }

/// Serves the files of a folder.
class Static final : public http::Service {
 public:
  static void describe(prefork::Manifest& manifest) {
    constexpr std::uint64_t kKiB = 1024;
    constexpr std::uint64_t kMiB = 1024 * kKiB;
    const Settings defaults;
    manifest.summary("Serves the files of a folder over HTTP.");
    manifest.required_folder("root", "The folder; no path, link or race leads out of it.");
    manifest.text("index", defaults.index, "What a folder is answered with.", &check_path);
    manifest.flag("listing", false, "Lists a folder that has no index.");
    manifest.flag("hidden", false, "Serves names that begin with '.'; those below /.well-known/ always are.");
    manifest.choice("follow-links", "beneath", {"beneath", "none"},
                    "Whether symbolic links are followed that stay within the root.");
    manifest.text("cache-control", "", "The Cache-Control of files.", &check_cache_control);
    manifest.text("try", "", "A file below the root for paths that do not exist, for single-page applications.",
                  &check_path);
    manifest.text("not-found", "", "A file below the root that is the page of a 404.", &check_path);
    manifest.flag("precompressed", true, "Sends FILE.br or FILE.gz, if not older, to clients that take them.");
    manifest.flag("gzip", true, "Compresses text of 1 KiB to 1 MiB, once, for clients that take it.");
    manifest.size("cache", 32 * kMiB, "Memory for files in each worker; 0: none.");
    manifest.size("cache-file", 64 * kKiB, "Files up to this are kept in memory, larger ones open.",
                  {0, std::int64_t{1} << 30});
    manifest.duration("revalidate", defaults.revalidate, "How long a cached file is sent without a look at the disk.");
    manifest.text("mime-types", "/etc/mime.types", "More media types; a file of your own wins over the built-in ones.");
  }

  prefork::Task<void> start(prefork::Context& context) override {
    site_ = std::make_unique<Site>(read_settings(context));
    return {};
  }

  void routes(http::Router& router) override {
    router.get("/{path...}", [this](http::Request& request) { return site_->answer(request); });
  }

 private:
  std::unique_ptr<Site> site_;
};

}  // namespace

PREFORK_SERVICE(Static)
