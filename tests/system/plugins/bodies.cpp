#include <prefork/context.hpp>
#include <prefork/http.hpp>
#include <prefork/http/form.hpp>

#include <fstream>
#include <string>

namespace {

namespace http = prefork::http;

constexpr http::RouteOptions kStreamed{http::BodyMode::streamed, std::uint64_t{64} << 20};

/// Tells what has arrived of requests' bodies, gives it back or keeps it in a folder.
class Bodies final : public http::Service {
 public:
  static void describe(prefork::Manifest& manifest) { manifest.text("folder", "/tmp", "Where files are kept."); }
  prefork::Task<void> start(prefork::Context& context) override {
    folder_ = context.options().text("folder");
    return {};
  }

 private:
  void routes(http::Router& router) override {
    router.post("/", [](http::Request& request) {
      return http::Response::text(std::to_string(request.body().size()) + " bytes\n");
    });
    router.post("/echo", [](http::Request& request) { return http::Response::text(std::string(request.body())); });
    router.get("/slow", [](http::Request& request) -> prefork::Task<http::Response> {
      co_await request.context().sleep_for(std::chrono::milliseconds(300));
      co_return http::Response::text("late\n");
    });
    router.put(
        "/files/{name}", [this](http::Request& request) { return keep(request); }, kStreamed);
    router.put(
        "/refused", [](http::Request&) { return http::Response::error(http::Status::forbidden); }, kStreamed);
    router.post(
        "/form", [this](http::Request& request) { return tell_form(request); }, kStreamed);
    router.post("/moved",
                [](http::Request&) { return http::Response::redirect("/echo", http::Status::permanent_redirect); });
    router.post("/login", [](http::Request&) {
      http::Response response = http::Response::redirect("/whoami", http::Status::see_other);
      response.set_cookie({.name = "sid", .value = "a1b2", .max_age = std::chrono::seconds(600)});
      return response;
    });
    router.get("/logout", [](http::Request&) {
      http::Response response = http::Response::redirect("/whoami");
      response.set_cookie(http::Cookie::expired("sid"));
      return response;
    });
    router.get("/whoami", [](http::Request& request) {
      return http::Response::text(std::string(request.cookie("sid").value_or("nobody")) + "\n");
    });
    router.get("/query", [](http::Request& request) {
      std::string text;
      for (const auto& [name, value] : http::query_fields(request)) text += name + "=" + value + "\n";
      return http::Response::text(text);
    });
  }

  prefork::Task<http::Response> keep(http::Request& request) {
    std::ofstream file(folder_ + "/" + std::string(request.param("name")), std::ios::binary);
    std::uint64_t bytes = 0;
    while (auto piece = co_await request.read()) {
      bytes += piece->size();
      file << *piece;
    }
    const char* how = request.content_length() ? " bytes by length\n" : " bytes chunked\n";
    if (!file.flush()) co_return http::Response::error(http::Status::insufficient_storage);
    co_return http::Response::text(std::to_string(bytes) + how);
  }

  prefork::Task<http::Response> tell_form(http::Request& request) {
    http::FormOptions options;
    options.directory = folder_;
    const http::Form form = co_await http::read_form(request, options);
    std::string text;
    for (const auto& [name, value] : form.fields) text += name + "=" + value + "\n";
    for (const http::UploadedFile& file : form.files) {
      text += name_of(file) + (file.save_as(folder_ + "/" + file.name()) ? "" : " exists") + "\n";
    }
    co_return http::Response::text(text);
  }

  static std::string name_of(const http::UploadedFile& file) {
    return file.name() + ": " + file.filename() + ", " + file.content_type() + ", " + std::to_string(file.size());
  }

  std::string folder_;
};

}  // namespace

PREFORK_SERVICE(Bodies)
