#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "services/admin/doorkeeper.hpp"
#include "services/admin/page.hpp"
#include "services/admin/readiness.hpp"

#include <prefork/http.hpp>
#include <prefork/http/event_stream.hpp>
#include <prefork/json.hpp>
#include <prefork/master.hpp>

namespace admin {

namespace http = prefork::http;
using prefork::Json;
using prefork::MasterAnswer;
using prefork::Task;
using Clock = std::chrono::steady_clock;

/// The server's state for people and programs: a dashboard, metrics, health. It gets everything from the master.
class Admin final : public http::Service {
 public:
  static void describe(prefork::Manifest& manifest) {
    manifest.summary("Dashboard, /metrics for Prometheus, /healthz, /readyz and /status of the server.");
    manifest.asks_master();
    manifest.file("token-file", "",
                  "The file with the token that reload and scale ask for; empty: nobody can change anything here.");
    manifest.secret("token", "The token itself, instead of a token-file.");
    manifest.flag("allow-remote", false, "Answers clients of other machines too.");
    manifest.integer("max-viewers", 32, "How many dashboards one worker feeds at once.", {1, 10'000});
  }

  Task<void> start(prefork::Context& context) override {
    context_ = &context;
    if (!prefork::may_ask_master(context)) {
      throw std::runtime_error("its pool may not ask the master: set master-access = read, or operate, in [pool " +
                               context.pool() + "]");
    }
    const std::string& path = context.options().text("token-file");
    token_ = context.options().text("token");
    if (!token_.empty() && !path.empty()) throw std::runtime_error("token and token-file are given: one is enough");
    if (!token_.empty()) check_token(token_, "token");
    if (!path.empty()) token_ = read_token(path);
    allow_remote_ = context.options().flag("allow-remote");
    any_host_ = !context.options().text("host").empty();  // then the framework has checked the host
    max_viewers_ = context.options().integer("max-viewers");
    return {};
  }

  void routes(http::Router& router) override {
    router.use([this](http::Request& request, http::NextHandler& next) { return admit(request, next); });
    router.get("/", give_page);
    router.get("/healthz", [this](http::Request&) { return health(); });
    router.get("/readyz", [this](http::Request&) { return readiness(); });
    router.get("/status", [this](http::Request&) { return status(); });
    router.get("/metrics", [this](http::Request&) { return metrics(); });
    router.get("/live", [this](http::Request& request) { return live(request); });
    router.use([this](http::Request& request, http::NextHandler& next) { return authorise(request, next); });
    router.post("/reload", [this](http::Request& request) { return reload(request); });
    router.post("/scale", [this](http::Request& request) { return scale(request); });
  }

 private:
  // Middlewares.

  Task<http::Response> admit(http::Request& request, http::NextHandler& next) {
    if (!allow_remote_ && !is_loopback(request.peer_address())) {
      co_return http::Response::error(http::Status::forbidden, "allow-remote is off");
    }
    if (!any_host_ && !is_literal_host(request.host())) {
      co_return http::Response::error(http::Status::misdirected_request, "set host to the names of this server");
    }
    http::Response response = co_await next(request);
    response.set("X-Content-Type-Options", "nosniff").set("Referrer-Policy", "no-referrer");
    if (!response.header("Cache-Control")) response.set("Cache-Control", "no-store");
    co_return response;
  }

  // The token comes in a field that a page of another site can't send without permission, and never in a cookie.
  Task<http::Response> authorise(http::Request& request, http::NextHandler& next) {
    if (token_.empty()) co_return http::Response::error(http::Status::forbidden, "no token-file is configured");
    const auto given = bearer_token(request.header("Authorization").value_or(std::string_view()));
    if (!given || !same_secret(token_, *given)) {
      if (given) context_->log(prefork::LogLevel::info, request.client_address() + " gave a wrong token");
      http::Response response = http::Response::error(http::Status::unauthorized);
      response.set("WWW-Authenticate", given ? "Bearer error=\"invalid_token\"" : "Bearer");
      co_return response;
    }
    http::Response response = co_await next(request);
    co_return response;
  }

  // Reading.

  static http::Response give_page(http::Request& request) {
    const bool known =
        request.header("If-None-Match").value_or(std::string_view()).find(page::kTag) != std::string::npos;
    http::Response response = known ? http::Response(http::Status::not_modified)
                                    : http::Response::html(http::StaticText::unowned(page::kHtml));
    response.set("Content-Security-Policy", page::kPolicy).set("Cache-Control", "no-cache").set("ETag", page::kTag);
    return response;
  }

  /// The master's latest status, at most a moment old, so that many viewers are no load for the master.
  Task<std::shared_ptr<const MasterAnswer>> latest() {
    constexpr std::chrono::milliseconds kMoment{500};
    if (latest_ && Clock::now() - asked_ < kMoment) co_return latest_;
    MasterAnswer answer = co_await prefork::ask_master(*context_, "status");
    latest_ = std::make_shared<const MasterAnswer>(std::move(answer));
    asked_ = Clock::now();
    co_return latest_;
  }

  static http::Response as_response(const MasterAnswer& answer) {
    return http::Response::json(answer.json + '\n', answer.ok ? http::Status::ok : http::Status::service_unavailable);
  }

  static Json parsed(const MasterAnswer& answer) {
    constexpr prefork::JsonLimits kLimits{16, 4'000'000};
    return Json::parse(answer.json, kLimits);
  }

  Task<http::Response> health() {
    const auto answer = co_await latest();
    if (!answer->ok) co_return as_response(*answer);
    co_return http::Response::text("ok\n");
  }

  Task<http::Response> readiness() {
    const auto answer = co_await latest();
    if (!answer->ok) co_return as_response(*answer);
    const std::string why = why_not_ready(parsed(*answer));
    if (why.empty()) co_return http::Response::text("ready\n");
    co_return http::Response::text(why + '\n', http::Status::service_unavailable);
  }

  Task<http::Response> status() {
    const auto answer = co_await latest();
    co_return as_response(*answer);
  }

  Task<http::Response> metrics() {
    const MasterAnswer answer = co_await prefork::ask_master(*context_, "metrics");
    if (!answer.ok) co_return as_response(answer);
    http::Response response = http::Response::text(parsed(answer).at("metrics").text());
    response.content_type(http::MediaType("text/plain; version=0.0.4; charset=utf-8"));
    co_return response;
  }

  // The live page.

  http::Response live(http::Request& request) {
    if (viewers_ >= max_viewers_) {
      return http::Response::error(http::Status::service_unavailable, "max-viewers dashboards are open already");
    }
    const auto viewer = std::make_shared<Viewer>(*this);
    http::Response response =
        http::event_stream(request, [this, viewer](http::EventStream& stream) { return feed(stream, viewer); },
                           {.retry = std::chrono::seconds(1)});
    return response.close();  // a client that leaves a retiring worker should find another one
  }

  /// Counts an open dashboard.
  struct Viewer {
    explicit Viewer(Admin& of) : admin(of) { ++admin.viewers_; }
    Viewer(const Viewer&) = delete;
    Viewer& operator=(const Viewer&) = delete;
    ~Viewer() { --admin.viewers_; }

   private:
    Admin& admin;
  };

  Task<void> feed(http::EventStream& stream, std::shared_ptr<Viewer>) {
    constexpr std::chrono::milliseconds kPause{1000};
    std::string next = "0";
    while (!context_->draining()) {
      const auto answer = co_await latest();
      const std::string status =
          R"({"controls":)" + std::string(token_.empty() ? "false" : "true") + R"(,"answer":)" + answer->json + '}';
      const http::ServerEvent state{status, "status", {}};
      const bool sent = co_await stream.send(state);
      if (!sent) co_return;
      const std::string question = "events " + next;
      const MasterAnswer events = co_await prefork::ask_master(*context_, question);
      const std::string last = number_after(events.json, R"("next":)");
      if (events.ok && last != next) {
        const http::ServerEvent news{events.json, "events", {}};
        const bool also = co_await stream.send(news);
        if (!also) co_return;
        next = last;
      }
      co_await context_->sleep_for(kPause);
    }
  }

  static std::string number_after(const std::string& json, std::string_view key) {
    const auto at = json.find(key);
    if (at == std::string::npos) return "0";
    const auto begin = at + key.size();
    return json.substr(begin, json.find_first_not_of("0123456789", begin) - begin);
  }

  // Changing.

  Task<http::Response> command(http::Request& request, const std::string& line) {
    context_->log(prefork::LogLevel::notice, request.client_address() + " asks for: " + line);
    const MasterAnswer answer = co_await prefork::ask_master(*context_, line);
    latest_.reset();
    co_return http::Response::json(answer.json + '\n', answer.ok ? http::Status::ok : http::Status::conflict);
  }

  // An answer that the master sends only when everything is done would hold up the next questions of all clients.
  Task<http::Response> reload(http::Request& request) {
    const std::string line = "reload --no-wait";
    http::Response response = co_await command(request, line);
    co_return response;
  }

  Task<http::Response> scale(http::Request& request) {
    std::string line;
    try {
      const Json wanted = Json::parse(request.body());
      line = "scale " + word(wanted.at("pool").text()) + ' ' + word(wanted.at("workers").text());
    } catch (const prefork::JsonError& error) {
      co_return http::Response::error(http::Status::bad_request, error.what());
    }
    http::Response response = co_await command(request, line);
    co_return response;
  }

  // Exactly one word of a command.
  static const std::string& word(const std::string& text) {
    for (const char c : text) {
      if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') throw prefork::JsonError("a name has no blanks in it");
    }
    if (text.empty()) throw prefork::JsonError("a name is empty");
    return text;
  }

  prefork::Context* context_ = nullptr;
  std::string token_;
  bool allow_remote_ = false;
  bool any_host_ = false;
  std::int64_t max_viewers_ = 0;
  std::int64_t viewers_ = 0;
  std::shared_ptr<const MasterAnswer> latest_;
  Clock::time_point asked_;
};

}  // namespace admin

using admin::Admin;
PREFORK_SERVICE(Admin)
