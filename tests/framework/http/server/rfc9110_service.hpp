#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <prefork/http.hpp>
#include <prefork/http/conditional.hpp>
#include <prefork/http/send_file.hpp>

/// The service that the tables of RFC 9110 13 and 14 address: representations with and without validators.
namespace prefork::http::test {

inline constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";

class Library final : public Service {
 public:
  static constexpr std::time_t kChanged = 784'111'777;  ///< Sun, 06 Nov 1994 08:49:37 GMT

  int written = 0;  ///< calls of methods that change something
  int read = 0;     ///< pieces of content that were requested

  static void describe(Manifest&) {}
  void routes(Router& router) override {
    router.get("/probe", [](Request&) { return Response::text("probe"); });
    offer(router, "/file", {"\"a\"", kChanged});
    offer(router, "/weak", {"W/\"a\"", std::nullopt});
    offer(router, "/tagged", {"\"a\"", std::nullopt});
    offer(router, "/dated", {"", kChanged});
    offer(router, "/bare", {"", std::nullopt});
    // There is no representation; only a request that makes one succeeds.
    router.put("/new", [this](Request& request) { return change(request, {"", std::nullopt, false}); });
    router.get("/empty", [](Request& request) { return send_file(request, content({"\"a\"", kChanged}, "")); });
    router.get("/spaced", [](Request& request) {
      return send_file(request, content({"\"a\"", kChanged}, "aa" + std::string(96, ' ') + "zz"));
    });
    router.get("/moved", [](Request&) { return Response::redirect("/file", Status::moved_permanently); });
    router.get("/no-ranges", [](Request&) { return Response::text(std::string(kLetters)); });
    router.put("/upload",
               [this](Request& request) -> Task<Response> {
                 const Validators own{"\"a\"", kChanged};
                 if (evaluate_preconditions(request, own) != Precondition::proceed)
                   co_return Response::error(Status::precondition_failed);
                 while (auto piece = co_await request.read()) ++read;
                 co_return Response::no_content();
               },
               {BodyMode::streamed, std::nullopt});
  }

 private:
  static FileContent content(const Validators& validators, std::string bytes) {
    FileContent file;
    file.source = std::make_shared<const std::string>(std::move(bytes));
    file.media_type = "text/plain";
    file.etag = validators.etag;
    file.last_modified = validators.last_modified;
    file.cache_control = "max-age=60";
    file.vary = "Accept-Encoding";
    return file;
  }

  /// GET sends the letters; methods that change them answer with 204 or 412; OPTIONS and TRACE neither select nor
  /// change.
  void offer(Router& router, std::string_view path, Validators validators) {
    const PreparedFile file(content(validators, std::string(kLetters)));
    router.get(path, [file](Request& request) { return file.answer(request); });
    for (const Method method :
         {Method::put, Method::post, Method::erase, Method::patch, Method::options, Method::trace})
      router.route(method, path, [this, validators](Request& request) { return change(request, validators); });
  }

  Response change(const Request& request, const Validators& validators) {
    if (evaluate_preconditions(request, validators) == Precondition::failed)
      return Response::error(Status::precondition_failed);
    ++written;
    return Response::no_content();
  }
};

/// "METHOD TARGET" with fields, one per line, without the CR LF of the last one.
inline std::string asks(const std::string& method_and_target, const std::string& fields) {
  return method_and_target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n\r\n";
}

}  // namespace prefork::http::test
